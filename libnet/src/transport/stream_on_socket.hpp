#pragma once

#include "socket_names.hpp"

#include <libnet/core/result.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/transport/owned_descriptor.hpp>
#include <libnet/transport/stream.hpp>

#include <memory>

namespace libnet::detail {

/// A stream on a connected socket, which does not block, in the cheapest way that its loop has. `connected`
/// keeps the descriptor if this fails or throws.
result<std::unique_ptr<stream>> stream_on_socket(loop& home, int family,
                                                 owned_descriptor& connected,
                                                 socket_names names);

}  // namespace libnet::detail
