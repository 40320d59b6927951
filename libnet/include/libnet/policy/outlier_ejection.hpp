#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/no_limit.hpp>
#include <libnet/core/time.hpp>
#include <libnet/policy/sliding_window.hpp>

#include <cstddef>
#include <vector>

namespace libnet {

/// What ejects a server, for how long, and how many at most.
struct outlier_ejection_options {
    /// What ejects one: so many failures in a row; or a share of failures so many points in a hundred
    /// above that of all the others together, if it and they had at least `minimum_calls` each in the
    /// last `window`. `no_limit` switches either off.
    std::size_t consecutive_failures = 5;
    std::size_t percent_above_others = 30;
    std::size_t minimum_calls = 20;
    duration window = std::chrono::seconds(10);

    /// For how long: so much, twice as much the second time and so on, up to `longest`. After a minute
    /// in good standing for each time, that is forgotten.
    duration first = std::chrono::seconds(10);
    duration longest = std::chrono::minutes(5);
    duration forgive_after = std::chrono::minutes(1);

    /// At most so many in a hundred of them are out at a time, and never all: when everything fails,
    /// it is not the servers that are the outliers.
    std::size_t most_percent = 50;
};

/// Which of several servers to leave out for a while, because it fails where the others do not. A
/// circuit breaker looks at a server by itself; this looks at it beside the others.
///
/// Cost     one window for each server; a failure looks at all of them.
class LIBNET_ASIO_DECL outlier_ejection {
public:
    /// Errors   throws std::invalid_argument for a window of less than 10 ticks of the clock.
    explicit outlier_ejection(std::size_t servers, const outlier_ejection_options& options = {});

    /// How a call to one of them ended.
    void succeeded(std::size_t server, time_point now) noexcept;
    void failed(std::size_t server, time_point now) noexcept;

    /// Whether it is left out now.
    bool ejected(std::size_t server, time_point now) const noexcept
    {
        return servers_[server].until > now;
    }

    /// Until when; a time in the past if it is not.
    time_point until(std::size_t server) const noexcept { return servers_[server].until; }

    /// How many are left out now.
    std::size_t ejected_count(time_point now) const noexcept;

private:
    struct record {
        sliding_window window;
        std::size_t consecutive = 0;
        std::size_t times = 0;  // ejected, and not forgiven
        time_point until = time_point::min();
    };

    bool stands_out(std::size_t server, time_point now) noexcept;
    bool may_eject_one(time_point now) const noexcept;
    void eject(record& s, time_point now) noexcept;

    outlier_ejection_options options_;
    std::vector<record> servers_;
};

}  // namespace libnet
