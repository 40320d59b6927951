#include "option_setting.hpp"
#include "socket_listener.hpp"

#include <libnet/asio.hpp>
#include <libnet/transport/tcp.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <utility>

namespace libnet {
namespace detail {
namespace {

using asio::ip::tcp;

/// Listening sockets are few and made at the start, so a name may be looked up on the spot.
tcp::endpoint resolve_local(loop& home, const endpoint& where)
{
    if (where.host.empty()) {
        return {tcp::v6(), where.port};
    }
    error_code failed;
    const auto address = asio::ip::make_address(where.host, failed);
    if (!failed) {
        return {address, where.port};
    }
    asio::ip::basic_resolver<tcp, io_executor> resolver(context_of(home).get_executor());
    const auto found = resolver.resolve(where.host, std::to_string(where.port),
                                        asio::ip::resolver_base::passive, failed);
    if (failed || found.empty()) {
        cannot_listen(where.to_string(), error::host_not_found);
    }
    return found.begin()->endpoint();
}

error_code open_and_listen(acceptor& listening, const tcp::endpoint& local,
                           const socket_options& options)
{
    error_code failed;
    const stream_protocol protocol(local.protocol());
    const int descriptor = open_socket(protocol, options.multipath, failed);
    if (failed || (failed = adopt(listening, protocol, descriptor))) {
        return failed;
    }
    const int family = protocol.family();
    if ((failed = apply_before_bind(descriptor, family, options)) ||
        (failed =
             apply_before_listen(descriptor, family, options, !local.address().is_unspecified())) ||
        // Those of the connections: what is refused is said here, once, not dropped at each accept.
        (failed = apply_to_connection(descriptor, family, options))) {
        return failed;
    }
    listening.bind(local, failed);
    if (!failed) {
        listening.listen(options.backlog, failed);
    }
    return failed;
}

}  // namespace
}  // namespace detail

std::unique_ptr<listener> tcp::listen(loop& home, const endpoint& where,
                                      const socket_options& options)
{
    detail::acceptor listening(context_of(home).get_executor());
    const auto local = detail::resolve_local(home, where);
    if (const error_code failed = detail::open_and_listen(listening, local, options)) {
        detail::cannot_listen(where.to_string(), failed);
    }
    return std::make_unique<detail::socket_listener>(home, std::move(listening), options);
}

}  // namespace libnet
