#pragma once

#include "tls_handle.hpp"

#include <libnet/core/error.hpp>
#include <libnet/core/time.hpp>
#include <libnet/transport/security_info.hpp>
#include <libnet/transport/tls_certificate.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace libnet::detail {

/// A file or text in PEM. Throws boost::system::system_error that names the file and what is wrong
/// with it; `what` says what it should be.
std::vector<tls_certificate_handle> read_certificates(const std::string& pem,
                                                      std::string_view what);
tls_key_handle read_key(const std::string& pem, const std::string& passphrase);

/// The whole of a file; throws boost::system::system_error that names it.
std::string read_file(const std::string& path, std::string_view what);

/// What to call it in errors: the path, or that it is text.
std::string name_of_pem(const std::string& pem);

/// What a peer chooses and logs show: without control characters, which could begin a line of their
/// own.
std::string printable(std::string text);

/// "CN=localhost, issued by CN=localhost, valid until 2027-01-31 12:00:00 UTC, for localhost,
/// 127.0.0.1"
std::string describe_certificate(X509* certificate);

certificate_identity identity_of(X509* certificate);

/// How long what a handshake has proved counts in those that go on with its session: a day, and no
/// longer than the certificate that was shown, if one was.
duration trusted_for(X509* shown);

/// SHA-256, 64 lowercase digits.
std::string fingerprint_of(X509* certificate);

/// Lowercase names that it is for; a wildcard as it is.
std::vector<std::string> dns_names_of(X509* certificate);

}  // namespace libnet::detail
