#pragma once

#include <libnet/core/config.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace libnet {

/// Who we are: a certificate with those that lead to its authority, and its key. Each is the path of
/// a PEM file, which tls_context::reload() reads anew, or PEM text itself, which begins with
/// "-----BEGIN".
struct tls_certificate {
    std::string chain;  ///< our certificate first, then the intermediate ones
    std::string key;    ///< its private key; empty: it is in `chain` too

    /// Of an encrypted key.
    std::string passphrase{};

    /// The authority's word that the certificate is not revoked (OCSP), stapled to each handshake
    /// whose client asks for it: the path of a DER file, as `openssl ocsp -respout` writes it.
    std::string ocsp_response{};

    /// A certificate for these names and addresses that is signed by nobody but itself, valid for a
    /// year, with a P-256 key; in memory. For trying out, and for peers that pin it.
    ///
    /// Errors   throws boost::system::system_error if OpenSSL refuses.
    LIBNET_ASIO_TLS_DECL static tls_certificate
    self_signed(const std::vector<std::string>& names = {"localhost", "127.0.0.1", "::1"});

    /// SHA-256 of our certificate, 64 lowercase digits: what others pin.
    ///
    /// Errors   throws boost::system::system_error if `chain` cannot be read.
    LIBNET_ASIO_TLS_DECL std::string fingerprint() const;
};

}  // namespace libnet
