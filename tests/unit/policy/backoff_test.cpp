#include "support/seeds.hpp"

#include <libnet/core/literals.hpp>
#include <libnet/policy/backoff.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::literals;
using tests::for_each_seed;
using tests::randomness;

constexpr time_point start{1h};
constexpr std::uint64_t most = UINT64_MAX;

/// The longest wait that this failure can bring: that of the greatest random number, rounded up.
duration longest_wait(backoff& subject, time_point now)
{
    const auto wait = subject.failed(now, most);
    return wait ? std::chrono::round<std::chrono::milliseconds>(*wait) : never;
}

TEST(Backoff, DoublesUpToItsLongestWait)
{
    backoff subject;
    for (const duration expected : {100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 12'800ms,
                                    25'600ms, 30'000ms, 30'000ms, 30'000ms}) {
        EXPECT_EQ(longest_wait(subject, start), expected);
    }
    EXPECT_EQ(subject.failures(), 12U);
}

TEST(Backoff, WaitsAnythingBetweenNothingAndThat)
{
    EXPECT_EQ(backoff().failed(start, 0), duration::zero());
    EXPECT_EQ(backoff().failed(start, most / 4), 25ms - 1ns);
    EXPECT_EQ(backoff().failed(start, most / 2), 50ms - 1ns);
    EXPECT_EQ(backoff().failed(start, most), 100ms - 1ns);
}

TEST(Backoff, WaitsLongerForWhoDoesNotAnswer)
{
    backoff subject;
    for (const duration expected : {6s, 12s, 24s, 30s, 30s}) {
        const auto wait = subject.failed(start, most, 3s);
        EXPECT_EQ(std::chrono::round<std::chrono::milliseconds>(*wait), expected);
    }
    subject.reset();
    for (const duration expected : {2s, 4s, 8s, 10s, 10s}) {
        EXPECT_EQ(subject.failed(start, 0, 3s), expected);
    }
}

TEST(Backoff, WhatIsRefusedAtOnceWasAnswered)
{
    backoff subject;
    EXPECT_EQ(subject.failed(start, 0, 20ms), duration::zero());
    EXPECT_EQ(longest_wait(subject, start), 200ms);
}

TEST(Backoff, NeverWaitsWhereToldToThoughNobodyAnswers)
{
    backoff subject({.first = 0s});
    EXPECT_EQ(subject.failed(start, most, 3s), duration::zero());
    EXPECT_EQ(subject.failed(start, most, 3s), duration::zero());
}

TEST(Backoff, SpreadsEvenly)
{
    randomness random(1);
    std::array<int, 10> tenths{};
    for (int i = 0; i != 10'000; ++i) {
        ++tenths.at(static_cast<std::size_t>(*backoff().failed(start, random()) / 10ms));
    }
    EXPECT_THAT(tenths, testing::Each(testing::AllOf(testing::Gt(850), testing::Lt(1150))));
}

TEST(Backoff, ForgetsWhenASuccessHasLasted)
{
    backoff subject;
    subject.failed(start, most);
    subject.failed(start, most);
    subject.succeeded(start + 1s);
    EXPECT_EQ(longest_wait(subject, start + 61s - 1ns), 400ms);  // not long enough
    EXPECT_EQ(longest_wait(subject, start + 10min), 800ms);      // time alone heals nothing
    EXPECT_EQ(subject.failures(), 4U);
    subject.succeeded(start + 20min);
    EXPECT_EQ(longest_wait(subject, start + 21min), 100ms);
    EXPECT_EQ(subject.failures(), 1U);
}

TEST(Backoff, GivesUpWhereToldTo)
{
    backoff subject({.give_up_after = 3});
    EXPECT_NE(subject.failed(start, 7), std::nullopt);
    EXPECT_NE(subject.failed(start, 7), std::nullopt);
    EXPECT_FALSE(subject.gives_up());
    EXPECT_EQ(subject.failed(start, 7), std::nullopt);
    EXPECT_TRUE(subject.gives_up());
    EXPECT_EQ(subject.failed(start, 7), std::nullopt);
    subject.reset();
    EXPECT_FALSE(subject.gives_up());
    EXPECT_EQ(longest_wait(subject, start), 100ms);

    EXPECT_TRUE(backoff({.give_up_after = 0}).gives_up());
}

TEST(Backoff, ASuccessThatLastsTakesTheGivingUpBack)
{
    backoff subject({.stable_after = 10s, .give_up_after = 2});
    for (int round = 0; round != 100; ++round) {
        const time_point now = start + round * 11s;
        EXPECT_NE(subject.failed(now, 7), std::nullopt);
        subject.succeeded(now);
    }
    EXPECT_EQ(subject.failed(start + 99 * 11s + 1s, 7), std::nullopt);
}

TEST(Backoff, TakesExtremeOptions)
{
    backoff at_once({.first = 0s});
    for (int i = 0; i != 100; ++i) {
        EXPECT_EQ(at_once.failed(start, most), 0s);
    }
    backoff shorter({.first = 10s, .longest = 1s});
    EXPECT_EQ(longest_wait(shorter, start), 1s);
    backoff endless({.first = never / 2, .longest = never, .stable_after = never});
    endless.succeeded(start);
    EXPECT_LT(endless.failed(start + 1000h, most), never);
    EXPECT_LT(endless.failed(start + 1000h, most), never);
    EXPECT_EQ(endless.failures(), 2U);
    EXPECT_THROW(backoff({.first = -1ns}), std::invalid_argument);
    EXPECT_THROW(backoff({.longest = -1ns}), std::invalid_argument);
    EXPECT_THROW(backoff({.stable_after = -1ns}), std::invalid_argument);
}

// Beside a model that looks at the whole history each time.
TEST(Backoff, AtRandomDoesWhatTheModelDoes)
{
    for_each_seed(20, [](randomness& random) {
        const backoff_options options{
            .first = duration(1 + random.below(1'000'000'000)),
            .longest = duration(1 + random.below(100'000'000'000)),
            .stable_after = duration(random.below(20'000'000'000)),
            .give_up_after = random.one_in(4) ? no_limit : 1 + random.below(20)};
        backoff subject(options);
        std::vector<time_point> failures;  // since the last success that lasted
        std::optional<time_point> success;
        time_point now = start;
        for (int round = 0; round != 500; ++round) {
            now += duration(random.below(10'000'000'000));
            if (random.one_in(3)) {
                subject.succeeded(now);
                success = now;
                continue;
            }
            if (success && now - *success >= options.stable_after) {
                failures.clear();
            }
            success.reset();
            failures.push_back(now);
            const auto wait = subject.failed(now, random());
            ASSERT_EQ(subject.failures(), failures.size());
            ASSERT_EQ(wait.has_value(), failures.size() < options.give_up_after);
            if (wait) {
                const double longest = static_cast<double>(options.first.count()) *
                                       std::exp2(static_cast<double>(failures.size() - 1));
                ASSERT_GE(*wait, 0s);
                ASSERT_LT(*wait, options.longest);
                ASSERT_LT(static_cast<double>(wait->count()), longest);
            }
        }
    });
}

// A server is away for a minute, and all its clients try again and again. When it is back, they
// come evenly.
TEST(Backoff, NoStampedeWhenAServerReturns)
{
    for_each_seed(3, [](randomness& random) {
        constexpr int clients = 5000;
        std::array<int, 31> in_second{};
        for (int i = 0; i != clients; ++i) {
            backoff subject;
            time_point now = start;
            while (now < start + 60s) {
                now += *subject.failed(now, random());
            }
            ++in_second.at(static_cast<std::size_t>((now - start - 60s) / 1s));
        }
        EXPECT_THAT(in_second, testing::Each(testing::Le(clients / 10)));
    });
}

}  // namespace
