#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/error.hpp>

/// What comes before OpenSSL sees a byte of it.
namespace libnet::detail {

/// Whether a client's first message has come whole, over as many records as it takes, or what can be
/// none. OpenSSL makes room for as much as a message announces, so it sees nothing of it before.
bool has_first_message(bytes received) noexcept;

/// What it is instead, if these bytes are not how a handshake begins: with a handshake record, or with
/// the alert that refuses it. That is worth an answer of its own, since it is the most common mistake
/// of all. error{} if it is one.
error not_how_tls_begins(bytes received) noexcept;

}  // namespace libnet::detail
