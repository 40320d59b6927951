#include "support/seeds.hpp"

#include <libnet/core/literals.hpp>
#include <libnet/policy/concurrency_limit.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::literals;
using tests::for_each_seed;
using tests::randomness;
using decision = concurrency_limit::decision;
using outcome = concurrency_limit::outcome;

constexpr time_point start{1h};

TEST(ConcurrencyLimit, LetsInThenQueuesThenRefuses)
{
    concurrency_limit limit({.limit = 2, .max_waiting = 1});
    EXPECT_EQ(limit.ask(), decision::begin);
    EXPECT_EQ(limit.ask(), decision::begin);
    EXPECT_EQ(limit.ask(), decision::wait);
    EXPECT_EQ(limit.ask(), decision::refuse);
    EXPECT_FALSE(limit.next());
    limit.end(start, start, outcome::done);
    EXPECT_EQ(limit.ask(), decision::refuse);  // whoever waits comes first
    EXPECT_TRUE(limit.next());
    EXPECT_FALSE(limit.next());
    EXPECT_EQ(limit.ask(), decision::wait);
    limit.leave_queue();
    limit.end(start, start, outcome::done);
    EXPECT_EQ(limit.ask(), decision::begin);
}

TEST(ConcurrencyLimit, MayDoWithoutAQueue)
{
    concurrency_limit limit({.limit = 1, .max_waiting = 0});
    EXPECT_EQ(limit.ask(), decision::begin);
    EXPECT_EQ(limit.ask(), decision::refuse);
}

TEST(ConcurrencyLimit, LetsNobodyWaitWhoseTurnWouldComeTooLate)
{
    concurrency_limit limit({.limit = 2, .max_waiting = 10});
    EXPECT_EQ(limit.ask(0s), decision::begin);
    EXPECT_EQ(limit.ask(0s), decision::begin);
    EXPECT_EQ(limit.ask(0s), decision::wait);  // nobody knows yet how long a call takes
    EXPECT_EQ(limit.expected_wait(), 0s);
    limit.end(start, start + 100ms, outcome::unknown);
    EXPECT_TRUE(limit.next());
    EXPECT_EQ(limit.expected_wait(), 50ms);  // one of the two ends in that time
    EXPECT_EQ(limit.ask(49ms), decision::refuse);
    EXPECT_EQ(limit.ask(50ms), decision::wait);
    EXPECT_EQ(limit.expected_wait(), 100ms);
    EXPECT_EQ(limit.ask(99ms), decision::refuse);
}

TEST(ConcurrencyLimit, ExpectsCallsToTakeWhatTheyTookOfLate)
{
    concurrency_limit limit({.limit = 1, .max_waiting = 10});
    const auto call = [&](duration took) {
        EXPECT_EQ(limit.ask(), decision::begin);
        limit.end(start, start + took, outcome::done);
    };
    const auto wait_now = [&] {
        EXPECT_EQ(limit.ask(), decision::begin);
        const duration wait = limit.expected_wait();
        limit.end(start, start + wait, outcome::done);
        return wait;
    };
    EXPECT_EQ(limit.expected_wait(), 0s);  // there is room
    call(800ms);
    EXPECT_EQ(wait_now(), 800ms);
    call(0ms);
    EXPECT_EQ(wait_now(), 700ms);
    for (int i = 0; i != 50; ++i) {
        call(10ms);
    }
    EXPECT_LT(wait_now(), 12ms);
}

TEST(ConcurrencyLimit, RefusesLimitsThatAreNone)
{
    EXPECT_THROW(concurrency_limit({.limit = 0}), std::invalid_argument);
    EXPECT_THROW(concurrency_limit({.adaptive = adaptive_limit{.least = 0}}),
                 std::invalid_argument);
    EXPECT_THROW(concurrency_limit({.adaptive = adaptive_limit{.least = 2, .most = 1}}),
                 std::invalid_argument);
}

/// Fills the limit and ends all of it.
void round_of(concurrency_limit& limit, time_point now, duration took, outcome how)
{
    const std::size_t count = limit.limit();
    for (std::size_t i = 0; i != count; ++i) {
        ASSERT_EQ(limit.ask(), decision::begin);
    }
    for (std::size_t i = 0; i != count; ++i) {
        limit.end(now, now + took, how);
    }
}

TEST(ConcurrencyLimit, GrowsWhileAllIsWell)
{
    concurrency_limit limit({.limit = 10, .adaptive = adaptive_limit{.most = 12}});
    for (int i = 0; i != 2; ++i) {  // only the half of them that ends first sees the limit in use
        round_of(limit, start, 10ms, outcome::done);
    }
    EXPECT_EQ(limit.limit(), 11U);
    for (int i = 0; i != 20; ++i) {
        round_of(limit, start, 10ms, outcome::done);
    }
    EXPECT_EQ(limit.limit(), 12U);
}

TEST(ConcurrencyLimit, DoesNotGrowWhereNobodyReachesIt)
{
    concurrency_limit limit({.limit = 10, .adaptive = adaptive_limit{}});
    for (int i = 0; i != 1000; ++i) {
        EXPECT_EQ(limit.ask(), decision::begin);
        limit.end(start, start + 1ms, outcome::done);
    }
    EXPECT_EQ(limit.limit(), 10U);
}

TEST(ConcurrencyLimit, FallsOnceForAllThatSufferedTogether)
{
    concurrency_limit limit({.limit = 100, .adaptive = adaptive_limit{}});
    round_of(limit, start, 10ms, outcome::overloaded);
    EXPECT_EQ(limit.limit(), 90U);
    round_of(limit, start + 1s, 1001ms, outcome::done);  // too slow
    EXPECT_EQ(limit.limit(), 81U);
    round_of(limit, start + 5s, 10ms, outcome::unknown);
    EXPECT_EQ(limit.limit(), 81U);
    for (int i = 0; i != 100; ++i) {
        round_of(limit, start + 1min * (i + 1), 10ms, outcome::overloaded);
    }
    EXPECT_EQ(limit.limit(), 4U);
}

// A server that bears so many calls at a time and fails above that, with many who want to call it:
// the limit finds what it bears, and keeps there.
TEST(ConcurrencyLimit, FindsWhatAServerBears)
{
    for_each_seed(2, [](randomness& random) {
        const std::size_t bears = 20 + random.below(100);
        concurrency_limit limit({.limit = 5, .max_waiting = 0, .adaptive = adaptive_limit{}});
        struct call {
            time_point began;
            time_point ends;
            bool fails;
        };
        std::vector<call> running;
        std::size_t failed = 0;
        std::size_t made = 0;
        for (int tick = 0; tick != 10'000; ++tick) {
            const time_point now = start + tick * 1ms;
            std::erase_if(running, [&](const call& c) {
                if (c.ends > now) {
                    return false;
                }
                limit.end(c.began, now, c.fails ? outcome::overloaded : outcome::done);
                failed += c.fails && tick > 6000 ? 1 : 0;
                made += tick > 6000 ? 1 : 0;
                return true;
            });
            while (limit.ask() == decision::begin) {
                running.push_back({.began = now,
                                   .ends = now + 5ms + duration(random.below(10'000'000)),
                                   .fails = running.size() >= bears});
            }
            if (tick > 6000) {
                ASSERT_GE(limit.limit() * 10, bears * 7);
                ASSERT_LE(limit.limit() * 10, bears * 12);
            }
        }
        EXPECT_LE(failed * 20, made);  // the price of knowing: below 5 %
    });
}

TEST(ConcurrencyLimit, AtRandomCountsRight)
{
    for_each_seed(20, [](randomness& random) {
        const std::size_t most = 1 + random.below(10);
        const std::size_t queue = random.below(5);
        concurrency_limit limit({.limit = most, .max_waiting = queue});
        std::size_t running = 0;
        std::size_t waiting = 0;
        for (int i = 0; i != 2000; ++i) {
            switch (random.below(4)) {
            case 0:
            case 1:
                switch (limit.ask()) {
                case decision::begin:
                    ASSERT_EQ(waiting, 0U);
                    ++running;
                    break;
                case decision::wait: ++waiting; break;
                case decision::refuse: ASSERT_EQ(waiting, queue); break;
                }
                break;
            case 2:
                if (waiting != 0) {
                    limit.leave_queue();
                    --waiting;
                }
                break;
            default:
                if (running != 0) {
                    limit.end(start, start, outcome::done);
                    --running;
                }
            }
            while (limit.next()) {
                --waiting;
                ++running;
            }
            ASSERT_LE(running, most);
            ASSERT_EQ(limit.running(), running);
            ASSERT_EQ(limit.waiting(), waiting);
            ASSERT_TRUE(waiting == 0 || running == most);
        }
    });
}

}  // namespace
