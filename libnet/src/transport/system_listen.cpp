#include "system_network.hpp"

#include "inherited_listener.hpp"
#include "option_setting.hpp"
#include "socket_listener.hpp"

#include <libnet/asio.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <utility>

namespace libnet::detail {
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

std::unique_ptr<listener> system_network::listen_on_port(const endpoint& where,
                                                         const socket_options& options)
{
    const auto local = resolve_local(home_, where);
    if (const int inherited = duplicate_inherited(to_text(socket_endpoint(local)));
        inherited >= 0) {
        return listen_on_inherited(home_, inherited, options);
    }
    acceptor listening(context_of(home_).get_executor());
    if (const error_code failed = open_and_listen(listening, local, options)) {
        cannot_listen(where.to_string(), failed);
    }
    return std::make_unique<socket_listener>(home_, std::move(listening), options);
}

}  // namespace libnet::detail
