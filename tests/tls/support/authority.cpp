#include "authority.hpp"

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace libnet::tests {
namespace {

constexpr long hour = 60L * 60;
constexpr long day = 24 * hour;

template <class T>
T sure(T answer)
{
    if (!answer) {
        throw std::runtime_error("OpenSSL refuses to make a certificate");
    }
    return answer;
}

void extend(X509* x, X509* issuer, int kind, const std::string& value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, x, nullptr, nullptr, 0);
    X509_EXTENSION* const extension =
        sure(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
}

X509* blank(EVP_PKEY* key, const std::string& name, long from, long until)
{
    static long serial = 1;
    X509* const x = sure(X509_new());
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x), from);
    X509_gmtime_adj(X509_getm_notAfter(x), until);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    return x;
}

template <class Write>
std::string in_pem(Write write)
{
    BIO* const bio = sure(BIO_new(BIO_s_mem()));
    write(bio);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
}

std::string in_pem(X509* x)
{
    return in_pem([&](BIO* bio) { PEM_write_bio_X509(bio, x); });
}

}  // namespace

struct authority::parts {
    ~parts()
    {
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
    EVP_PKEY* key = nullptr;
    X509* certificate = nullptr;
};

authority::authority(const std::string& name) : parts_(std::make_unique<parts>())
{
    make(name, *parts_, 3650);
}

authority::authority(const std::string& name, const authority& above, int ends_in_days)
    : parts_(std::make_unique<parts>())
{
    make(name, *above.parts_, ends_in_days);
}

void authority::make(const std::string& name, const parts& signer, int ends_in_days)
{
    parts_->key = sure(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    X509* const x = parts_->certificate = blank(parts_->key, name, -10 * day, ends_in_days * day);
    X509_set_issuer_name(x, X509_get_subject_name(signer.certificate));
    extend(x, x, NID_basic_constraints, "critical,CA:TRUE");
    extend(x, x, NID_key_usage, "critical,keyCertSign,cRLSign");
    extend(x, x, NID_subject_key_identifier, "hash");
    X509_sign(x, signer.key, EVP_sha256());
    pem_ = in_pem(x);
}

authority::~authority() = default;

tls_certificate authority::issue(const certificate_request& request) const
{
    EVP_PKEY* const key =
        sure(request.rsa_bits == 0 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")
                                   : EVP_RSA_gen(request.rsa_bits));
    X509* const x =
        blank(key, request.common_name, request.valid_from_days * day,
              (request.valid_from_days + request.valid_for_days) * day +
                  request.valid_for_hours * hour);
    X509_set_issuer_name(x, X509_get_subject_name(parts_->certificate));
    extend(x, parts_->certificate, NID_basic_constraints, "critical,CA:FALSE");
    extend(x, parts_->certificate, NID_ext_key_usage, request.purpose);
    std::string names;
    for (const std::string& name : request.names) {
        names += (names.empty() ? "" : ",") + name;
    }
    if (!names.empty()) {
        extend(x, parts_->certificate, NID_subject_alt_name, names);
    }
    X509_sign(x, parts_->key, EVP_sha256());
    tls_certificate made{.chain = in_pem(x), .key = in_pem([&](BIO* bio) {
                                                 PEM_write_bio_PrivateKey(bio, key, nullptr,
                                                                          nullptr, 0, nullptr,
                                                                          nullptr);
                                             })};
    X509_free(x);
    EVP_PKEY_free(key);
    return made;
}

std::string authority::vouch_for(const tls_certificate& issued) const
{
    BIO* const pem =
        sure(BIO_new_mem_buf(issued.chain.data(), static_cast<int>(issued.chain.size())));
    X509* const x = sure(PEM_read_bio_X509(pem, nullptr, nullptr, nullptr));
    OCSP_CERTID* const id = sure(OCSP_cert_to_id(nullptr, x, parts_->certificate));
    ASN1_TIME* const now = X509_gmtime_adj(nullptr, 0);
    ASN1_TIME* const then = X509_gmtime_adj(nullptr, day);
    OCSP_BASICRESP* const answer = sure(OCSP_BASICRESP_new());
    sure(OCSP_basic_add1_status(answer, id, V_OCSP_CERTSTATUS_GOOD, 0, nullptr, now, then));
    sure(OCSP_basic_sign(answer, parts_->certificate, parts_->key, EVP_sha256(), nullptr, 0) == 1);
    OCSP_RESPONSE* const response =
        sure(OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, answer));
    unsigned char* der = nullptr;
    const int size = i2d_OCSP_RESPONSE(response, &der);
    std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(answer);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(then);
    ASN1_TIME_free(now);
    X509_free(x);
    BIO_free(pem);
    return text;
}

}  // namespace libnet::tests
