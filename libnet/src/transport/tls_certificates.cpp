#include "tls_certificates.hpp"

#include "tls_failure.hpp"

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <new>
#include <utility>

namespace libnet::detail {
namespace {

constexpr std::string_view pem_begin = "-----BEGIN";

bool is_text(std::string_view pem)
{
    return pem.find(pem_begin) != std::string_view::npos;
}

tls_bio_handle in_memory(const std::string& text)
{
    tls_bio_handle bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    if (!bio) {
        throw std::bad_alloc();
    }
    return bio;
}

std::string contents(const std::string& pem, std::string_view what)
{
    return is_text(pem) ? pem : read_file(pem, what);
}

std::string text_in(BIO* bio)
{
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string name_text(const X509_NAME* name)
{
    const tls_bio_handle bio(BIO_new(BIO_s_mem()));
    if (!bio) {
        throw std::bad_alloc();
    }
    X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    return text_in(bio.get());
}

std::string common_name_of(X509_NAME* name)
{
    const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0) {
        return {};
    }
    unsigned char* text = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size < 0) {
        return {};
    }
    std::string found(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    return found;
}

std::chrono::system_clock::time_point when(const ASN1_TIME* time)
{
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        return {};
    }
    using namespace std::chrono;
    const year_month_day day{year(parts.tm_year + 1900),
                             month(static_cast<unsigned>(parts.tm_mon + 1)),
                             std::chrono::day(static_cast<unsigned>(parts.tm_mday))};
    return sys_days(day) + hours(parts.tm_hour) + minutes(parts.tm_min) + seconds(parts.tm_sec);
}

std::string when_text(const ASN1_TIME* time)
{
    std::tm parts{};
    std::array<char, 32> text{};
    if (ASN1_TIME_to_tm(time, &parts) != 1 ||
        std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
        return "an unknown time";
    }
    return text.data();
}

/// The subject's alternative names of one kind.
std::vector<std::string> alternative_names(X509* certificate, int kind)
{
    std::vector<std::string> found;
    auto* const names = static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    const std::unique_ptr<GENERAL_NAMES, tls_free<GENERAL_NAMES_free>> owner(names);
    for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
        const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names, i);
        if (name->type == kind) {
            // These kinds are all strings.
            const ASN1_STRING* const text = kind == GEN_IPADD ? name->d.iPAddress : name->d.ia5;
            found.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                               static_cast<std::size_t>(ASN1_STRING_length(text)));
        }
    }
    return found;
}

std::string no_certificate_in(const std::string& text)
{
    constexpr char sequence_of_der = 0x30;
    if (text.starts_with(sequence_of_der)) {
        return "it is DER or PKCS #12, and PEM is expected; openssl x509 -inform der, or openssl "
               "pkcs12, turns it into that";
    }
    return text.find("PRIVATE KEY") != std::string::npos
               ? "there is no PEM certificate in it, but a private key"
               : "there is no PEM certificate in it";
}

/// Of the four or sixteen bytes that stand in a certificate.
std::string address_text(const std::string& address)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = address.size() == 4 ? AF_INET : AF_INET6;
    const bool is_address = address.size() == 4 || address.size() == 16;
    return is_address && ::inet_ntop(family, address.data(), text.data(), text.size()) != nullptr
               ? text.data()
               : "an unknown address";
}

int answer_passphrase(char* to, int room, int, void* passphrase)
{
    const auto& text = *static_cast<const std::string*>(passphrase);
    if (text.size() > static_cast<std::size_t>(room)) {
        return -1;
    }
    std::memcpy(to, text.data(), text.size());
    return static_cast<int>(text.size());
}

}  // namespace

std::string name_of_pem(const std::string& pem)
{
    return is_text(pem) ? std::string("the given PEM text") : pem;
}

std::string read_file(const std::string& path, std::string_view what)
{
    const auto refuse_file = [&](int why) {
        throw boost::system::system_error(error_code(why, boost::system::system_category()),
                                          "cannot read " + std::string(what) + " '" + path + "'");
    };
    const std::unique_ptr<std::FILE, tls_free<std::fclose>> file(std::fopen(path.c_str(), "rb"));
    if (!file) {
        refuse_file(errno);
    }
    std::string content;
    std::array<char, 4096> some{};
    while (const std::size_t count = std::fread(some.data(), 1, some.size(), file.get())) {
        content.append(some.data(), count);
    }
    if (std::ferror(file.get()) != 0) {
        refuse_file(errno);
    }
    return content;
}

std::vector<tls_certificate_handle> read_certificates(const std::string& pem, std::string_view what)
{
    const std::string text = contents(pem, what);
    const tls_bio_handle bio = in_memory(text);
    std::vector<tls_certificate_handle> found;
    ERR_clear_error();
    while (X509* const next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
        found.emplace_back(next);
    }
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (found.empty() || !at_end) {
        const std::string why =
            found.empty() && at_end ? no_certificate_in(text) : "it is damaged: " + tls_reason();
        ERR_clear_error();
        refuse_setup(std::string(what) + " in " + name_of_pem(pem) + " cannot be used: " + why);
    }
    ERR_clear_error();
    return found;
}

tls_key_handle read_key(const std::string& pem, const std::string& passphrase)
{
    const std::string text = contents(pem, "the private key");
    const tls_bio_handle bio = in_memory(text);
    ERR_clear_error();
    tls_key_handle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, answer_passphrase,
                                               const_cast<std::string*>(&passphrase)));
    if (!key) {
        std::string why;
        if (text.find("PRIVATE KEY") == std::string::npos) {
            why = "there is no PEM private key in it";
        } else if (text.find("ENCRYPTED") != std::string::npos) {
            why = passphrase.empty() ? "it is encrypted, and no passphrase was given"
                                     : "the passphrase does not fit";
        } else {
            why = "it is damaged: " + tls_reason();
        }
        ERR_clear_error();
        refuse_setup("the private key in " + name_of_pem(pem) + " cannot be used: " + why);
    }
    return key;
}

std::string printable(std::string text)
{
    for (char& c : text) {
        const auto code = static_cast<unsigned char>(c);
        c = code < 0x20 || code == 0x7f ? '?' : c;
    }
    return text;
}

std::string describe_certificate(X509* certificate)
{
    std::string text = name_text(X509_get_subject_name(certificate)) + ", issued by " +
                       name_text(X509_get_issuer_name(certificate)) + ", valid from " +
                       when_text(X509_get0_notBefore(certificate)) + " until " +
                       when_text(X509_get0_notAfter(certificate));
    auto names = alternative_names(certificate, GEN_DNS);
    for (const std::string& address : alternative_names(certificate, GEN_IPADD)) {
        names.push_back(address_text(address));
    }
    const char* before = ", for ";
    for (const std::string& name : names) {
        text += before + printable(name);
        before = ", ";
    }
    return names.empty() ? text + ", without a host name (subjectAltName)" : text;
}

certificate_identity identity_of(X509* certificate)
{
    X509_NAME* const subject = X509_get_subject_name(certificate);
    return {.subject = name_text(subject),
            .common_name = common_name_of(subject),
            .issuer = name_text(X509_get_issuer_name(certificate)),
            .dns_names = alternative_names(certificate, GEN_DNS),
            .uris = alternative_names(certificate, GEN_URI),
            .emails = alternative_names(certificate, GEN_EMAIL),
            .fingerprint = fingerprint_of(certificate),
            .expires = when(X509_get0_notAfter(certificate))};
}

duration trusted_for(X509* shown)
{
    constexpr duration longest = std::chrono::hours(24);
    int days = 0;
    int seconds = 0;
    if (shown == nullptr) {
        return longest;
    }
    if (ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(shown)) != 1 || days < 0 ||
        seconds < 0) {
        return duration::zero();
    }
    return days > 0 ? longest : std::chrono::seconds(seconds);
}

std::string fingerprint_of(X509* certificate)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) {
        throw std::bad_alloc();
    }
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        static constexpr char digits[] = "0123456789abcdef";
        text += {digits[digest[i] >> 4], digits[digest[i] & 15]};
    }
    return text;
}

std::vector<std::string> dns_names_of(X509* certificate)
{
    auto names = alternative_names(certificate, GEN_DNS);
    if (names.empty()) {
        if (std::string only = common_name_of(X509_get_subject_name(certificate)); !only.empty()) {
            names.push_back(std::move(only));
        }
    }
    for (std::string& name : names) {
        for (char& c : name) {
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
    }
    return names;
}

}  // namespace libnet::detail

namespace libnet {

std::string tls_certificate::fingerprint() const
{
    return detail::fingerprint_of(
        detail::read_certificates(chain, "the certificate").front().get());
}

}  // namespace libnet
