#pragma once

#include <libnet/core/error.hpp>

#include <openssl/ssl.h>

#include <string>

namespace libnet::detail {

/// What OpenSSL's last failure on this connection means, in our words. Empties the thread's queue of
/// errors.
error_code tls_failure_of(SSL* ssl) noexcept;

/// The same where others may have left something in the queue before: only the newest is ours.
error_code tls_failure_behind_others(SSL* ssl) noexcept;

/// Throws boost::system::system_error for options or files that are of no use; what() is this text and
/// nothing else.
[[noreturn]] void refuse_setup(const std::string& text);

/// OpenSSL's own words for the first failure in the thread's queue, which it empties: "no start
/// line".
std::string tls_reason();

}  // namespace libnet::detail
