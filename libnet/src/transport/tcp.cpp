#include <libnet/transport/tcp.hpp>

#include "connect_within.hpp"

#include <libnet/transport/network.hpp>

#include <utility>

namespace libnet {
namespace {

task<std::unique_ptr<stream>> connect_to_any(endpoint where, socket_options options)
{
    network& net = detail::network_of(co_await detail::fiber_await{});
    auto resolving = net.resolve(std::move(where));
    const auto addresses = co_await checked(std::move(resolving));
    error_code last = error::host_not_found;
    for (const socket_address& address : addresses) {
        auto connecting = net.connect(address, options);
        auto connected = co_await std::move(connecting);
        if (connected) {
            co_return std::move(*connected);
        }
        last = connected.error();
        if (last == error::cancelled || last == error::timeout) {
            break;
        }
    }
    co_return last;
}

}  // namespace

std::unique_ptr<listener> tcp::listen(loop& home, const endpoint& where,
                                      const socket_options& options)
{
    return network_of(home).listen(where, options);
}

task<std::unique_ptr<stream>> tcp::connect(endpoint where, socket_options options, duration limit)
{
    return detail::connect_within(limit, connect_to_any(std::move(where), std::move(options)));
}

}  // namespace libnet
