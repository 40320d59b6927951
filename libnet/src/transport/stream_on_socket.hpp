#pragma once

#include <libnet/core/ip_address.hpp>
#include <libnet/core/result.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/transport/owned_descriptor.hpp>
#include <libnet/transport/stream.hpp>

#include <memory>
#include <string>

namespace libnet::detail {

/// A stream on a connected socket, which does not block, in the cheapest way that its loop has. `connected`
/// keeps the descriptor if this fails or throws. `local` is empty where the kernel can be asked for it.
result<std::unique_ptr<stream>> stream_on_socket(loop& home, int family,
                                                 owned_descriptor& connected, std::string peer,
                                                 const ip_address& address, std::string local = {});

}  // namespace libnet::detail
