#include <libnet/testing/udp_relay.hpp>

#include "datagram_delay.hpp"

#include <libnet/runtime/group.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/transport/network.hpp>
#include <libnet/transport/udp_socket.hpp>

#include <boost/system/system_error.hpp>

#include <map>
#include <optional>
#include <utility>

namespace libnet::testing {
namespace {

endpoint endpoint_in(std::string_view text)
{
    const auto parsed = endpoint::parse(text);
    if (!parsed || parsed->is_unix()) {
        throw boost::system::system_error(error::invalid_endpoint, "'" + std::string(text) + "'");
    }
    return *parsed;
}

}  // namespace

struct udp_relay::state : std::enable_shared_from_this<udp_relay::state> {
    /// One client, and its own socket towards the target.
    struct peer {
        udp_socket socket;
        time_point used;
    };

    state(std::string_view w, std::string_view t, relay_options o)
        : where(endpoint_in(w).to_string()),
          target(endpoint_in(t)),
          there(o.there, o.seed),
          back(o.back, ~o.seed),
          options(std::move(o))
    {
    }

    task<> relay(group& tasks);
    task<> listen_to_target(socket_address client, peer& own);
    task<bool> known(const socket_address& client, group& tasks);

    std::string where;
    endpoint target;
    impairment there;
    impairment back;
    relay_options options;
    relay_stats counted;
    std::string target_address;
    std::optional<udp_socket> front;
    std::map<socket_address, peer> peers;
    std::optional<datagram_delay> to_target;
    std::optional<datagram_delay> to_clients;
};

/// What the target sends to one client, until it is forgotten.
task<> udp_relay::state::listen_to_target(socket_address client, peer& own)
{
    struct forgetting {
        ~forgetting()
        {
            --of->counted.active;
            of->peers.erase(who);
        }
        std::shared_ptr<state> of;
        socket_address who;
    };
    const forgetting at_the_end{shared_from_this(), client};
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
task<bool> udp_relay::state::known(const socket_address& client, group& tasks)
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

task<> udp_relay::state::relay(group& tasks)
{
    loop& home = co_await this_loop();
    network& net = libnet::detail::network_of(co_await libnet::detail::fiber_await{});
    auto resolving = net.resolve(target);
    const auto addresses = co_await checked(std::move(resolving));
    target_address = addresses.front().to_string();
    front.emplace(home, where);
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

udp_relay::udp_relay(std::string_view where, std::string_view target, relay_options options)
    : state_(std::make_shared<state>(where, target, std::move(options)))
{
}

udp_relay::~udp_relay() = default;

task<> udp_relay::run()
{
    const auto own = state_;
    struct closing {
        ~closing() { of.front.reset(); }  // or the loop would wait for what comes there
        state& of;
    };
    const closing at_the_end{*own};
    const auto relay = [&](group& tasks) -> task<> { co_await checked(own->relay(tasks)); };
    co_await checked(with_group(relay));
}

relay_stats udp_relay::stats() const
{
    relay_stats now = state_->counted;
    now.there = state_->there.counts();
    now.back = state_->back.counts();
    if (state_->to_target) {
        now.dropped += state_->to_target->dropped() + state_->to_clients->dropped();
    }
    return now;
}

}  // namespace libnet::testing
