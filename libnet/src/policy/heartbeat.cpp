#include <libnet/policy/heartbeat.hpp>

#include <algorithm>

namespace libnet {

std::optional<duration> heartbeat_clock::answered(time_point now) noexcept
{
    if (!waits_for_answer_) {
        return std::nullopt;
    }
    waits_for_answer_ = false;
    return now - asked_;
}

time_point heartbeat_clock::due(const heartbeat& how) const noexcept
{
    return std::min(add(silent_since(), how.interval), add(heard_, how.timeout));
}

heartbeat_clock::action heartbeat_clock::look(const heartbeat& how, time_point now,
                                              bool listens) noexcept
{
    if (!listens) {
        heard_ = std::max(heard_, now - std::min(how.interval, how.timeout / 2));
    } else if (add(heard_, how.timeout) <= now) {
        return action::give_up;
    }
    if (add(listens ? silent_since() : asked_, how.interval) > now) {
        return action::wait;
    }
    asked_ = now;
    waits_for_answer_ = listens;
    return action::ping;
}

}  // namespace libnet
