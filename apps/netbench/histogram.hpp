#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace netbench {

/// How often each duration was seen, to three significant digits, from a nanosecond to more than an
/// hour; what is longer counts as that. The form of HdrHistogram: below 2048 ns each value has a
/// bucket of its own, and from there every power of two has 1024.
///
/// Cost  recording is a few instructions and never allocates; 260 KiB.
class histogram {
public:
    using nanoseconds = std::chrono::nanoseconds;

    /// The buckets are counted from their lowest value.
    struct bucket {
        nanoseconds lowest;
        std::uint64_t times;
    };

    void record(nanoseconds seen, std::uint64_t times = 1) noexcept
    {
        const auto value =
            static_cast<std::uint64_t>(std::clamp(seen, nanoseconds(0), longest).count());
        counts_[index_of(value)] += times;
        count_ += times;
        sum_ += static_cast<double>(value) * static_cast<double>(times);
        least_ = std::min(least_, value);
        most_ = std::max(most_, value);
    }

    void merge(const histogram& other) noexcept
    {
        for (std::size_t i = 0; i < buckets; ++i) {
            counts_[i] += other.counts_[i];
        }
        count_ += other.count_;
        sum_ += other.sum_;
        least_ = std::min(least_, other.least_);
        most_ = std::max(most_, other.most_);
    }

    std::uint64_t count() const noexcept { return count_; }
    nanoseconds min() const noexcept { return nanoseconds(count_ == 0 ? 0 : least_); }
    nanoseconds max() const noexcept { return nanoseconds(most_); }

    nanoseconds mean() const noexcept
    {
        return nanoseconds(count_ == 0 ? 0 : std::llround(sum_ / static_cast<double>(count_)));
    }

    /// The time within which so many per cent of all were: 50 is the median.
    nanoseconds percentile(double percent) const noexcept
    {
        // A hair less, or 99.9 % of 1000 would be a hair more than 999.
        const double wanted = std::ceil(percent / 100 * static_cast<double>(count_) - 1e-6);
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < buckets; ++i) {
            seen += counts_[i];
            if (counts_[i] != 0 && static_cast<double>(seen) >= wanted) {
                return nanoseconds(std::min(lowest_of(i + 1) - 1, most_));
            }
        }
        return max();
    }

    /// Those that are not empty, in order.
    std::vector<bucket> used() const
    {
        std::vector<bucket> found;
        for (std::size_t i = 0; i < buckets; ++i) {
            if (counts_[i] != 0) {
                found.push_back({nanoseconds(static_cast<std::int64_t>(lowest_of(i))), counts_[i]});
            }
        }
        return found;
    }

private:
    static constexpr nanoseconds longest{(std::int64_t{1} << 42) - 1};
    static constexpr unsigned digits = 11;  // bits that count
    static constexpr std::size_t half = std::size_t{1} << (digits - 1);
    static constexpr std::size_t buckets = (42 - digits + 2) * half;

    static std::size_t index_of(std::uint64_t value) noexcept
    {
        const auto width = static_cast<unsigned>(std::bit_width(value));
        const unsigned shift = width > digits ? width - digits : 0;
        return shift * half + static_cast<std::size_t>(value >> shift);
    }

    static std::uint64_t lowest_of(std::size_t index) noexcept
    {
        if (index < 2 * half) {
            return index;
        }
        const std::size_t shift = index / half - 1;
        return static_cast<std::uint64_t>(index - shift * half) << shift;
    }

    std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(buckets);
    std::uint64_t count_ = 0;
    double sum_ = 0;
    std::uint64_t least_ = UINT64_MAX;
    std::uint64_t most_ = 0;
};

}  // namespace netbench
