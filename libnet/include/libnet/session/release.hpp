#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/session/connection.hpp>
#include <libnet/transport/stream.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace libnet {

/// What a connection stood on, and what had come in for it already.
struct released_stream {
    std::unique_ptr<stream> transport;  ///< the caller's from now on

    /// Received and not handed out, with framing and all: it comes before what the stream will read.
    std::vector<std::byte> received;
};

/// Takes a connection apart: what was accepted leaves first, then its stream is somebody else's. For
/// whoever goes on with another framing, or without one:
///
///     released_stream rest = co_await checked(release(peer));
///     connection other(std::move(rest.transport), std::move(options));
///     put_back(other, rest.received);
///
/// Works with every stream: TLS comes as the stream of what is encrypted, and stays TLS. The socket
/// itself, for Asio, is what release_socket() of <libnet/asio/adopt.hpp> answers.
///
/// Lifetime the last frame is valid as long as `peer`, which has ended with `closed`.
/// Errors   whatever ended the connection; send_timeout; not_supported: reading cannot be stopped.
/// Cancel   safe: it is still a connection then.
/// Overlap  send() until it begins. No receive(). What handles have queued and it has not accepted
///          by then is not sent.
LIBNET_ASIO_DECL task<released_stream> release(connection& peer);

/// Gives a connection bytes that somebody else has received for it, as if it had received them.
/// Throws std::logic_error when it has received something itself.
LIBNET_ASIO_DECL void put_back(connection& peer, bytes received);

namespace detail {

struct released_descriptor {
    int descriptor = -1;
    std::vector<std::byte> received;
};

/// The same with the descriptor. Errors also: not_supported, and it is still a connection then.
LIBNET_ASIO_DECL task<released_descriptor> release_descriptor(connection& peer);

}  // namespace detail
}  // namespace libnet
