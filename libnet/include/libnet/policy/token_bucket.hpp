#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/time.hpp>

#include <cstddef>
#include <cstdint>

namespace libnet {

/// So many a second, and so many at once: tokens drip into a bucket, and whoever wants something
/// takes one. Counts in whole ticks of the clock and whole fractions of a token, so nothing is lost
/// to rounding, however often it is asked. Time is an argument.
///
///     token_bucket bucket(100, 10);       // 100 a second, after a pause 10 at once
///     if (bucket.take(now)) ...
class LIBNET_ASIO_DECL token_bucket {
public:
    /// Full at first. With `per_second` 0 there is never a token, else `at_once` is at least 1. Both
    /// are 1,000,000,000 at most.
    token_bucket(std::size_t per_second, std::size_t at_once) noexcept;

    /// Takes a token; false if there is none. A time before an earlier one brings nothing.
    bool take(time_point now) noexcept;

    /// From when on there is a token: `now`, or later, or `end_of_time`.
    time_point when_next(time_point now) const noexcept;

    /// Goes on with other numbers. What has gathered stays, up to the new `at_once`.
    void change(std::size_t per_second, std::size_t at_once, time_point now) noexcept;

private:
    std::uint64_t credit_at(time_point now) const noexcept;
    void settle(time_point now) noexcept;
    void set(std::size_t per_second, std::size_t at_once) noexcept;

    // A token is as many parts as a second has ticks, so a tick brings rate_ parts.
    std::uint64_t rate_ = 0;
    std::uint64_t full_ = 0;    // parts
    std::uint64_t credit_ = 0;  // parts, at `settled_`
    time_point settled_ = time_point::min();
};

}  // namespace libnet
