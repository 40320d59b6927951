#include <libnet/core/socket_address.hpp>

namespace libnet {

std::string socket_address::to_string() const
{
    std::string host = address.to_string();
    if (zone != 0) {
        host += '%' + std::to_string(zone);
    }
    return (address.is_v6() ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

}  // namespace libnet
