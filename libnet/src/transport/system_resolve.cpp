#include "system_network.hpp"

#include "socket.hpp"

#include <libnet/asio.hpp>
#include <libnet/runtime/timer.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <utility>

namespace libnet::detail {
namespace {

using asio::ip::tcp;
using addresses = std::vector<socket_address>;
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
                    addresses all;
                    for (const auto& entry : entries) {
                        all.push_back(address_and_port(entry.endpoint()));
                    }
                    self->found = std::move(all);
                }
                self->answered.expires_after(duration::zero());
            });
    }

    loop& home;
    tcp_resolver resolver;
    result<addresses> found = make_error_code(error::host_not_found);
    timer answered{home};
};

}  // namespace

task<addresses> system_network::resolve(endpoint where)
{
    error_code not_numeric;
    const auto address = asio::ip::make_address(where.host, not_numeric);
    if (!not_numeric) {
        co_return addresses(1, address_and_port(tcp::endpoint(address, where.port)));
    }
    const auto asked = std::make_shared<lookup>(home_);
    asked->begin(where);
    co_await checked(asked->answered.wait());
    co_return std::move(asked->found);
}

}  // namespace libnet::detail
