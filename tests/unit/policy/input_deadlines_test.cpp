#include <libnet/policy/input_deadlines.hpp>

#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::literals;

const time_point start = time_point{} + 24h;

/// The wait begins at `start`; nothing has come.
input_deadlines waiting(const input_timeouts& timeouts)
{
    input_deadlines d(timeouts);
    d.begin_wait(start, 0);
    return d;
}

TEST(InputDeadlines, ASilentPeerHasTheTimeOfTheFirstFrame)
{
    const input_timeouts timeouts{.first_frame = 10s, .frame = 30s, .idle = 65s};
    input_deadlines d = waiting(timeouts);
    EXPECT_EQ(d.due(), start + 10s);
    d.activity(start + 9s);  // a greeting of ours gives no more time
    EXPECT_EQ(d.due(), start + 10s);
    EXPECT_EQ(d.look(start + 10s - 1ns), error{});
    EXPECT_EQ(d.look(start + 10s), error::first_frame_timeout);
}

TEST(InputDeadlines, TheFirstByteStartsTheTimeOfTheFrame)
{
    const input_timeouts timeouts{.first_frame = 10s, .frame = 30s, .idle = 65s};
    input_deadlines d = waiting(timeouts);
    d.bytes_came(start + 9s, 1);
    EXPECT_EQ(d.due(), start + 39s);
    d.bytes_came(start + 38s, 2);  // a byte earns nothing
    EXPECT_EQ(d.look(start + 39s - 1ns), error{});
    EXPECT_EQ(d.look(start + 39s), error::frame_timeout);
}

TEST(InputDeadlines, AfterTheFirstFrameTheLineMayBeIdle)
{
    const input_timeouts timeouts{.first_frame = 10s, .frame = 30s, .idle = 65s};
    input_deadlines d = waiting(timeouts);
    d.bytes_came(start + 1s, 4);
    d.frame_came();
    d.begin_wait(start + 2s, 0);
    EXPECT_EQ(d.due(), start + 67s);
    d.activity(start + 12s);
    EXPECT_EQ(d.look(start + 77s - 1ns), error{});
    EXPECT_EQ(d.look(start + 77s), error::idle_timeout);
}

TEST(InputDeadlines, WhatStrikesFirstIsTheReason)
{
    const input_timeouts timeouts{.first_frame = 10s, .idle = 5s};
    input_deadlines d = waiting(timeouts);
    EXPECT_EQ(d.due(), start + 5s);
    EXPECT_EQ(d.look(start + 5s), error::idle_timeout);
}

TEST(InputDeadlines, ALongFrameEarnsASecondForEvery8KiBThatHaveCome)
{
    const input_timeouts timeouts{.frame = 30s};
    for (const auto& [bytes, time] : std::initializer_list<std::pair<std::size_t, duration>>{
             {64_KiB, 30s}, {72_KiB - 1, 30s}, {72_KiB, 31s}, {1_MiB, 30s + 120s}}) {
        input_deadlines d = waiting(timeouts);
        d.bytes_came(start, 1);
        d.bytes_came(start + 20s, bytes);
        EXPECT_EQ(d.due(), start + time) << bytes;
    }
}

TEST(InputDeadlines, APartThatIsThereStartsTheFrameWithTheWait)
{
    const input_timeouts timeouts{.frame = 30s, .idle = 65s};
    input_deadlines d(timeouts);
    d.begin_wait(start, 3);
    EXPECT_EQ(d.due(), start + 30s);
}

TEST(InputDeadlines, TimeInWhichNobodyWaitsDoesNotCount)
{
    const input_timeouts timeouts{
        .first_frame = 10s, .frame = 30s, .idle = 65s, .minimum_rate = {.bytes = 10}};
    input_deadlines silent = waiting(timeouts);
    silent.end_wait(start + 4s);
    silent.begin_wait(start + 100s, 0);
    EXPECT_EQ(silent.due(), start + 106s);
    EXPECT_EQ(silent.look(start + 106s), error::first_frame_timeout);

    input_deadlines halfway = waiting(timeouts);
    halfway.bytes_came(start + 1s, 1);
    halfway.end_wait(start + 4s);
    halfway.begin_wait(start + 100s, 1);
    EXPECT_EQ(halfway.due(), start + 103s);  // of grace and interval 3 s are over
    EXPECT_EQ(halfway.look(start + 103s), error::too_slow);
}

TEST(InputDeadlines, WaitsThatAreGivenUpAddUp)
{
    const input_timeouts timeouts{.idle = 10s};
    input_deadlines d(timeouts);
    time_point now = start;
    for (int i = 0; i < 9; ++i) {
        d.begin_wait(now, 0);
        EXPECT_EQ(d.look(now + 1s), error{});
        d.end_wait(now += 1s);
    }
    d.begin_wait(now, 0);
    EXPECT_EQ(d.look(now + 1s), error::idle_timeout);
}

TEST(InputDeadlines, AFrameThatWasFoundWithoutAWaitStartsAllAnew)
{
    const input_timeouts timeouts{.idle = 10s};
    input_deadlines d = waiting(timeouts);
    d.end_wait(start + 9s);
    d.frame_came();
    d.begin_wait(start + 20s, 0);
    EXPECT_EQ(d.due(), start + 30s);
}

TEST(InputDeadlines, AHeartbeatIsNoActivity)
{
    const input_timeouts timeouts{.first_frame = 10s, .frame = 30s, .idle = 65s};
    input_deadlines silent = waiting(timeouts);
    silent.bytes_came(start + 5s, 2);
    silent.heartbeat_came();
    EXPECT_EQ(silent.due(), start + 10s);

    input_deadlines later = waiting(timeouts);
    later.frame_came();
    later.begin_wait(start + 1s, 0);
    later.bytes_came(start + 50s, 2);
    later.heartbeat_came();
    EXPECT_EQ(later.due(), start + 66s);
}

TEST(InputDeadlines, TheRateIsDemandedInEveryIntervalAfterTheGrace)
{
    const input_timeouts timeouts{.frame = never,
                                  .minimum_rate = {.bytes = 100, .interval = 2s, .grace = 5s}};
    input_deadlines d = waiting(timeouts);
    d.bytes_came(start, 1);
    EXPECT_EQ(d.due(), start + 7s);
    d.bytes_came(start + 4s, 1000);  // does not count for later
    d.bytes_came(start + 6s, 1100);
    EXPECT_EQ(d.look(start + 7s), error{});
    EXPECT_EQ(d.due(), start + 9s);
    d.bytes_came(start + 8s, 1199);
    EXPECT_EQ(d.look(start + 9s - 1ns), error{});
    EXPECT_EQ(d.look(start + 9s), error::too_slow);
}

TEST(InputDeadlines, TheRateIsDemandedOfFramesAndNotOfSilence)
{
    const input_timeouts timeouts{.idle = 65s, .minimum_rate = {.bytes = 100}};
    input_deadlines d = waiting(timeouts);
    EXPECT_EQ(d.due(), start + 65s);
    d.bytes_came(start + 1s, 1);
    d.frame_came();
    d.begin_wait(start + 2s, 0);
    EXPECT_EQ(d.due(), start + 67s);
}

TEST(InputDeadlines, WithoutATimeForFramesTheIdleOneLooksAtPartsToo)
{
    const input_timeouts timeouts{.idle = 10s};
    input_deadlines d = waiting(timeouts);
    d.bytes_came(start + 1s, 1);
    d.bytes_came(start + 8s, 2);
    EXPECT_EQ(d.due(), start + 18s);
    EXPECT_EQ(d.look(start + 18s), error::idle_timeout);
}

TEST(InputDeadlines, NeverIsNever)
{
    const input_timeouts timeouts{};
    input_deadlines d = waiting(timeouts);
    EXPECT_EQ(d.due(), end_of_time);
    EXPECT_EQ(d.look(start + 24h * 36500), error{});
    d.bytes_came(start, 1);
    EXPECT_EQ(d.due(), end_of_time);
}

}  // namespace
