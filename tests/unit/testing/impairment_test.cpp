#include <libnet/core/literals.hpp>
#include <libnet/testing/impairment.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace std::chrono_literals;

constexpr time_point start{1h};

/// `count` packets of 100 bytes, one each `apart`.
std::vector<packet_fate> send(impairment& line, int count, duration apart = 1ms)
{
    std::vector<packet_fate> fates;
    for (int i = 0; i < count; ++i) {
        fates.push_back(line.packet(start + i * apart, 100));
    }
    return fates;
}

double share(std::uint64_t some, double all)
{
    return static_cast<double>(some) / all;
}

TEST(Impairment, DoesNothingByDefault)
{
    impairment line;
    const packet_fate fate = line.packet(start, 1500);
    EXPECT_FALSE(fate.lost);
    EXPECT_EQ(fate.arrives, start);
    EXPECT_FALSE(fate.arrives_again);
    EXPECT_TRUE(fate.flipped.empty());
    stream_course course;
    const chunk_fate chunk = line.chunk(course, start, 64_KiB);
    EXPECT_EQ(chunk.passes, 64_KiB);
    EXPECT_EQ(chunk.then, chunk_fate::sequel::goes_on);
    EXPECT_EQ(chunk.arrives, start);
}

TEST(Impairment, IsTheSameForTheSameSeed)
{
    const auto run = [](std::uint64_t seed) {
        impairment line({.loss = 0.2, .jitter = 10ms, .reorder = 0.1, .duplicate = 0.1, .corrupt = 0.1},
                        seed);
        std::vector<std::int64_t> seen;
        for (const packet_fate& fate : send(line, 200)) {
            seen.push_back(fate.lost ? -1 : (fate.arrives - start).count());
            seen.push_back(fate.arrives_again ? (*fate.arrives_again - start).count() : -1);
            seen.insert(seen.end(), fate.flipped.begin(), fate.flipped.end());
        }
        return seen;
    };
    EXPECT_EQ(run(7), run(7));
    EXPECT_NE(run(7), run(8));
}

TEST(Impairment, LosesDuplicatesAndDamagesAsOftenAsItIsTold)
{
    impairment line({.loss = 0.02, .reorder = 0.05, .duplicate = 0.1, .corrupt = 0.2}, 1);
    constexpr int count = 100'000;
    send(line, count);
    const impairment_counts& counts = line.counts();
    EXPECT_EQ(counts.packets, count);
    EXPECT_EQ(counts.bytes, 100U * count);
    EXPECT_NEAR(share(counts.lost, count), 0.02, 0.002);
    EXPECT_NEAR(share(counts.reordered, count), 0.05 * 0.98, 0.003);
    EXPECT_NEAR(share(counts.duplicated, count), 0.1 * 0.98, 0.004);
    EXPECT_NEAR(share(counts.corrupted, count), 0.2 * 0.98, 0.005);
}

TEST(Impairment, LosesInBursts)
{
    impairment line({.burst = burst_loss{.begin = 0.01, .end = 0.25}}, 1);
    constexpr int count = 100'000;
    int bursts = 0;
    bool before = false;
    for (const packet_fate& fate : send(line, count)) {
        bursts += fate.lost && !before ? 1 : 0;
        before = fate.lost;
    }
    const auto lost = static_cast<double>(line.counts().lost);
    EXPECT_NEAR(lost / count, 0.01 / 0.26, 0.004);
    EXPECT_NEAR(lost / bursts, 4, 0.3) << "the mean length of a burst is 1 / end";
}

TEST(Impairment, KeepsTheOrderInSpiteOfJitter)
{
    impairment line({.delay = 50ms, .jitter = 20ms}, 1);
    time_point before = time_point::min();
    time_point at = start;
    duration shortest = never;
    duration longest{};
    for (const packet_fate& fate : send(line, 1000)) {
        EXPECT_GE(fate.arrives, before);
        before = fate.arrives;
        shortest = std::min(shortest, fate.arrives - at);
        longest = std::max(longest, fate.arrives - at);
        at += 1ms;
    }
    EXPECT_GE(shortest, 50ms);
    EXPECT_LE(longest, 70ms);
    EXPECT_GT(longest - shortest, 10ms);
}

TEST(Impairment, LetsThoseBehindPassAReorderedOne)
{
    impairment line({.delay = 5ms, .reorder = 0.1, .reorder_delay = 3500us}, 1);
    const auto fates = send(line, 1000);
    int late = 0;
    int passed = 0;
    for (std::size_t i = 0; i + 4 < fates.size(); ++i) {
        const duration took = fates[i].arrives - (start + static_cast<int>(i) * 1ms);
        late += took == 8500us ? 1 : 0;
        EXPECT_TRUE(took == 5ms || took == 8500us) << i;
        passed += fates[i].arrives > fates[i + 1].arrives ? 1 : 0;
    }
    EXPECT_NEAR(late, 100, 30);
    EXPECT_NEAR(passed, 90, 30) << "but for those followed by another of their kind";
}

TEST(Impairment, LetsThroughSoManyBytesASecond)
{
    impairment line({.rate = 100'000, .queue = 1000});
    const auto fates = send(line, 3, 0ms);
    EXPECT_EQ(fates[0].arrives, start + 1ms);
    EXPECT_EQ(fates[2].arrives, start + 3ms);
    const auto flood = send(line, 100, 0ms);
    EXPECT_EQ(std::count_if(flood.begin(), flood.end(), [](const auto& f) { return f.lost; }), 92)
        << "ten wait, one more is under way";
    EXPECT_EQ(line.counts().overflowed, 92U);
    EXPECT_FALSE(line.packet(start + 11ms, 100).lost) << "the queue has room again";
}

TEST(Impairment, DamagesOneBit)
{
    impairment line({.corrupt = 1}, 1);
    std::array<std::byte, 100> content{};
    for (int i = 0; i < 100; ++i) {
        const packet_fate fate = line.packet(start, content.size());
        ASSERT_EQ(fate.flipped.size(), 1U);
        content.fill(std::byte{});
        flip(content, fate.flipped);
        EXPECT_EQ(std::count(content.begin(), content.end(), std::byte{}), 99);
    }
}

TEST(Impairment, FallsSilent)
{
    impairment line({.silent_after = 250});
    EXPECT_FALSE(line.packet(start, 100).lost);
    EXPECT_FALSE(line.packet(start, 150).lost);
    EXPECT_TRUE(line.packet(start, 1).lost);
    EXPECT_TRUE(line.packet(start, 0).lost);
    EXPECT_EQ(line.counts().silenced, 2U);

    stream_course course;
    const chunk_fate first = line.chunk(course, start, 249);
    EXPECT_EQ(first.passes, 249U);
    EXPECT_EQ(first.then, chunk_fate::sequel::goes_on);
    const chunk_fate last = line.chunk(course, start, 100);
    EXPECT_EQ(last.passes, 1U);
    EXPECT_EQ(last.then, chunk_fate::sequel::silence);
    stream_course another;
    EXPECT_EQ(line.chunk(another, start, 100).passes, 100U) << "each stream counts for itself";
}

TEST(Impairment, CutsAStreamAfterItsLastByte)
{
    impairment line({.cut_after = 100});
    stream_course course;
    const chunk_fate fate = line.chunk(course, start, 100);
    EXPECT_EQ(fate.passes, 100U);
    EXPECT_EQ(fate.then, chunk_fate::sequel::cut);
    EXPECT_TRUE(line.packet(start, 101).lost);
}

TEST(Impairment, DelaysWhatAStreamLosesAndAllBehindIt)
{
    impairment line({.loss = 0.5, .delay = 10ms, .retransmission = 100ms}, 1);
    stream_course course;
    time_point before = time_point::min();
    std::array<int, 3> resent{};
    for (int i = 0; i < 1000; ++i) {
        const time_point now = start + i * 1h;
        const chunk_fate fate = line.chunk(course, now, 1000);
        EXPECT_EQ(fate.passes, 1000U);
        const duration waited = fate.arrives - now - 10ms;
        for (std::size_t times = 0; times < resent.size(); ++times) {
            resent[times] += waited == ((1 << times) - 1) * 100ms ? 1 : 0;
        }
    }
    EXPECT_NEAR(resent[0], 500, 50) << "not lost";
    EXPECT_NEAR(resent[1], 250, 40) << "lost once: 100 ms";
    EXPECT_NEAR(resent[2], 125, 30) << "lost twice: 100 ms and 200 ms";

    for (int i = 0; i < 1000; ++i) {
        const chunk_fate fate = line.chunk(course, start + 2000h + i * 1ms, 1000);
        EXPECT_GE(fate.arrives, before);
        before = fate.arrives;
    }
}

TEST(Impairment, GivesUpAStreamOfWhichNothingArrives)
{
    impairment line({.loss = 1});
    stream_course course;
    const chunk_fate fate = line.chunk(course, start, 1000);
    EXPECT_EQ(fate.passes, 0U);
    EXPECT_EQ(fate.then, chunk_fate::sequel::silence);
}

TEST(Impairment, RefusesWhatIsNoChance)
{
    EXPECT_THROW(impairment({.loss = 1.1}), std::invalid_argument);
    EXPECT_THROW(impairment({.loss = -0.1}), std::invalid_argument);
    EXPECT_THROW(impairment({.corrupt = std::nan("")}), std::invalid_argument);
    EXPECT_THROW(impairment({.burst = burst_loss{.end = 2}}), std::invalid_argument);
    EXPECT_THROW(impairment({.delay = -1ms}), std::invalid_argument);
    impairment line;
    EXPECT_THROW(line.change({.reorder = 2}), std::invalid_argument);
}

}  // namespace
