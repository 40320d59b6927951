#include <libnet/transport/network.hpp>

#include "../runtime/asio_loop.hpp"
#include "system_network.hpp"

#include <libnet/transport/datagram_channel.hpp>

#include <boost/system/system_error.hpp>

#include <memory>
#include <utility>

namespace libnet {

std::unique_ptr<datagram_channel> network::open_datagrams(const endpoint& local, const udp_options&)
{
    throw boost::system::system_error(error::not_supported,
                                      "cannot listen on " + local.to_string());
}

result<std::unique_ptr<datagram_channel>> network::connect_datagrams(const socket_address&,
                                                                     const udp_options&)
{
    return error::not_supported;
}

network& network_of(loop& home)
{
    if (network* used = home.network_in_use()) {
        return *used;
    }
    auto systems = std::make_shared<detail::system_network>(home);
    network& net = *systems;
    static_cast<detail::asio_loop&>(home).keep(std::move(systems));
    home.use_network(net);
    return net;
}

network& detail::network_of(const fiber& running)
{
    network* own = running.network_in_use();
    return own != nullptr ? *own : libnet::network_of(running.home());
}

}  // namespace libnet
