#include <libnet/core/literals.hpp>

#include <gtest/gtest.h>

#include <type_traits>

namespace {

using namespace libnet::literals;

TEST(Literals, CountInPowersOfTwo)
{
    EXPECT_EQ(0_KiB, 0U);
    EXPECT_EQ(1_KiB, 1024U);
    EXPECT_EQ(4_KiB, 4096U);
    EXPECT_EQ(1_MiB, 1024U * 1024);
    EXPECT_EQ(3_GiB, std::size_t{3} * 1024 * 1024 * 1024);
    static_assert(std::is_same_v<decltype(1_KiB), std::size_t>);
    static_assert(1_MiB == 1024_KiB && 1_GiB == 1024_MiB);
}

TEST(Literals, BringThoseOfDurations)
{
    EXPECT_EQ(60s, 1min);
    EXPECT_EQ(1s, 1000ms);
}

TEST(Literals, AreThereWithTheNamespaceItself)
{
    using namespace libnet;
    EXPECT_EQ(1_KiB + 500ms / 1ms, 1524U);
}

}  // namespace
