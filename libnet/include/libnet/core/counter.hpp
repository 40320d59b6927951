#pragma once

#include <atomic>
#include <cstdint>

namespace libnet::detail {

/// A number that one thread changes and any thread may read. Costs what a plain one costs: nobody else
/// writes, so that nothing has to be locked.
class counter {
public:
    operator std::uint64_t() const noexcept { return value_.load(std::memory_order_relaxed); }

    counter& operator=(std::uint64_t value) noexcept
    {
        value_.store(value, std::memory_order_relaxed);
        return *this;
    }
    counter& operator+=(std::uint64_t more) noexcept { return *this = *this + more; }
    counter& operator-=(std::uint64_t less) noexcept { return *this = *this - less; }
    counter& operator++() noexcept { return *this += 1; }
    counter& operator--() noexcept { return *this -= 1; }

private:
    std::atomic<std::uint64_t> value_{0};
};

}  // namespace libnet::detail
