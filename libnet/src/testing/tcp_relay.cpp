#include <libnet/testing/tcp_relay.hpp>

#include "relay_pump.hpp"

#include <libnet/runtime/group.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/transport/network.hpp>
#include <libnet/transport/tcp.hpp>
#include <libnet/transport/unix_domain.hpp>

#include <boost/system/system_error.hpp>

#include <optional>
#include <utility>

namespace libnet::testing {
namespace {

constexpr duration pause_after_failure = std::chrono::milliseconds(100);

endpoint endpoint_in(std::string_view text)
{
    const auto parsed = endpoint::parse(text);
    if (!parsed) {
        throw boost::system::system_error(parsed.error(), "'" + std::string(text) + "'");
    }
    return *parsed;
}

/// A client, from accept on.
class presence {
public:
    explicit presence(std::shared_ptr<tcp_relay::state> in);
    presence(const presence&) = delete;
    presence& operator=(const presence&) = delete;
    ~presence();

private:
    std::shared_ptr<tcp_relay::state> of_;
};

}  // namespace

struct tcp_relay::state : std::enable_shared_from_this<tcp_relay::state> {
    state(std::string_view w, std::string_view t, relay_options o)
        : where(endpoint_in(w)),
          target(endpoint_in(t)),
          there(o.there, o.seed),
          back(o.back, ~o.seed),
          options(std::move(o))
    {
    }

    task<> serve(group& links);
    task<> carry(std::unique_ptr<stream> client, std::unique_ptr<presence>);
    task<std::unique_ptr<stream>> reach_target();

    endpoint where;
    endpoint target;
    impairment there;
    impairment back;
    relay_options options;
    relay_stats counted;
    std::optional<timer> room;  // somebody has gone
};

task<std::unique_ptr<stream>> tcp_relay::state::reach_target()
{
    auto connecting = target.is_unix()
                          ? unix_domain::connect(target.path, {}, options.connect_timeout)
                          : tcp::connect(target, {}, options.connect_timeout);
    co_return co_await std::move(connecting);
}

presence::presence(std::shared_ptr<tcp_relay::state> in) : of_(std::move(in))
{
    ++of_->counted.peers;
    ++of_->counted.active;
}

presence::~presence()
{
    --of_->counted.active;
    of_->room->expires_after(duration::zero());
}

task<> tcp_relay::state::carry(std::unique_ptr<stream> client, std::unique_ptr<presence>)
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

task<> tcp_relay::state::serve(group& links)
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
            links.start(
                carry(std::move(*client), std::make_unique<presence>(shared_from_this())));
        } else if (client.error() == error::cancelled || client.error() == error::timeout) {
            co_return;
        } else {
            co_await checked(sleep_for(pause_after_failure));
        }
    }
}

tcp_relay::tcp_relay(std::string_view where, std::string_view target, relay_options options)
    : state_(std::make_shared<state>(where, target, std::move(options)))
{
}

tcp_relay::~tcp_relay() = default;

task<> tcp_relay::run()
{
    const auto own = state_;
    const auto serve = [&](group& links) -> task<> { co_await checked(own->serve(links)); };
    co_await checked(with_group(serve));
}

relay_stats tcp_relay::stats() const
{
    relay_stats now = state_->counted;
    now.there = state_->there.counts();
    now.back = state_->back.counts();
    return now;
}

}  // namespace libnet::testing
