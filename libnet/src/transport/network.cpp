#include <libnet/transport/network.hpp>

#include "system_network.hpp"

#include <libnet/asio.hpp>
#include <libnet/transport/datagram_channel.hpp>

#include <boost/system/system_error.hpp>

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
    network* replacement = home.network_in_use();
    return replacement != nullptr ? *replacement
                                  : asio::use_service<detail::system_network>(context_of(home));
}

network& detail::network_of(const fiber& running)
{
    network* own = running.network_in_use();
    return own != nullptr ? *own : libnet::network_of(running.home());
}

}  // namespace libnet
