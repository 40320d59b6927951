#pragma once

#include <libnet/core/config.hpp>

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/error_condition.hpp>

#include <system_error>
#include <type_traits>

namespace libnet {

using boost::system::error_code;
using boost::system::error_condition;

/// Why an operation, a connection or a task ended. What the operating system says keeps its own
/// code (`connection_reset`, ...); these are the reasons that only libnet knows.
enum class error {
    cancelled = 1,  ///< somebody asked for it: cancel(), a signal, a group that ended

    closed,             ///< orderly end: the peer sent all it had, ended between two frames
    truncated_frame,    ///< the stream ended inside a frame
    truncated_stream,   ///< TLS: the stream ended without close_notify
    frame_too_large,    ///< a frame longer than the limit, received or about to be sent
    malformed_frame,    ///< bytes that are no frame of this framing
    unexpected_tls,     ///< instead of the first frame the peer began a TLS handshake
    unexpected_http,    ///< instead of the first frame the peer sent an HTTP request
    checksum_mismatch,  ///< a frame that is not as it was sent
    refused_payload,    ///< this framing cannot carry this payload, nothing was sent

    timeout,              ///< the deadline of a `within`
    connect_timeout,      ///< resolving and connecting took too long
    handshake_timeout,    ///< TLS handshake
    first_frame_timeout,  ///< connected, but said nothing
    frame_timeout,        ///< a frame took too long from its first byte to its last
    idle_timeout,         ///< nothing in either direction
    send_timeout,         ///< the peer does not take what we send
    heartbeat_timeout,    ///< no sign of life
    drain_timeout,        ///< a session did not end while the server was stopping
    close_timeout,        ///< the peer did not end its side
    lifetime_exceeded,    ///< the connection reached its maximum age
    call_timeout,         ///< no answer to a call in time

    too_slow,          ///< below the minimum data rate
    peer_not_reading,  ///< more is queued for the peer than its limit allows
    draining,          ///< the server is stopping: finish, begin nothing new
    limit_reached,     ///< a configured bound (connections, memory, ...)
    not_connected,     ///< there is no connection now, and the call was not to wait for one
    connection_lost,   ///< it ended before the answer came: whether it was carried out is not known
    pool_exhausted,    ///< no connection could be lent in time
    circuit_open,      ///< the endpoint is failing: not even tried

    certificate_expired,        ///< TLS, as all down to early_bytes: of the peer
    certificate_not_yet_valid,  ///< or a clock is wrong
    certificate_wrong_host,     ///< it names others than the host that was connected to
    certificate_untrusted,      ///< nobody who is trusted here has signed it
    certificate_not_pinned,     ///< it is none of the pinned ones
    certificate_invalid,        ///< revoked, too weak, for another purpose, damaged
    certificate_missing,        ///< the client showed none
    certificate_refused,        ///< the peer does not accept ours
    protocol_too_old,           ///< one side knows only versions that the other no longer accepts
    no_common_cipher,           ///< the two have no way to encrypt in common
    no_common_protocol,         ///< the two have no application protocol (ALPN) in common
    plain_text,                 ///< the peer speaks without TLS
    plain_http,                 ///< the peer sent an HTTP request without TLS
    malformed_record,           ///< bytes that are no TLS, or that somebody has changed
    handshake_aborted,          ///< the peer closed the connection during the handshake
    handshake_failed,           ///< it failed for another reason
    early_bytes,                ///< sent before the upgrade to TLS: anybody may have put them there

    invalid_endpoint,    ///< text that is no HOST:PORT and no unix:PATH
    host_not_found,      ///< the name does not resolve
    out_of_descriptors,  ///< the process may open no more files (`ulimit -n`)
    not_supported,       ///< this stream or platform cannot do that
    no_value,            ///< a task ended without the value that it promised
};

/// What many errors have in common: compare with `==`.
enum class condition {
    timeout = 1,      ///< every timeout above; equals `std::errc::timed_out` as well
    bad_input,        ///< the peer broke the framing: truncated, too large, malformed, damaged
    bad_certificate,  ///< a certificate was not accepted, by us or by the peer
    option_refused,   ///< the kernel refused a socket option; the message says which, and why
};

/// The categories of `error` and of `condition`, by which their codes are compared.
LIBNET_ASIO_DECL const boost::system::error_category& error_category() noexcept;
LIBNET_ASIO_DECL const boost::system::error_category& condition_category() noexcept;

/// What lets an `error` be given where an `error_code` is wanted.
inline error_code make_error_code(error e) noexcept
{
    return {static_cast<int>(e), error_category()};
}

/// What lets an `error_code` be compared with a `condition`.
inline error_condition make_error_condition(condition c) noexcept
{
    return {static_cast<int>(c), condition_category()};
}

/// The name in the enumeration, for logs and counters: "idle_timeout". "unknown" for a number that
/// is none of them.
LIBNET_ASIO_DECL const char* name_of(error e) noexcept;

}  // namespace libnet

template <>
struct boost::system::is_error_code_enum<libnet::error> : std::true_type {};

template <>
struct boost::system::is_error_condition_enum<libnet::condition> : std::true_type {};

// The same for code that holds std::error_code.
template <>
struct std::is_error_code_enum<libnet::error> : std::true_type {};

template <>
struct std::is_error_condition_enum<libnet::condition> : std::true_type {};
