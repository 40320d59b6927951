#include <libnet/core/literals.hpp>
#include <libnet/core/time.hpp>

#include <gtest/gtest.h>

namespace {

using namespace libnet::literals;
using libnet::add;
using libnet::duration;
using libnet::end_of_time;
using libnet::never;
using libnet::time_point;

constexpr time_point beginning_of_time = time_point::min();
constexpr duration tick{1};

TEST(Time, AddsADuration)
{
    constexpr time_point start{5s};
    EXPECT_EQ(add(start, 250ms), start + 250ms);
    EXPECT_EQ(add(start, duration::zero()), start);
    EXPECT_EQ(add(start, -2s), time_point{3s});
    static_assert(add(time_point{}, 1s) == time_point{1s});
}

TEST(Time, NeverReachesTheEndFromAnywhere)
{
    EXPECT_EQ(add(time_point{}, never), end_of_time);
    EXPECT_EQ(add(time_point{5s}, never), end_of_time);
    EXPECT_EQ(add(time_point{-5s}, never), end_of_time);
    EXPECT_EQ(add(beginning_of_time, never), end_of_time);
    EXPECT_EQ(add(end_of_time, never), end_of_time);
}

TEST(Time, DoesNotRunPastTheEnd)
{
    EXPECT_EQ(add(end_of_time - 1s, 1s - tick), end_of_time - tick);
    EXPECT_EQ(add(end_of_time - 1s, 1s), end_of_time);
    EXPECT_EQ(add(end_of_time - 1s, 1s + tick), end_of_time);
    EXPECT_EQ(add(time_point{1s}, never - tick), end_of_time);
    EXPECT_EQ(add(time_point{-1s}, never - tick), time_point{never - tick - 1s});
}

TEST(Time, DoesNotRunPastTheBeginning)
{
    EXPECT_EQ(add(beginning_of_time + 1s, -1s), beginning_of_time);
    EXPECT_EQ(add(beginning_of_time + 1s, -2s), beginning_of_time);
    EXPECT_EQ(add(beginning_of_time, duration::min()), beginning_of_time);
    EXPECT_EQ(add(time_point{}, duration::min()), beginning_of_time);
    EXPECT_EQ(add(time_point{-tick}, duration::min()), beginning_of_time);
    EXPECT_EQ(add(beginning_of_time, 1s), beginning_of_time + 1s);
}

TEST(Time, LeavesWhatIsNeverReachedUnreachable)
{
    EXPECT_EQ(add(end_of_time, duration::zero()), end_of_time);
    EXPECT_EQ(add(end_of_time, 1s), end_of_time);
    EXPECT_EQ(add(end_of_time, -1s), end_of_time);
    EXPECT_EQ(add(end_of_time, duration::min()), end_of_time);
}

}  // namespace
