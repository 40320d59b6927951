#include <libnet/policy/happy_eyeballs.hpp>

#include <gmock/gmock.h>

#include <array>

namespace libnet {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr time_point start = time_point{} + 1h;

ip_address v4(unsigned char last)
{
    const std::array octets{std::byte(192), std::byte(0), std::byte(2), std::byte(last)};
    return ip_address(octets);
}

ip_address v6(unsigned char last)
{
    std::array<std::byte, 16> octets{std::byte(0x20), std::byte(0x01), std::byte(0x0D),
                                     std::byte(0xB8)};
    octets.back() = std::byte(last);
    return ip_address(octets);
}

std::vector<std::size_t> order(const std::vector<ip_address>& addresses)
{
    return interleave_families(addresses);
}

TEST(InterleaveFamilies, LetsTheFamiliesTakeTurnsFromTheFirstOn)
{
    EXPECT_THAT(order({v6(1), v6(2), v6(3), v4(1), v4(2)}), ElementsAre(0, 3, 1, 4, 2));
    EXPECT_THAT(order({v4(1), v4(2), v6(1)}), ElementsAre(0, 2, 1));
}

TEST(InterleaveFamilies, KeepsTheOrderWithinAFamily)
{
    EXPECT_THAT(order({v4(1), v4(2), v4(3)}), ElementsAre(0, 1, 2));
    EXPECT_THAT(order({v6(1), v4(1), v6(2), v4(2)}), ElementsAre(0, 1, 2, 3));
    EXPECT_THAT(order({}), IsEmpty());
}

TEST(HappyEyeballs, BeginsAtOnceAndThenEvery250Milliseconds)
{
    happy_eyeballs race(3);
    EXPECT_EQ(race.next(start), 0U);
    EXPECT_EQ(race.next(start), std::nullopt);
    EXPECT_EQ(race.due(), start + 250ms);
    EXPECT_EQ(race.next(start + 249ms), std::nullopt);
    EXPECT_EQ(race.next(start + 250ms), 1U);
    EXPECT_EQ(race.due(), start + 500ms);
    EXPECT_EQ(race.next(start + 600ms), 2U);  // the loop came late: counted from there
    EXPECT_EQ(race.due(), end_of_time);
    EXPECT_EQ(race.next(start + 1h), std::nullopt);
}

TEST(HappyEyeballs, GoesOnAtOnceWhenAnAttemptFails)
{
    happy_eyeballs race(3);
    EXPECT_EQ(race.next(start), 0U);
    race.failed();
    EXPECT_LE(race.due(), start + 1ms);
    EXPECT_EQ(race.next(start + 1ms), 1U);
    EXPECT_EQ(race.next(start + 1ms), std::nullopt);  // one for each failure
    EXPECT_EQ(race.due(), start + 251ms);
}

TEST(HappyEyeballs, IsLostWhenAllHaveFailed)
{
    happy_eyeballs race(2);
    EXPECT_FALSE(race.lost());
    (void)race.next(start);
    race.failed();
    EXPECT_FALSE(race.lost());
    (void)race.next(start);
    EXPECT_FALSE(race.lost());
    race.failed();
    EXPECT_TRUE(race.lost());
    EXPECT_EQ(race.due(), end_of_time);
    EXPECT_TRUE(happy_eyeballs(0).lost());
}

TEST(HappyEyeballs, OneAfterTheOtherWhereTheDelayIsNever)
{
    happy_eyeballs race(2, never);
    EXPECT_EQ(race.next(start), 0U);
    EXPECT_EQ(race.next(start + 1h), std::nullopt);
    race.failed();
    EXPECT_EQ(race.next(start + 1h), 1U);
}

}  // namespace
}  // namespace libnet
