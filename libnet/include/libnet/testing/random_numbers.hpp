#pragma once

#include <libnet/core/time.hpp>

#include <cstdint>

namespace libnet::testing {

/// Random numbers that are the same for the same seed, on every machine (SplitMix64). Not for
/// secrets.
class random_numbers {
public:
    /// Any seed will do, also the next number: sequences of neighbours have nothing in common.
    explicit random_numbers(std::uint64_t seed) noexcept : state_(seed) {}

    /// 64 bits, all equally likely.
    std::uint64_t next() noexcept
    {
        std::uint64_t mixed = state_ += 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// Whether something happens that has this chance, from 0 (never) to 1 (always). Neither of
    /// these two draws a number.
    bool chance(double of) noexcept
    {
        return of > 0 && (of >= 1 || static_cast<double>(next() >> 11) * 0x1p-53 < of);
    }

    /// Evenly from nothing up to `most`, and that as well. Nothing is not drawn.
    duration up_to(duration most) noexcept
    {
        if (most <= duration::zero()) {
            return duration::zero();
        }
        const auto numbers = static_cast<std::uint64_t>(most.count()) + 1;
        return duration(static_cast<duration::rep>(next() % numbers));
    }

    /// Less than `limit`, which is not zero.
    std::uint64_t below(std::uint64_t limit) noexcept { return next() % limit; }

private:
    std::uint64_t state_;
};

}  // namespace libnet::testing
