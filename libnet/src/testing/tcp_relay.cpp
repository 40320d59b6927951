#include <libnet/testing/tcp_relay.hpp>

#include "relay_pump.hpp"
#include "relay_state.hpp"

#include <libnet/runtime/timer.hpp>
#include <libnet/transport/network.hpp>
#include <libnet/transport/tcp.hpp>
#include <libnet/transport/unix_domain.hpp>

#include <optional>
#include <utility>

namespace libnet::testing {
namespace {

constexpr duration pause_after_failure = std::chrono::milliseconds(100);

class presence;

struct connections final : relay::state {
    using state::state;

    task<> carry(group& links) override;
    task<> carry_one(std::unique_ptr<stream> client, std::unique_ptr<presence>);
    task<std::unique_ptr<stream>> reach_target();

    std::optional<timer> room;  // somebody has gone
};

/// A client, from accept on.
class presence {
public:
    explicit presence(connections& in);
    presence(const presence&) = delete;
    presence& operator=(const presence&) = delete;
    ~presence();

private:
    connections& of_;
    std::shared_ptr<relay::state> kept_;
};

task<std::unique_ptr<stream>> connections::reach_target()
{
    auto connecting = target.is_unix()
                          ? unix_domain::connect(target.path, {}, options.connect_timeout)
                          : tcp::connect(target, {}, options.connect_timeout);
    co_return co_await std::move(connecting);
}

presence::presence(connections& in) : of_(in), kept_(in.shared_from_this())
{
    ++of_.counted.peers;
    ++of_.counted.active;
}

presence::~presence()
{
    --of_.counted.active;
    of_.room->expires_after(duration::zero());
}

task<> connections::carry_one(std::unique_ptr<stream> client, std::unique_ptr<presence>)
{
    auto reached = co_await reach_target();
    if (!reached) {
        ++counted.unreachable;
        co_return;
    }
    relay_link link(std::move(client), std::move(*reached), there, back, options.under_way);
    (void)co_await link.ended();
    counted.cut += link.was_cut() ? 1U : 0U;
}

task<> connections::carry(group& links)
{
    loop& home = co_await this_loop();
    network& net = libnet::detail::network_of(co_await libnet::detail::fiber_await{});
    const auto source = net.listen(where, {});
    if (options.on_listening) {
        options.on_listening(source->local());
    }
    room.emplace(home);
    for (;;) {
        while (counted.active >= options.max_peers) {
            room->expires_at(end_of_time);
            co_await checked(room->wait());
        }
        auto client = co_await source->accept();
        if (client) {
            links.start(carry_one(std::move(*client), std::make_unique<presence>(*this)));
        } else if (client.error() == error::cancelled || client.error() == error::timeout) {
            co_return;
        } else {
            co_await checked(sleep_for(pause_after_failure));
        }
    }
}

}  // namespace

tcp_relay::tcp_relay(std::string_view where, std::string_view target, relay_options options)
    : relay(std::make_shared<connections>(endpoint_in(where), endpoint_in(target),
                                          std::move(options)))
{
}

}  // namespace libnet::testing
