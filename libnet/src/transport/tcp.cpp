#include <libnet/transport/tcp.hpp>

#include "connect_within.hpp"
#include "dial.hpp"

#include <libnet/transport/network.hpp>

#include <utility>

namespace libnet {

std::unique_ptr<listener> tcp::listen(loop& home, const endpoint& where,
                                      const socket_options& options)
{
    return network_of(home).listen(where, options);
}

task<std::unique_ptr<stream>> tcp::connect(endpoint where, socket_options options, duration limit)
{
    return detail::connect_within(limit,
                                  detail::dial(std::move(where), std::move(options), nullptr));
}

}  // namespace libnet
