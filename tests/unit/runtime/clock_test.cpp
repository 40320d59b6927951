#include <libnet/core/time.hpp>
#include <libnet/runtime/clock.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace {

using namespace std::chrono_literals;
using libnet::end_of_time;
using libnet::manual_clock;
using libnet::task;
using libnet::time_point;
using libnet::detail::timer_node;

/// Notes when it expired, and may do something then.
struct noted : timer_node {
    noted(int n, std::vector<int>& l)
        : timer_node([](timer_node& node) {
              auto& self = static_cast<noted&>(node);
              self.log->push_back(self.number);
              if (self.then) {
                  self.then();
              }
          }),
          number(n),
          log(&l)
    {
    }
    int number;
    std::vector<int>* log;
    std::function<void()> then;
};

void drain(manual_clock& clock, time_point limit)
{
    while (clock.step(limit)) {}
}

TEST(ManualClock, StandsStillUntilItIsTold)
{
    manual_clock clock;
    const time_point start = clock.now();
    EXPECT_EQ(clock.now(), start);
    EXPECT_EQ(clock.recent(), start);
    EXPECT_EQ(clock.next_due(), end_of_time);
    EXPECT_FALSE(clock.step(start + 5s));
    EXPECT_EQ(clock.now(), start + 5s);
    EXPECT_FALSE(clock.step(start)) << "time does not go back";
    EXPECT_EQ(clock.now(), start + 5s);
}

TEST(ManualClock, ExpiresInOrderOfTimeThenOfArming)
{
    manual_clock clock;
    const time_point start = clock.now();
    std::vector<int> log;
    noted a(1, log), b(2, log), c(3, log), d(4, log), e(5, log);
    clock.arm(a, start + 2s);
    clock.arm(b, start + 1s);
    clock.arm(c, start + 2s);
    clock.arm(d, start + 1s);
    clock.arm(e, start + 1s);
    clock.arm(b, start + 1s);  // anew: behind the others
    EXPECT_EQ(clock.next_due(), start + 1s);
    drain(clock, start + 10s);
    EXPECT_EQ(log, (std::vector<int>{4, 5, 2, 1, 3}));
    EXPECT_FALSE(a.armed());
}

TEST(ManualClock, JumpsFromDueTimeToDueTime)
{
    manual_clock clock;
    const time_point start = clock.now();
    std::vector<int> log;
    noted a(1, log), b(2, log);
    clock.arm(a, start + 2s);
    clock.arm(b, start + 3s);
    EXPECT_TRUE(clock.step(start + 10s));
    EXPECT_EQ(clock.now(), start + 2s);
    EXPECT_TRUE(clock.step(start + 10s));
    EXPECT_EQ(clock.now(), start + 3s);
    EXPECT_FALSE(clock.step(start + 10s));
    EXPECT_EQ(clock.now(), start + 10s);
}

TEST(ManualClock, ExpiresNothingBeyondTheLimit)
{
    manual_clock clock;
    const time_point start = clock.now();
    std::vector<int> log;
    noted a(1, log);
    clock.arm(a, start + 2s);
    EXPECT_FALSE(clock.step(start + 2s - 1ns));
    EXPECT_TRUE(log.empty());
    EXPECT_TRUE(clock.step(start + 2s));
}

TEST(ManualClock, WhatIsInThePastIsDueAtOnce)
{
    manual_clock clock;
    const time_point start = clock.now();
    std::vector<int> log;
    noted a(1, log);
    clock.arm(a, start - 5s);
    EXPECT_TRUE(clock.step(start));
    EXPECT_EQ(clock.now(), start);
}

TEST(ManualClock, TheEndOfTimeDisarms)
{
    manual_clock clock;
    std::vector<int> log;
    noted a(1, log);
    clock.arm(a, clock.now() + 1s);
    clock.arm(a, end_of_time);
    EXPECT_FALSE(a.armed());
    EXPECT_EQ(clock.next_due(), end_of_time);
}

TEST(ManualClock, ANodeThatDiesIsDisarmed)
{
    manual_clock clock;
    std::vector<int> log;
    {
        noted a(1, log);
        clock.arm(a, clock.now() + 1s);
    }
    EXPECT_EQ(clock.next_due(), end_of_time);
    drain(clock, clock.now() + 5s);
    EXPECT_TRUE(log.empty());
}

TEST(ManualClock, WhatExpiresMayArmAndDisarm)
{
    manual_clock clock;
    const time_point start = clock.now();
    std::vector<int> log;
    noted a(1, log), b(2, log), c(3, log);
    a.then = [&] {
        clock.disarm(b);
        clock.arm(c, start + 1s);
        if (log.size() < 3) {
            clock.arm(a, start + 1s);
        }
    };
    clock.arm(a, start + 1s);
    clock.arm(b, start + 1s);
    drain(clock, start + 1s);
    EXPECT_EQ(log, (std::vector<int>{1, 3, 1, 3}));
}

TEST(ManualClock, ExpiresAsASortedListWould)
{
    constexpr std::size_t count = 500;
    manual_clock clock;
    std::vector<int> log;
    std::vector<std::unique_ptr<noted>> timers;
    std::multimap<time_point, int> expected;  // those of the same instant in order of arming
    const auto forget = [&](int n) {
        std::erase_if(expected, [&](const auto& entry) { return entry.second == n; });
    };
    for (std::size_t i = 0; i < count; ++i) {
        timers.push_back(std::make_unique<noted>(static_cast<int>(i), log));
    }
    std::uint64_t random = 1;
    for (int i = 0; i < 20'000; ++i) {
        random = random * 6364136223846793005 + 1442695040888963407;
        const auto n = static_cast<int>((random >> 33) % count);
        noted& timer = *timers[static_cast<std::size_t>(n)];
        const std::uint64_t what = (random >> 20) % 8;
        if (what < 4) {
            // From "now" to days ahead, often the same instant.
            const auto wait = std::chrono::nanoseconds(((random >> 40) % 4) << ((random >> 12) % 48));
            forget(n);
            expected.emplace(clock.now() + wait, n);
            clock.arm(timer, clock.now() + wait);
        } else if (what == 4) {
            forget(n);
            if (timer.armed()) {
                clock.disarm(timer);
            }
        } else if (!expected.empty()) {
            ASSERT_EQ(clock.next_due(), expected.begin()->first) << i;
            ASSERT_TRUE(clock.step(expected.begin()->first));
            ASSERT_EQ(log.back(), expected.begin()->second) << i;
            expected.erase(expected.begin());
        }
    }
    EXPECT_GT(log.size(), 5000U);
}

TEST(ManualClock, MakesTheSameRunEveryTime)
{
    auto one_run = [] {
        libnet::testing::simulation sim;
        std::vector<int> log;
        auto sleeper = [&](int n) -> task<> {
            co_await libnet::sleep_for(10ms * ((n * 37) % 10));
            log.push_back(n);
            co_await libnet::sleep_for(10ms * ((n * 53) % 7));
            log.push_back(n + 100);
        };
        auto all = [&](libnet::group& g) -> task<> {
            for (int n = 0; n != 50; ++n) {
                g.start(sleeper(n));
            }
            co_await libnet::checked(g.join());
        };
        auto body = [&]() -> task<> { co_await libnet::checked(libnet::with_group(all)); };
        EXPECT_TRUE(sim.run(body()));
        return log;
    };
    const std::vector<int> first = one_run();
    EXPECT_EQ(first.size(), 100u);
    EXPECT_EQ(first[0], 0);
    for (int again = 0; again != 5; ++again) {
        EXPECT_EQ(one_run(), first);
    }
}

}  // namespace
