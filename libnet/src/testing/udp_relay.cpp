#include <libnet/testing/udp_relay.hpp>

#include "datagram_delay.hpp"
#include "relay_state.hpp"

#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/transport/network.hpp>
#include <libnet/transport/udp_socket.hpp>

#include <boost/system/system_error.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace libnet::testing {
namespace {

/// What it listens on and sends to: no path.
endpoint port_in(std::string_view text)
{
    const endpoint parsed = endpoint_in(text);
    if (parsed.is_unix()) {
        throw boost::system::system_error(error::invalid_endpoint, "'" + std::string(text) + "'");
    }
    return parsed;
}

struct datagrams final : relay::state {
    /// One client, and its own socket towards the target.
    struct peer {
        udp_socket socket;
        time_point used;
    };

    using state::state;

    task<> carry(group& tasks) override;
    void stop() noexcept override { front.reset(); }  // others can have its port
    relay_stats stats() const override;

    task<> listen_to_target(socket_address client, peer& own);
    task<bool> known(const socket_address& client, group& tasks);

    std::string target_address;
    std::optional<udp_socket> front;
    std::map<socket_address, peer> peers;
    std::optional<datagram_delay> to_target;
    std::optional<datagram_delay> to_clients;
};

/// What the target sends to one client, until it is forgotten.
task<> datagrams::listen_to_target(socket_address client, peer& own)
{
    struct forgetting {
        ~forgetting()
        {
            --of.counted.active;
            of.peers.erase(who);
        }
        datagrams& of;
        std::shared_ptr<state> kept;
        socket_address who;
    };
    const forgetting at_the_end{*this, shared_from_this(), client};
    const loop& home = co_await this_loop();
    for (;;) {
        const duration left = add(own.used, options.idle_timeout) - home.now();
        auto received = co_await within(left, own.socket.receive());
        if (received) {
            own.used = home.now();
            to_clients->depart(client, received->payload(), own.used);
        } else if (received.error() != error::timeout ||
                   home.now() >= add(own.used, options.idle_timeout)) {
            co_return;
        }
    }
}

/// Whether there is a socket for this client, after making one if there was none.
task<bool> datagrams::known(const socket_address& client, group& tasks)
{
    if (peers.contains(client)) {
        co_return true;
    }
    if (peers.size() >= options.max_peers) {
        ++counted.dropped;
        co_return false;
    }
    const udp_options plain;
    auto socket = co_await udp_socket::connect(target_address, plain);
    if (!socket) {
        ++counted.unreachable;
        co_return false;
    }
    const loop& home = co_await this_loop();
    const auto made = peers.try_emplace(client, peer{std::move(*socket), home.now()}).first;
    ++counted.peers;
    ++counted.active;
    tasks.start(listen_to_target(client, made->second));
    co_return true;
}

task<> datagrams::carry(group& tasks)
{
    loop& home = co_await this_loop();
    network& net = libnet::detail::network_of(co_await libnet::detail::fiber_await{});
    auto resolving = net.resolve(target);
    const auto addresses = co_await checked(std::move(resolving));
    target_address = addresses.front().to_string();
    const udp_options plain;
    auto opening = udp_socket::open(where.to_string(), plain);
    front = co_await checked(std::move(opening));
    to_target.emplace(home, there, options.under_way, [this](const auto& client, bytes content) {
        if (const auto found = peers.find(client); found != peers.end()) {
            (void)found->second.socket.send(content);
        }
    });
    to_clients.emplace(home, back, options.under_way, [this](const auto& client, bytes content) {
        (void)front->send_to(client, content);
    });
    tasks.start(to_target->run());
    tasks.start(to_clients->run());
    if (options.on_listening) {
        options.on_listening(front->local().to_string());
    }
    while (auto received = co_await front->receive()) {
        auto finding = known(received->from(), tasks);
        const auto found = co_await std::move(finding);
        if (found && *found) {
            peers.at(received->from()).used = home.now();
            to_target->depart(received->from(), received->payload(), home.now());
        }
    }
}

relay_stats datagrams::stats() const
{
    relay_stats now = state::stats();
    if (to_target) {
        now.dropped += to_target->dropped() + to_clients->dropped();
    }
    return now;
}

}  // namespace

udp_relay::udp_relay(std::string_view where, std::string_view target, relay_options options)
    : relay(std::make_shared<datagrams>(port_in(where), port_in(target), std::move(options)))
{
}

}  // namespace libnet::testing
