#include <libnet/core/literals.hpp>
#include <libnet/policy/time_budget.hpp>

#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::literals;

TEST(TimeBudget, IsWhatIsLeftRoundedDown)
{
    EXPECT_EQ(time_budget(1s), 1000U);
    EXPECT_EQ(time_budget(1s - 1ns), 999U);
    EXPECT_EQ(time_budget(1s, 10ms), 990U);
    EXPECT_EQ(time_budget(10ms, 10ms), 0U);
    EXPECT_EQ(time_budget(1s, -5ms), 1000U);
    EXPECT_EQ(time_budget(0s), 0U);
    EXPECT_EQ(time_budget(-1s), 0U);
    EXPECT_EQ(time_budget(999us), 0U);
}

TEST(TimeBudget, KnowsNoDeadline)
{
    EXPECT_EQ(time_budget(never, 5ms), no_time_budget);
    EXPECT_EQ(time_granted(no_time_budget), never);
    EXPECT_EQ(time_granted(no_time_budget, 10s), 10s);
    EXPECT_EQ(time_budget(never - 1ns), no_time_budget - 1);  // long, but a deadline
}

TEST(TimeBudget, GrantsNoMoreThanIsOurs)
{
    EXPECT_EQ(time_granted(1500, 10s), 1500ms);
    EXPECT_EQ(time_granted(60'000, 10s), 10s);
    EXPECT_EQ(time_granted(0, 10s), 0s);
    EXPECT_EQ(time_granted(no_time_budget - 1), 1ms * (no_time_budget - 1));
}

TEST(TimeBudget, NeverGrowsOnTheWay)
{
    for (duration left = 0s; left < 3s; left += 1'234'567ns) {
        EXPECT_LE(time_granted(time_budget(left)), left);
        EXPECT_GT(time_granted(time_budget(left)) + 1ms, left);
    }
}

}  // namespace
