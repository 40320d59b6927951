#include <libnet/core/literals.hpp>
#include <libnet/policy/token_bucket.hpp>

#include <gtest/gtest.h>

#include <cstdint>

namespace {

using namespace libnet;
using namespace libnet::literals;

constexpr time_point start{1h};
constexpr duration tick{1};

std::size_t take_all(token_bucket& bucket, time_point now)
{
    std::size_t count = 0;
    while (count < 100'000 && bucket.take(now)) {
        ++count;
    }
    return count;
}

TEST(TokenBucket, IsFullAtFirstAndAfterAPause)
{
    token_bucket bucket(10, 5);
    EXPECT_EQ(take_all(bucket, start), 5U);
    EXPECT_EQ(take_all(bucket, start + 500ms - tick), 4U);
    EXPECT_EQ(take_all(bucket, start + 24h), 5U);
    EXPECT_EQ(take_all(bucket, start + 48h), 5U);
}

TEST(TokenBucket, SaysToTheTickWhenTheNextOneComes)
{
    token_bucket bucket(3, 1);  // a third of a second is no whole number of ticks
    EXPECT_EQ(bucket.when_next(start), start);
    EXPECT_TRUE(bucket.take(start));
    const time_point next = bucket.when_next(start);
    EXPECT_EQ(next, start + duration(1s) / 3 + tick);
    EXPECT_EQ(bucket.when_next(start + 100ms), next);
    EXPECT_FALSE(bucket.take(next - tick));
    EXPECT_EQ(bucket.when_next(next - tick), next);
    EXPECT_TRUE(bucket.take(next));
}

// Asked at odd moments for an hour: not one token more or less than the rate allows.
TEST(TokenBucket, LosesNothingToRounding)
{
    for (const std::size_t rate : {1U, 3U, 7U, 999U, 1'000'003U}) {
        SCOPED_TRACE(rate);
        token_bucket bucket(rate, 100'000);
        take_all(bucket, start);
        std::uint64_t taken = 0;
        const duration step = rate > 1000 ? 1'234'567ns : 123'456'789ns;
        const duration whole = rate > 1000 ? 1s : 10min;
        for (duration passed{}; passed < whole; passed += step) {
            taken += take_all(bucket, start + passed);
        }
        taken += take_all(bucket, start + whole);
        EXPECT_EQ(taken, rate * static_cast<std::uint64_t>(whole / 1s));
    }
}

TEST(TokenBucket, KeepsTheRateWhenItWaitsForEachToken)
{
    token_bucket bucket(7, 1);
    time_point now = start;
    for (int i = 0; i <= 7 * 60; ++i) {
        now = bucket.when_next(now);
        ASSERT_TRUE(bucket.take(now));
    }
    // Each of the 420 waits ends less than a tick late, since there is no earlier tick.
    EXPECT_GE(now, start + 60s);
    EXPECT_LT(now, start + 60s + 420 * tick);
}

TEST(TokenBucket, OfZeroNeverHasOne)
{
    token_bucket bucket(0, 10);
    EXPECT_FALSE(bucket.take(start));
    EXPECT_FALSE(bucket.take(start + 24h));
    EXPECT_EQ(bucket.when_next(start), end_of_time);
}

TEST(TokenBucket, HoldsAtLeastOne)
{
    token_bucket bucket(2, 0);
    EXPECT_EQ(take_all(bucket, start), 1U);
    EXPECT_EQ(take_all(bucket, start + 10s), 1U);
}

TEST(TokenBucket, CountsLargeNumbers)
{
    token_bucket bucket(SIZE_MAX, SIZE_MAX);
    EXPECT_EQ(take_all(bucket, start), 100'000U);
    EXPECT_EQ(take_all(bucket, start + 100h), 100'000U);
    token_bucket slow(1, SIZE_MAX);
    slow.take(start);
    EXPECT_EQ(take_all(slow, start + std::chrono::years(250)), 100'000U);
}

TEST(TokenBucket, TimeThatGoesBackBringsNothing)
{
    token_bucket bucket(10, 2);
    EXPECT_EQ(take_all(bucket, start), 2U);
    EXPECT_EQ(take_all(bucket, start - 1h), 0U);
    EXPECT_EQ(bucket.when_next(start - 1h), start + 100ms);
    EXPECT_EQ(take_all(bucket, start), 0U);
    EXPECT_EQ(take_all(bucket, start + 100ms), 1U);
}

TEST(TokenBucket, GoesOnWithOtherNumbers)
{
    token_bucket bucket(10, 10);
    EXPECT_EQ(take_all(bucket, start), 10U);
    bucket.change(100, 3, start + 450ms);  // 4.5 have gathered, 3 have room
    EXPECT_EQ(take_all(bucket, start + 450ms), 3U);
    bucket.change(1, 10, start + 455ms);  // half of one, at the old rate
    EXPECT_EQ(bucket.when_next(start + 455ms), start + 955ms);
    bucket.change(0, 10, start + 1s);
    EXPECT_EQ(bucket.when_next(start + 1s), end_of_time);
    bucket.change(1, 10, start + 1h);  // nothing has gathered meanwhile
    EXPECT_EQ(bucket.when_next(start + 1h), start + 1h + 1s);
}

}  // namespace
