#pragma once

#include <libnet/runtime/task.hpp>
#include <libnet/transport/endpoint.hpp>
#include <libnet/transport/stream.hpp>

#include <functional>
#include <memory>

namespace libnet {

/// Puts something between a stream and whoever will use it: TLS, a header that a proxy sends first.
/// It takes the stream that has just been connected and answers another one over it, when that is
/// ready; or an error, when it never will be, and has closed what it was given then.
///
/// `where` is what a client has connected to, as it was asked for; empty on a server.
using stream_layer =
    std::function<task<std::unique_ptr<stream>>(std::unique_ptr<stream> below, endpoint where)>;

}  // namespace libnet
