#include "relay_state.hpp"

#include <boost/system/system_error.hpp>

#include <string>
#include <utility>

namespace libnet::testing {

endpoint endpoint_in(std::string_view text)
{
    const auto parsed = endpoint::parse(text);
    if (!parsed) {
        throw boost::system::system_error(parsed.error(), "'" + std::string(text) + "'");
    }
    return *parsed;
}

relay::state::state(const endpoint& from, const endpoint& to, relay_options o)
    : where(from), target(to), there(o.there, o.seed), back(o.back, ~o.seed), options(std::move(o))
{
}

relay_stats relay::state::stats() const
{
    relay_stats now = counted;
    now.there = there.counts();
    now.back = back.counts();
    return now;
}

relay::relay(std::shared_ptr<state> way) noexcept : state_(std::move(way)) {}
relay::~relay() = default;

task<> relay::run()
{
    return [](std::shared_ptr<state> own) -> task<> {
        struct stopping {
            ~stopping() { of.stop(); }
            state& of;
        };
        const stopping at_the_end{*own};
        const auto carry = [&](group& tasks) -> task<> { co_await checked(own->carry(tasks)); };
        co_await checked(with_group(carry));
    }(state_);
}

relay_stats relay::stats() const
{
    return state_->stats();
}

}  // namespace libnet::testing
