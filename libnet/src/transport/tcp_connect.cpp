#include "connect_within.hpp"
#include "option_setting.hpp"
#include "socket_stream.hpp"

#include <libnet/asio.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/transport/tcp.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace libnet {
namespace detail {
namespace {

using asio::ip::tcp;
using endpoints = std::vector<tcp::endpoint>;
using tcp_resolver = asio::ip::basic_resolver<tcp, io_executor>;

/// A lookup that somebody may stop waiting for: getaddrinfo cannot be interrupted, so it is left to
/// end by itself, and what it finds is thrown away.
struct lookup : std::enable_shared_from_this<lookup> {
    explicit lookup(loop& l) : home(l), resolver(context_of(l).get_executor()) {}

    void begin(const endpoint& where)
    {
        resolver.async_resolve(
            where.host, std::to_string(where.port),
            [self = shared_from_this()](const error_code& failed,
                                        const tcp_resolver::results_type& entries) {
                const loop::turn this_turn(self->home);
                if (failed) {
                    self->found = make_error_code(error::host_not_found);
                } else {
                    endpoints all;
                    for (const auto& entry : entries) {
                        all.push_back(entry.endpoint());
                    }
                    self->found = std::move(all);
                }
                self->answered.expires_after(duration::zero());
            });
    }

    loop& home;
    tcp_resolver resolver;
    result<endpoints> found = make_error_code(error::host_not_found);
    timer answered{home};
};

task<endpoints> resolve(endpoint where)
{
    error_code not_numeric;
    const auto address = asio::ip::make_address(where.host, not_numeric);
    if (!not_numeric) {
        co_return endpoints{{address, where.port}};
    }
    loop& home = co_await this_loop();
    const auto asked = std::make_shared<lookup>(home);
    asked->begin(where);
    co_await checked(asked->answered.wait());
    co_return std::move(asked->found);
}

error_code prepare(stream_socket& socket, const stream_protocol& protocol,
                   const socket_options& options)
{
    error_code failed;
    const int descriptor = open_socket(protocol, options.multipath, failed);
    if (failed || (failed = adopt(socket, protocol, descriptor))) {
        return failed;
    }
    const int family = protocol.family();
    if ((failed = apply_before_bind(descriptor, family, options)) ||
        (failed = apply_before_connect(descriptor, family, options))) {
        return failed;
    }
    return apply_to_connection(descriptor, family, options);
}

task<std::unique_ptr<stream>> connect_to(socket_endpoint address, socket_options options)
{
    loop& home = co_await this_loop();
    stream_socket socket(context_of(home).get_executor());
    if (const error_code failed = prepare(socket, address.protocol(), options)) {
        co_return failed;
    }
    co_await checked(socket.async_connect(address, asio::deferred));
    if (const error_code failed =
            apply_when_connected(socket.native_handle(), address.protocol().family(), options)) {
        co_return failed;
    }
    co_return std::make_unique<socket_stream>(home, std::move(socket), to_text(address),
                                              address_of(address));
}

task<std::unique_ptr<stream>> connect_to_any(endpoint where, socket_options options)
{
    const endpoints addresses = co_await checked(resolve(std::move(where)));
    error_code last = error::host_not_found;
    for (const auto& address : addresses) {
        auto connected = co_await connect_to(address, options);
        if (connected) {
            co_return std::move(*connected);
        }
        last = connected.error();
        if (last == error::cancelled || last == error::timeout) {
            break;
        }
    }
    co_return last;
}

}  // namespace
}  // namespace detail

task<std::unique_ptr<stream>> tcp::connect(endpoint where, socket_options options, duration limit)
{
    return detail::connect_within(limit,
                                  detail::connect_to_any(std::move(where), std::move(options)));
}

}  // namespace libnet
