#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace libnet::tests {

/// Random numbers of a seed.
class randomness {
public:
    explicit randomness(std::uint64_t seed) : engine_(seed) {}

    std::uint64_t operator()() { return engine_(); }

    /// From 0 up to `end`, which it does not reach.
    std::uint64_t below(std::uint64_t end) { return engine_() % end; }

    bool one_in(std::uint64_t n) { return below(n) == 0; }

private:
    std::mt19937_64 engine_;
};

/// Calls `body` with the random numbers of one seed after the other, until one fails; the failure
/// names its seed. LIBNET_SEEDS=10000 tries more of them, LIBNET_SEED=7 only that one.
template <class Body>
void for_each_seed(std::uint64_t count, Body&& body)
{
    const char* only = std::getenv("LIBNET_SEED");
    const char* more = std::getenv("LIBNET_SEEDS");
    const std::uint64_t first = only != nullptr ? std::stoull(only) : 1;
    const std::uint64_t last =
        only != nullptr ? first : (more != nullptr ? std::stoull(more) : count);
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        SCOPED_TRACE("LIBNET_SEED=" + std::to_string(seed) + " reproduces it");
        randomness random(seed);
        body(random);
        if (testing::Test::HasFailure()) {
            return;
        }
    }
}

}  // namespace libnet::tests
