#pragma once

#include <libnet/runtime/task.hpp>
#include <libnet/session/proxy_protocol.hpp>
#include <libnet/transport/stream.hpp>

#include <memory>

namespace libnet::detail {

/// Reads the header that a balancer sends first, and answers the stream of what follows; or an error,
/// and has closed what it was given then.
///
/// Errors   proxy_error; closed: it ended before it said anything; the network's.
/// Cancel   safe; the transport is closed.
task<std::unique_ptr<stream>> receive_proxy_header(std::unique_ptr<stream> transport,
                                                   const proxy_protocol& how);

/// Sends one, before anything else.
task<std::unique_ptr<stream>> send_proxy_header(std::unique_ptr<stream> transport,
                                                const proxy_header& header);

}  // namespace libnet::detail
