#include "tls_failure.hpp"
#include "tls_handle.hpp"

#include <libnet/core/ip_address.hpp>
#include <libnet/transport/tls_certificate.hpp>

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>

namespace libnet {
namespace {

using namespace detail;

constexpr long year = 365L * 24 * 60 * 60;

/// OpenSSL's answer, or its reason as an exception.
template <class T>
T sure(T answer)
{
    if (!answer) {
        throw boost::system::system_error(make_error_code(boost::system::errc::invalid_argument),
                                          "cannot make a self-signed certificate: " + tls_reason());
    }
    return answer;
}

void add_extension(X509* certificate, int kind, const std::string& value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension =
        sure(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
    const int added = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    sure(added == 1);
}

std::string written(auto&& write)
{
    const tls_bio_handle bio(sure(BIO_new(BIO_s_mem())));
    sure(write(bio.get()) == 1);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

}  // namespace

tls_certificate tls_certificate::self_signed(const std::vector<std::string>& names)
{
    ERR_clear_error();
    const std::string common_name = names.empty() ? "localhost" : names.front();
    std::string alternatives;
    for (const std::string& name : names) {
        alternatives.append(alternatives.empty() ? "" : ",")
            .append(ip_address::parse(name) ? "IP:" : "DNS:")
            .append(name);
    }

    const tls_key_handle key_pair(sure(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")));
    const tls_certificate_handle made(sure(X509_new()));
    X509* const x = made.get();
    sure(X509_set_version(x, 2) == 1);
    std::array<unsigned char, 16> serial{};
    sure(RAND_bytes(serial.data(), static_cast<int>(serial.size())) == 1);
    serial[0] &= 0x7f;
    BIGNUM* const number = sure(BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
    const bool numbered = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != nullptr;
    BN_free(number);
    sure(numbered);
    // From yesterday on: clocks differ.
    sure(X509_gmtime_adj(X509_getm_notBefore(x), -24L * 60 * 60));
    sure(X509_gmtime_adj(X509_getm_notAfter(x), year));
    sure(X509_set_pubkey(x, key_pair.get()) == 1);
    X509_NAME* const name = X509_get_subject_name(x);
    sure(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.data()),
                                    static_cast<int>(common_name.size()), -1, 0) == 1);
    sure(X509_set_issuer_name(x, name) == 1);
    add_extension(x, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(x, NID_key_usage, "critical,digitalSignature");
    add_extension(x, NID_ext_key_usage, "serverAuth,clientAuth");
    add_extension(x, NID_subject_key_identifier, "hash");
    if (!alternatives.empty()) {
        add_extension(x, NID_subject_alt_name, alternatives);
    }
    sure(X509_sign(x, key_pair.get(), EVP_sha256()) != 0);

    return {.chain = written([&](BIO* bio) { return PEM_write_bio_X509(bio, x); }),
            .key = written([&](BIO* bio) {
                return PEM_write_bio_PrivateKey(bio, key_pair.get(), nullptr, nullptr, 0, nullptr,
                                                nullptr);
            })};
}

}  // namespace libnet
