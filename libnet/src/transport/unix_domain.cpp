#include <libnet/transport/unix_domain.hpp>

#include "connect_within.hpp"

#include <libnet/transport/network.hpp>

#include <utility>

namespace libnet {
namespace {

task<std::unique_ptr<stream>> connect_to_path(std::string path, socket_options options)
{
    network& net = detail::network_of(co_await detail::fiber_await{});
    auto connecting = net.connect_path(std::move(path), std::move(options));
    co_return co_await std::move(connecting);
}

}  // namespace

std::unique_ptr<listener> unix_domain::listen(loop& home, std::string_view path,
                                              const socket_options& options)
{
    endpoint where;
    where.path = path;
    return network_of(home).listen(where, options);
}

task<std::unique_ptr<stream>> unix_domain::connect(std::string path, socket_options options,
                                                   duration limit)
{
    return detail::connect_within(limit, connect_to_path(std::move(path), std::move(options)));
}

}  // namespace libnet
