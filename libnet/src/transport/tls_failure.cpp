#include "tls_failure.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <stdexcept>

namespace libnet::detail {
namespace {

error meaning_of_verification(long result) noexcept
{
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return error::certificate_expired;
    case X509_V_ERR_CERT_NOT_YET_VALID: return error::certificate_not_yet_valid;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return error::certificate_wrong_host;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED: return error::certificate_untrusted;
    case X509_V_ERR_CERT_REJECTED: return error::certificate_not_pinned;
    default: return error::certificate_invalid;
    }
}

/// What the peer says in an alert (RFC 8446, 6.2).
error meaning_of_alert(int alert) noexcept
{
    switch (alert) {
    case SSL_AD_PROTOCOL_VERSION:
    case SSL_AD_INAPPROPRIATE_FALLBACK: return error::protocol_too_old;
    case SSL_AD_INSUFFICIENT_SECURITY: return error::no_common_cipher;
    case SSL_AD_NO_APPLICATION_PROTOCOL: return error::no_common_protocol;
    case SSL_AD_NO_CERTIFICATE:
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED: return error::certificate_refused;
    case SSL_AD_BAD_RECORD_MAC:
    case SSL_AD_RECORD_OVERFLOW: return error::malformed_record;
    default: return error::handshake_failed;
    }
}

error meaning_of_reason(int reason) noexcept
{
    if (reason > SSL_AD_REASON_OFFSET) {
        return meaning_of_alert(reason - SSL_AD_REASON_OFFSET);
    }
    switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_NO_PROTOCOLS_AVAILABLE: return error::protocol_too_old;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS: return error::no_common_cipher;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return error::certificate_missing;
    case SSL_R_NO_APPLICATION_PROTOCOL: return error::no_common_protocol;
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST: return error::plain_http;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
    case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
    case SSL_R_DATA_LENGTH_TOO_LONG:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_LENGTH_MISMATCH:
    case SSL_R_UNEXPECTED_RECORD:
    case SSL_R_RECORD_TOO_SMALL:
    case SSL_R_RECORD_LENGTH_MISMATCH:
    case SSL_R_BAD_PACKET:
    case SSL_R_BAD_PACKET_LENGTH:
    case SSL_R_UNEXPECTED_MESSAGE: return error::malformed_record;
    case SSL_R_TOO_MANY_KEY_UPDATES:
    case SSL_R_TOO_MANY_WARN_ALERTS: return error::limit_reached;
    default: return error::handshake_failed;
    }
}

error_code meaning_of(SSL* ssl, unsigned long first, unsigned long last) noexcept
{
    if (ERR_GET_REASON(first) == ERR_R_MALLOC_FAILURE ||
        ERR_GET_REASON(last) == ERR_R_MALLOC_FAILURE) {
        return make_error_code(boost::system::errc::not_enough_memory);
    }
    if (ERR_GET_LIB(first) == ERR_LIB_SSL || ERR_GET_LIB(last) == ERR_LIB_SSL) {
        const int reason = ERR_GET_REASON(ERR_GET_LIB(first) == ERR_LIB_SSL ? first : last);
        if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
            return meaning_of_verification(SSL_get_verify_result(ssl));
        }
        return meaning_of_reason(reason);
    }
    return error::handshake_failed;
}

}  // namespace

error_code tls_failure_of(SSL* ssl) noexcept
{
    const unsigned long first = ERR_peek_error();
    const unsigned long last = ERR_peek_last_error();
    ERR_clear_error();
    return meaning_of(ssl, first, last);
}

error_code tls_failure_behind_others(SSL* ssl) noexcept
{
    const unsigned long last = ERR_peek_last_error();
    ERR_clear_error();
    return meaning_of(ssl, last, last);
}

void refuse_setup(const std::string& text)
{
    class refusal final : public boost::system::system_error {
    public:
        explicit refusal(const std::string& why)
            : system_error(make_error_code(boost::system::errc::invalid_argument)), text_(why)
        {
        }
        const char* what() const noexcept override { return text_.what(); }

    private:
        std::runtime_error text_;  // which copies without failing
    };
    throw refusal(text);
}

std::string tls_reason()
{
    const unsigned long first = ERR_get_error();
    ERR_clear_error();
    if (ERR_SYSTEM_ERROR(first)) {
        return make_error_code(static_cast<boost::system::errc::errc_t>(ERR_GET_REASON(first)))
            .message();
    }
    const char* const reason = ERR_reason_error_string(first);
    return reason != nullptr ? reason : "unknown reason";
}

}  // namespace libnet::detail
