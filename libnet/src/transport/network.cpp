#include <libnet/transport/network.hpp>

#include "system_network.hpp"

#include <libnet/asio.hpp>

namespace libnet {

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
