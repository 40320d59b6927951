#include "../../../apps/netbench/histogram.hpp"
#include "../../../apps/netbench/messages.hpp"
#include "../../../apps/netbench/pace.hpp"
#include "../../../apps/netbench/results.hpp"
#include "../../../apps/netbench/time_queue.hpp"
#include "../../../apps/netbench/units.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>

/// What netbench counts and compares with.
namespace {

using namespace netbench;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

TEST(NetbenchHistogram, KeepsThreeDigitsOfEveryDuration)
{
    for (std::int64_t value = 1; value < 3'600'000'000'000; value = value * 9 / 8 + 1) {
        histogram h;
        h.record(nanoseconds(value));
        h.record(1h);  // so that the percentile is not the greatest
        const auto seen = h.percentile(50).count();
        EXPECT_GE(seen, value);
        EXPECT_LE(static_cast<double>(seen), static_cast<double>(value) * 1.001);
        EXPECT_LE(h.used().front().lowest.count(), value);
    }
}

TEST(NetbenchHistogram, TellsPercentilesMeanAndBounds)
{
    histogram h;
    for (int i = 1; i <= 1000; ++i) {
        h.record(nanoseconds(i));
    }
    EXPECT_EQ(h.count(), 1000u);
    EXPECT_EQ(h.percentile(0), 1ns);
    EXPECT_EQ(h.percentile(50), 500ns);
    EXPECT_EQ(h.percentile(99.9), 999ns);
    EXPECT_EQ(h.percentile(100), 1000ns);
    EXPECT_EQ(h.min(), 1ns);
    EXPECT_EQ(h.max(), 1000ns);
    EXPECT_EQ(h.mean(), 501ns);  // 500.5
}

TEST(NetbenchHistogram, NothingIsNothing)
{
    const histogram h;
    EXPECT_EQ(h.percentile(99), 0ns);
    EXPECT_EQ(h.min(), 0ns);
    EXPECT_EQ(h.mean(), 0ns);
    EXPECT_TRUE(h.used().empty());
}

TEST(NetbenchHistogram, WhatIsTooLongOrTooShortCountsAsTheLastAndTheFirst)
{
    histogram h;
    h.record(-5ns);
    h.record(10h);
    EXPECT_EQ(h.count(), 2u);
    EXPECT_EQ(h.min(), 0ns);
    EXPECT_GT(h.max(), 1h);
}

TEST(NetbenchHistogram, MergedIsAsIfRecordedTogether)
{
    histogram one;
    histogram other;
    histogram both;
    for (int i = 1; i < 5000; i += 7) {
        (i % 2 == 0 ? one : other).record(nanoseconds(i * i));
        both.record(nanoseconds(i * i));
    }
    one.merge(other);
    EXPECT_EQ(one.count(), both.count());
    EXPECT_EQ(one.mean(), both.mean());
    EXPECT_EQ(one.min(), both.min());
    EXPECT_EQ(one.max(), both.max());
    for (const double percent : {1.0, 50.0, 99.0, 100.0}) {
        EXPECT_EQ(one.percentile(percent), both.percentile(percent));
    }
}

TEST(NetbenchMessages, NeighboursDifferAndHoldNoEndOfALine)
{
    const messages sent(64);
    for (std::uint64_t i = 0; i < 10'000; ++i) {
        ASSERT_EQ(sent[i].size(), 64u);
        ASSERT_NE(sent[i], sent[i + 1]);
        ASSERT_EQ(sent[i].find('\n'), std::string_view::npos);
    }
}

TEST(NetbenchMessages, AnEchoOfAnotherMessageIsFoundOut)
{
    const messages sent(8);
    echo_check check(sent, true);
    bool right = true;
    EXPECT_EQ(check.take(libnet::as_bytes(sent[0]), right), 1u);
    EXPECT_TRUE(right);
    check.take(libnet::as_bytes(sent[2]), right);
    EXPECT_FALSE(right);
}

TEST(NetbenchMessages, WithoutFramingEveryByteIsCompared)
{
    const messages sent(5);
    const std::string all = std::string(sent[0]) + std::string(sent[1]) + std::string(sent[2]);
    for (std::size_t cut = 0; cut <= all.size(); ++cut) {
        echo_check check(sent, false);
        bool right = true;
        const std::uint64_t first = check.take(libnet::as_bytes(all.substr(0, cut)), right);
        EXPECT_EQ(first, cut / 5);
        EXPECT_EQ(first + check.take(libnet::as_bytes(all.substr(cut)), right), 3u);
        EXPECT_TRUE(right);
    }
    for (std::size_t changed = 0; changed < all.size(); ++changed) {
        std::string bad = all;
        bad[changed] = '\n';
        echo_check check(sent, false);
        bool right = true;
        check.take(libnet::as_bytes(bad), right);
        EXPECT_FALSE(right) << changed;
    }
}

TEST(NetbenchPace, DoesNotDependOnWhenOthersWereDone)
{
    const pace steps{libnet::time_point(1h), 3};
    EXPECT_EQ(steps.of(0), libnet::time_point(1h));
    EXPECT_EQ(steps.of(3), libnet::time_point(1h + 1s));
    EXPECT_EQ(steps.of(3'000'000), libnet::time_point(1h + 1'000'000s));
}

TEST(NetbenchTimeQueue, IsFirstInFirstOutWhileItGrows)
{
    time_queue q;
    std::int64_t pushed = 0;
    std::int64_t popped = 0;
    for (int round = 1; round < 40; ++round) {
        for (int i = 0; i < round; ++i) {
            q.push(libnet::time_point(nanoseconds(pushed++)));
        }
        for (int i = 0; i < round / 2; ++i) {
            ASSERT_EQ(q.front(), libnet::time_point(nanoseconds(popped++)));
            q.pop();
        }
    }
    EXPECT_EQ(q.size(), static_cast<std::size_t>(pushed - popped));
    q.clear();
    EXPECT_TRUE(q.empty());
}

TEST(NetbenchTimeQueue, KeepsThoseOfTheSameTimeInOnePlace)
{
    const libnet::time_point early(1ns);
    const libnet::time_point late(2ns);
    time_queue q;
    q.push(early, 3);
    q.push(early);
    q.push(late, 0);
    q.push(late, 2);
    EXPECT_EQ(q.size(), 6u);
    EXPECT_EQ(q.front(), early);
    EXPECT_EQ(q.times_front(), 4u);
    q.pop(3);
    EXPECT_EQ(q.front(), early);
    EXPECT_EQ(q.times_front(), 1u);
    q.pop();
    EXPECT_EQ(q.front(), late);
    EXPECT_EQ(q.times_front(), 2u);
    q.pop(2);
    EXPECT_TRUE(q.empty());
    q.push(late);  // not to the one that has gone
    EXPECT_EQ(q.times_front(), 1u);
}

TEST(NetbenchResults, AddUp)
{
    results one;
    one.asked.connections = 3;
    one.asked.rate = 100;
    one.seconds = 2;
    one.messages = 10;
    one.errors["connecting: refused"] = 1;
    one.timeline = {4, 6};
    one.own_cpu = 0.5;
    results other = one;
    other.errors["sending: reset"] = 2;
    other.timeline = {1, 2, 3};
    other.server_cpu = 0.25;
    one.merge(other);
    EXPECT_EQ(one.asked.connections, 6u);
    EXPECT_EQ(one.asked.rate, 200);
    EXPECT_EQ(one.processes, 2u);
    EXPECT_EQ(one.seconds, 2);
    EXPECT_EQ(one.messages, 20u);
    EXPECT_EQ(one.errors["connecting: refused"], 2u);
    EXPECT_EQ(one.errors["sending: reset"], 2u);
    EXPECT_EQ(one.timeline, (std::vector<std::uint64_t>{5, 8, 3}));
    EXPECT_EQ(one.own_cpu, 1);
    EXPECT_EQ(one.server_cpu, 0.25);
    EXPECT_FALSE(one.is_clean());
}

TEST(NetbenchUnits, AreReadable)
{
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(1000), "1,000");
    EXPECT_EQ(grouped(1234567), "1,234,567");
    EXPECT_EQ(short_time(999ns), "999 ns");
    EXPECT_EQ(short_time(1ns), "1 ns");
    EXPECT_EQ(short_time(53'210ns), "53.2 us");
    EXPECT_EQ(short_time(999'600ns), "1.00 ms");
    EXPECT_EQ(short_time(1'250us), "1.25 ms");
    EXPECT_EQ(short_time(90s), "90.0 s");
    EXPECT_EQ(short_rate(12'345'678), "12.3 MB/s");
    EXPECT_EQ(short_rate(5), "5.0 B/s");
}

}  // namespace
