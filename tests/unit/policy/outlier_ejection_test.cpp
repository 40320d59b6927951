#include "support/seeds.hpp"

#include <libnet/core/literals.hpp>
#include <libnet/policy/outlier_ejection.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace {

using namespace libnet;
using namespace libnet::literals;
using tests::for_each_seed;
using tests::randomness;

constexpr time_point start{1h};

void fail(outlier_ejection& servers, std::size_t which, time_point now, int times)
{
    for (int i = 0; i != times; ++i) {
        servers.failed(which, now);
    }
}

TEST(OutlierEjection, LeavesOutWhoFailsInARow)
{
    outlier_ejection servers(3);
    fail(servers, 1, start, 4);
    servers.succeeded(1, start);
    fail(servers, 1, start, 4);
    EXPECT_FALSE(servers.ejected(1, start));
    fail(servers, 1, start, 1);
    EXPECT_TRUE(servers.ejected(1, start));
    EXPECT_FALSE(servers.ejected(0, start));
    EXPECT_TRUE(servers.ejected(1, start + 10s - 1ns));
    EXPECT_FALSE(servers.ejected(1, start + 10s));
    EXPECT_EQ(servers.until(1), start + 10s);
}

TEST(OutlierEjection, LeavesOutWhoFailsMoreThanTheOthers)
{
    outlier_ejection servers(4, {.consecutive_failures = no_limit});
    for (int i = 0; i != 19; ++i) {
        servers.succeeded(0, start);
        servers.succeeded(2, start);
        i % 2 == 0 ? servers.failed(1, start) : servers.succeeded(1, start);
    }
    EXPECT_FALSE(servers.ejected(1, start));  // too few calls to tell
    servers.failed(1, start);
    EXPECT_TRUE(servers.ejected(1, start));
}

TEST(OutlierEjection, WhereAllFailNobodyStandsOut)
{
    outlier_ejection servers(4, {.consecutive_failures = no_limit});
    for (int i = 0; i != 100; ++i) {
        for (std::size_t which = 0; which != 4; ++which) {
            servers.failed(which, start);
        }
    }
    EXPECT_EQ(servers.ejected_count(start), 0U);
}

TEST(OutlierEjection, LeavesAtMostHalfOut)
{
    outlier_ejection four(4);
    for (std::size_t which = 0; which != 4; ++which) {
        fail(four, which, start, 10);
    }
    EXPECT_EQ(four.ejected_count(start), 2U);
    outlier_ejection alone(1, {.most_percent = 100});
    fail(alone, 0, start, 100);
    EXPECT_EQ(alone.ejected_count(start), 0U);
    outlier_ejection all(3, {.most_percent = 100});
    for (std::size_t which = 0; which != 3; ++which) {
        fail(all, which, start, 10);
    }
    EXPECT_EQ(all.ejected_count(start), 2U);
}

TEST(OutlierEjection, StaysOutLongerEachTimeAndIsForgiven)
{
    outlier_ejection servers(2);
    time_point now = start;
    for (const duration wait : {10s, 20s, 40s, 80s, 160s, 300s, 300s}) {
        fail(servers, 0, now, 5);
        ASSERT_EQ(servers.until(0), now + wait);
        now += wait;
    }
    now += 5min;  // seven times, of which five are forgiven
    fail(servers, 0, now, 5);
    EXPECT_EQ(servers.until(0), now + 40s);
    now += 40s + 24h;
    fail(servers, 0, now, 5);
    EXPECT_EQ(servers.until(0), now + 10s);
}

TEST(OutlierEjection, CanBeSwitchedOff)
{
    outlier_ejection servers(
        2, {.consecutive_failures = no_limit, .percent_above_others = no_limit});
    for (int i = 0; i != 100; ++i) {
        servers.succeeded(1, start);
        servers.failed(0, start);
    }
    EXPECT_FALSE(servers.ejected(0, start));
}

// One of them fails, which one and how often is chosen by chance: it is found, and no other.
TEST(OutlierEjection, AtRandomFindsTheOneThatFails)
{
    for_each_seed(20, [](randomness& random) {
        const std::size_t count = 2 + random.below(8);
        const std::size_t bad = random.below(count);
        outlier_ejection servers(count, {.consecutive_failures = no_limit});
        std::vector<int> times(count);
        for (time_point now = start; now < start + 60s; now += 10ms) {
            const std::size_t which = random.below(count);
            if (servers.ejected(which, now)) {
                continue;
            }
            const std::uint64_t percent = which == bad ? 60 : 5;
            random.below(100) < percent ? servers.failed(which, now)
                                        : servers.succeeded(which, now);
            times[which] += servers.ejected(which, now) ? 1 : 0;
            ASSERT_LE(servers.ejected_count(now) * 2, count);
        }
        for (std::size_t which = 0; which != count; ++which) {
            EXPECT_EQ(times[which] != 0, which == bad) << which << " of " << count;
        }
    });
}

}  // namespace
