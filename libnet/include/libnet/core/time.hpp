#pragma once

#include <chrono>

namespace libnet {

/// Durations and points in time of a steady clock. Floors 0 and 1 only calculate with them; the
/// time itself comes from the loop's clock, which a test can replace.
using duration = std::chrono::steady_clock::duration;
using time_point = std::chrono::steady_clock::time_point;

/// Switches a timeout or a limit in time off, in so many words.
inline constexpr duration never = duration::max();

/// The point in time that is never reached.
inline constexpr time_point end_of_time = time_point::max();

/// `start + wait`, where any sum with `never` (or past the end of time) is `end_of_time`, and what
/// is never reached stays so. A sum before the beginning of time is its beginning.
constexpr time_point add(time_point start, duration wait) noexcept
{
    if (start == end_of_time || wait == never) {
        return end_of_time;
    }
    if (wait < duration::zero()) {
        return start < time_point::min() - wait ? time_point::min() : start + wait;
    }
    return start > end_of_time - wait ? end_of_time : start + wait;
}

}  // namespace libnet
