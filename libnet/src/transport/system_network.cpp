#include "system_network.hpp"

namespace libnet::detail {

std::unique_ptr<listener> system_network::listen(const endpoint& where,
                                                 const socket_options& options)
{
    return where.is_unix() ? listen_on_path(where.path, options) : listen_on_port(where, options);
}

}  // namespace libnet::detail
