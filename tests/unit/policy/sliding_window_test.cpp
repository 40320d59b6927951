#include "support/seeds.hpp"

#include <libnet/core/literals.hpp>
#include <libnet/policy/sliding_window.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::literals;
using tests::for_each_seed;
using tests::randomness;

constexpr time_point start{1h};

TEST(SlidingWindow, ForgetsATenthAtATime)
{
    sliding_window window(10s);
    window.at(start).calls = 5;
    window.at(start + 1s).calls = 7;
    window.at(start + 1s).marked = 2;
    EXPECT_EQ(window.sum(start + 9s).calls, 12U);
    EXPECT_EQ(window.sum(start + 10s - 1ns).calls, 12U);
    EXPECT_EQ(window.sum(start + 10s).calls, 7U);
    EXPECT_EQ(window.sum(start + 10s).marked, 2U);
    EXPECT_EQ(window.sum(start + 11s).calls, 0U);
}

TEST(SlidingWindow, TimeThatGoesBackCountsAsNow)
{
    sliding_window window(10s);
    ++window.at(start).calls;
    ++window.at(start - 30min).calls;
    EXPECT_EQ(window.sum(start + 9s).calls, 2U);
    EXPECT_EQ(window.sum(start + 24h).calls, 0U);
}

TEST(SlidingWindow, CanBeEndlessButNotEmpty)
{
    sliding_window endless(never);
    ++endless.at(start).calls;
    EXPECT_EQ(endless.sum(start + 10'000h).calls, 1U);
    endless.clear();
    EXPECT_EQ(endless.sum(start + 10'000h).calls, 0U);
    EXPECT_THROW(sliding_window(9ns), std::invalid_argument);
    EXPECT_THROW(sliding_window(-1s), std::invalid_argument);
}

TEST(SlidingWindow, AtRandomDoesWhatTheModelDoes)
{
    for_each_seed(10, [](randomness& random) {
        const duration span = duration(10 + random.below(20'000'000'000));
        const duration slot = span / 10;
        sliding_window window(span);
        ++window.at(start).calls;
        std::vector<time_point> events{start};  // all that ever happened
        time_point now = start;
        for (int round = 0; round != 200; ++round) {
            now += duration(random.below(static_cast<std::uint64_t>(span.count()) / 3 + 2));
            if (!random.one_in(3)) {
                ++window.at(now).calls;
                events.push_back(now);
            }
            const auto tenth = [&](time_point t) { return (t - events.front()) / slot; };
            const auto expected = std::ranges::count_if(
                events, [&](time_point t) { return tenth(t) > tenth(now) - 10; });
            ASSERT_EQ(window.sum(now).calls, static_cast<std::uint64_t>(expected));
        }
    });
}

}  // namespace
