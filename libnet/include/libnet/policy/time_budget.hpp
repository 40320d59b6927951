#pragma once

#include <libnet/core/time.hpp>

#include <cstdint>

namespace libnet {

/// A deadline that is passed on: not a point in time, since clocks of two machines differ, but how
/// much of it is left, in milliseconds. Whoever serves the request works under it as the caller
/// waits under it, and stops when nobody waits any more.
///
///     caller     left = co_await time_left(); request.budget = time_budget(left, 5ms);
///     server     co_await within(time_granted(request.budget, 10s), answer(request));
///
/// What a peer that knows no deadline sends, and what `never` becomes.
inline constexpr std::uint32_t no_time_budget = UINT32_MAX;

/// For a request: what is left, less what the way there takes, rounded down. 0: it is too late, and
/// sending it would only be work for nobody.
constexpr std::uint32_t time_budget(duration left, duration the_way = duration::zero()) noexcept
{
    if (left == never) {
        return no_time_budget;
    }
    if (the_way >= left) {
        return 0;
    }
    const auto whole = std::chrono::floor<std::chrono::milliseconds>(
        the_way < duration::zero() ? left : left - the_way);
    return whole.count() < static_cast<std::int64_t>(no_time_budget)
               ? static_cast<std::uint32_t>(whole.count())
               : no_time_budget - 1;
}

/// From a request: for how long to work on it. A peer may claim what it likes; `at_most` is ours.
constexpr duration time_granted(std::uint32_t budget, duration at_most = never) noexcept
{
    if (budget == no_time_budget) {
        return at_most;
    }
    const duration asked = std::chrono::milliseconds(budget);
    return asked < at_most ? asked : at_most;
}

}  // namespace libnet
