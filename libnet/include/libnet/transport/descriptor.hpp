#pragma once

#include <libnet/core/config.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/transport/stream.hpp>

#include <memory>

namespace libnet {

/// Makes a stream of a socket that somebody else has made: one end of a connection over TCP or a Unix
/// socket, accepted, connected or inherited. Its options stay as they are, but for two: it is made
/// non-blocking, and TCP_NODELAY is set, since a connection gathers what it sends itself.
///
///     connection peer(adopt_descriptor(co_await this_loop(), descriptor));
///
/// Throws  boost::system::system_error for what is no connected stream socket, or what this loop
///         cannot wait for; it is still the caller's then.
LIBNET_ASIO_DECL std::unique_ptr<stream> adopt_descriptor(loop& home, int descriptor);

}  // namespace libnet
