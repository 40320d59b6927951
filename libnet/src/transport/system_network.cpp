#include "system_network.hpp"

#include <libnet/asio.hpp>

namespace libnet::detail {

boost::asio::execution_context::id system_network::id;

system_network::system_network(boost::asio::execution_context& owner)
    : service(owner), home_(loop_of(static_cast<boost::asio::io_context&>(owner)))
{
}

std::unique_ptr<listener> system_network::listen(const endpoint& where,
                                                 const socket_options& options)
{
    return where.is_unix() ? listen_on_path(where.path, options) : listen_on_port(where, options);
}

}  // namespace libnet::detail
