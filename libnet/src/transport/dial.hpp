#pragma once

#include <libnet/core/error.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/transport/endpoint.hpp>
#include <libnet/transport/socket_options.hpp>
#include <libnet/transport/stream.hpp>

#include <functional>
#include <memory>
#include <string>

namespace libnet::detail {

using on_address_failed = std::function<void(const std::string& address, const error_code& why)>;

/// Connects to a path, or to whichever of the host's addresses answers first: they are tried as
/// `happy_eyeballs` has it, in the network of the running task. The attempts that did not win have
/// ended when it returns, and their sockets are closed.
///
/// Errors   host_not_found; if no address could be connected to, what the last one said, but one that
///          could be reached counts more.
/// Cancel   safe.
task<std::unique_ptr<stream>> dial(endpoint where, socket_options options, on_address_failed tell);

}  // namespace libnet::detail
