#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/literals.hpp>
#include <libnet/core/time.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/transport/endpoint.hpp>
#include <libnet/transport/listener.hpp>
#include <libnet/transport/socket_options.hpp>
#include <libnet/transport/stream.hpp>

#include <memory>
#include <string_view>

namespace libnet::tcp {

/// Opens a listening socket on `where` (port 0: the kernel picks one).
///
/// Throws boost::system::system_error whose text names the endpoint, and the option that the kernel
/// refused if it was one. The descriptor is close-on-exec.
LIBNET_ASIO_DECL std::unique_ptr<listener> listen(loop& home, const endpoint& where,
                                                  const socket_options& options = {});

/// Resolves and connects, all of it within `limit`. Of several addresses the first that answers wins:
/// they are tried in turn, IPv6 and IPv4 alternating, but the next need not wait for longer than
/// 250 ms (RFC 8305).
///
/// Errors   connect_timeout; host_not_found; else what the last address answered
///          (connection_refused, ...), rather than that there is no way to another;
///          condition::option_refused.
/// Cancel   safe: nothing of it goes on but a lookup, whose answer is remembered.
LIBNET_ASIO_DECL task<std::unique_ptr<stream>> connect(endpoint where, socket_options options = {},
                                                       duration limit = std::chrono::seconds(3));

}  // namespace libnet::tcp
