#include <libnet/policy/hand_out.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

namespace {

using libnet::hand_out;
using loads = std::array<std::uint64_t, 3>;

TEST(HandOut, GivesToTheLeastLoaded)
{
    hand_out rule;
    EXPECT_EQ(rule.next(loads{5, 2, 3}), 1u);
    EXPECT_EQ(rule.next(loads{5, 3, 2}), 2u);
    EXPECT_EQ(rule.next(loads{0, 3, 3}), 0u);
    EXPECT_EQ(rule.next(loads{1, 3, 0}), 2u);
    EXPECT_EQ(rule.next(loads{0, 0, UINT64_MAX}), 0u);
}

TEST(HandOut, GoesRoundAmongEquals)
{
    hand_out rule;
    for (const std::size_t expected : {0u, 1u, 2u, 0u, 1u, 2u}) {
        EXPECT_EQ(rule.next(loads{4, 4, 4}), expected);
    }
}

// Work that has gone when the next piece comes must not all go to the first.
TEST(HandOut, GoesOnBehindTheLastOne)
{
    hand_out rule;
    EXPECT_EQ(rule.next(loads{1, 0, 1}), 1u);
    EXPECT_EQ(rule.next(loads{0, 0, 0}), 2u);
    EXPECT_EQ(rule.next(loads{0, 0, 0}), 0u);
    EXPECT_EQ(rule.next(loads{1, 0, 0}), 1u);
}

TEST(HandOut, KeepsLoadsEven)
{
    hand_out rule;
    loads now{};
    for (int i = 0; i < 999; ++i) {
        ++now[rule.next(now)];
    }
    EXPECT_EQ(now, (loads{333, 333, 333}));
}

TEST(HandOut, KnowsASingleWorker)
{
    hand_out rule;
    const std::array<std::uint64_t, 1> only{7};
    EXPECT_EQ(rule.next(only), 0u);
    EXPECT_EQ(rule.next(only), 0u);
}

}  // namespace
