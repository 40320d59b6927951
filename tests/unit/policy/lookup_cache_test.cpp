#include <libnet/policy/lookup_cache.hpp>

#include <gmock/gmock.h>

namespace libnet {
namespace {

using namespace std::chrono_literals;

constexpr time_point start = time_point{} + 1h;

int known(lookup_cache<int>& cache, std::string_view key, time_point now)
{
    const auto* answer = cache.find(key, now);
    return answer == nullptr ? 0 : answer->has_value() ? **answer : -1;
}

TEST(LookupCache, RemembersAnAnswerForItsTimeToLive)
{
    lookup_cache<int> cache({.time_to_live = 30s});
    EXPECT_EQ(known(cache, "a", start), 0);
    cache.keep("a", 1, start);
    EXPECT_EQ(known(cache, "a", start), 1);
    EXPECT_EQ(known(cache, "a", start + 30s - 1ns), 1);
    EXPECT_EQ(known(cache, "b", start), 0);
    EXPECT_EQ(known(cache, "a", start + 30s), 0);
    EXPECT_EQ(cache.size(), 0U);
}

TEST(LookupCache, RemembersAFailureForAShorterTime)
{
    lookup_cache<int> cache({.time_to_live = 30s, .failure_time_to_live = 1s});
    cache.keep("a", error::host_not_found, start);
    EXPECT_EQ(known(cache, "a", start + 1s - 1ns), -1);
    EXPECT_EQ(known(cache, "a", start + 1s), 0);
}

TEST(LookupCache, ANewAnswerTakesThePlaceOfTheOld)
{
    lookup_cache<int> cache({.time_to_live = 30s});
    cache.keep("a", 1, start);
    cache.keep("a", 2, start + 20s);
    EXPECT_EQ(cache.size(), 1U);
    EXPECT_EQ(known(cache, "a", start + 40s), 2);
    cache.keep("a", error::host_not_found, start + 40s);
    EXPECT_EQ(known(cache, "a", start + 40s), -1);
}

TEST(LookupCache, ForgetsWhatWasNotAskedForTheLongest)
{
    lookup_cache<int> cache({.entries = 2});
    cache.keep("a", 1, start);
    cache.keep("b", 2, start);
    EXPECT_EQ(known(cache, "a", start), 1);
    cache.keep("c", 3, start);
    EXPECT_EQ(cache.size(), 2U);
    EXPECT_EQ(known(cache, "a", start), 1);
    EXPECT_EQ(known(cache, "b", start), 0);
    EXPECT_EQ(known(cache, "c", start), 3);
}

TEST(LookupCache, CanBeSwitchedOff)
{
    lookup_cache<int> none({.entries = 0});
    none.keep("a", 1, start);
    EXPECT_EQ(known(none, "a", start), 0);

    lookup_cache<int> no_failures({.failure_time_to_live = 0s});
    no_failures.keep("a", 1, start);
    no_failures.keep("a", error::host_not_found, start);
    EXPECT_EQ(known(no_failures, "a", start), 0);
    EXPECT_EQ(no_failures.size(), 0U);
}

TEST(LookupCache, ForgetsEverythingWhenAsked)
{
    lookup_cache<int> cache;
    cache.keep("a", 1, start);
    cache.clear();
    EXPECT_EQ(known(cache, "a", start), 0);
}

}  // namespace
}  // namespace libnet
