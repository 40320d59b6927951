#include <libnet/transport/unix_domain.hpp>

#include "connect_within.hpp"
#include "dial.hpp"

#include <libnet/transport/network.hpp>

#include <utility>

namespace libnet {

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
    endpoint where;
    where.path = std::move(path);
    return detail::connect_within(limit,
                                  detail::dial(std::move(where), std::move(options), nullptr));
}

}  // namespace libnet
