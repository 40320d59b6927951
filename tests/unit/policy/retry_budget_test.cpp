#include "support/seeds.hpp"

#include <libnet/core/literals.hpp>
#include <libnet/policy/retry_budget.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::literals;
using tests::for_each_seed;
using tests::randomness;

constexpr time_point start{1h};

std::size_t take_all(retry_budget& budget, time_point now)
{
    std::size_t count = 0;
    while (count < 100'000 && budget.take(now)) {
        ++count;
    }
    return count;
}

void call(retry_budget& budget, time_point now, int times)
{
    for (int i = 0; i != times; ++i) {
        budget.call(now);
    }
}

TEST(RetryBudget, IsAShareOfTheCalls)
{
    retry_budget budget({.at_least_per_second = 0});
    EXPECT_FALSE(budget.take(start));
    call(budget, start, 4);
    EXPECT_FALSE(budget.take(start));
    call(budget, start, 1);
    EXPECT_TRUE(budget.take(start));
    EXPECT_FALSE(budget.take(start));
    call(budget, start + 5s, 995);
    EXPECT_EQ(take_all(budget, start + 5s), 199U);
    EXPECT_EQ(take_all(budget, start + 10s), 0U);  // the first 5 calls are forgotten, and 1 retry
    EXPECT_EQ(take_all(budget, start + 20s), 0U);  // and so are all others
}

TEST(RetryBudget, IsTenASecondWhereNobodyCallsMuch)
{
    retry_budget budget;
    for (int second = 0; second != 100; ++second) {
        call(budget, start + second * 1s, 3);
        EXPECT_EQ(take_all(budget, start + second * 1s), 10U);
    }
}

TEST(RetryBudget, TheFloorDoesNotComeOnTopOfTheShare)
{
    retry_budget budget;
    std::size_t retries = 0;
    for (int tick = 0; tick != 10'000; ++tick) {  // 100 s, 100 calls a second
        budget.call(start + tick * 10ms);
        retries += budget.take(start + tick * 10ms) ? 1U : 0U;
    }
    EXPECT_GE(retries, 2000U);
    EXPECT_LE(retries, 2000U + 10);
}

TEST(RetryBudget, CanForbidRetries)
{
    retry_budget budget({.percent = 0, .at_least_per_second = 0});
    call(budget, start, 100'000);
    EXPECT_FALSE(budget.take(start));
}

// However calls fail: retries of any window are no more than the share of the calls of that window
// and the one before it, or what the floor grants.
TEST(RetryBudget, AtRandomStaysWithinItsBounds)
{
    for_each_seed(30, [](randomness& random) {
        const retry_budget_options options{.percent = random.below(50),
                                           .window = 1s * (1 + random.below(10)),
                                           .at_least_per_second = random.below(20)};
        retry_budget budget(options);
        const std::uint64_t longest_pause = 1 + random.below(50'000'000);
        std::vector<time_point> calls;
        std::vector<time_point> retries;
        time_point now = start;
        for (int i = 0; i != 3000; ++i) {
            now += duration(random.below(longest_pause));
            if (random.one_in(2)) {
                budget.call(now);
                calls.push_back(now);
            }
            if (random.one_in(3)) {
                for (auto n = random.below(10); n != 0 && budget.take(now); --n) {
                    retries.push_back(now);
                }
            }
        }
        const auto within = [](const std::vector<time_point>& all, time_point from, time_point to) {
            return static_cast<std::size_t>(std::ranges::upper_bound(all, to) -
                                            std::ranges::lower_bound(all, from));
        };
        for (const time_point last : retries) {
            const std::size_t made = within(retries, last - options.window, last);
            const std::size_t share =
                within(calls, last - 2 * options.window, last) * options.percent / 100;
            const std::size_t floor =
                options.at_least_per_second * static_cast<std::size_t>(options.window / 1s + 1);
            ASSERT_LE(made, share + floor + 1);
        }
    });
}

}  // namespace
