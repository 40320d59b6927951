#pragma once

#include <libnet/core/time.hpp>

#include <cmath>
#include <cstdint>

namespace netbench {

/// So many a second, evenly, counted from the first: when each of them is due does not depend on how
/// long those before it took. Latencies that are counted from there have no coordinated omission.
struct pace {
    libnet::time_point begin;
    double rate;

    libnet::time_point of(std::uint64_t number) const noexcept
    {
        return begin +
               std::chrono::nanoseconds(std::llround(static_cast<double>(number) / rate * 1e9));
    }
};

}  // namespace netbench
