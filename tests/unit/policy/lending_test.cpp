#include "support/seeds.hpp"

#include <libnet/core/literals.hpp>
#include <libnet/policy/lending.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

namespace {

using namespace libnet;
using tests::randomness;
using kind = lending::action::kind;
using comes_back = lending::comes_back;

/// The rules with a hand on the clock, and a log of what they said.
struct pool_by_hand {
    explicit pool_by_hand(const lending_options& options, std::size_t endpoints = 1)
        : rules(endpoints, options)
    {
    }

    /// What there is to do now. Connections that are to be opened are, unless somebody minds.
    std::vector<lending::action> settle(bool opens = true)
    {
        std::vector<lending::action> all;
        for (auto a = rules.next(now, random); a.what != kind::none; a = rules.next(now, random)) {
            all.push_back(a);
            if (a.what == kind::open && opens) {
                rules.opened(a.place, now, random);
            }
        }
        return all;
    }

    /// Lets time pass from one due time to the next.
    std::vector<lending::action> advance(duration time)
    {
        std::vector<lending::action> all;
        const time_point end = now + time;
        for (time_point due = rules.due(now); due <= end; due = rules.due(now)) {
            now = due;
            const auto some = settle();
            EXPECT_FALSE(some.empty()) << "woken for nothing";
            all.insert(all.end(), some.begin(), some.end());
        }
        now = end;
        return all;
    }

    std::size_t borrow()
    {
        const auto place = rules.lend_now(now, random);
        EXPECT_TRUE(place);
        return place.value_or(0);
    }

    bool give_back(std::size_t place, comes_back how = comes_back::fit)
    {
        return rules.returned(place, how, now, random);
    }

    lending rules;
    time_point now{1h};
    std::uint64_t random = 0;
};

auto is(kind what)
{
    return testing::Field(&lending::action::what, what);
}

TEST(Lending, KeepsSomeReady)
{
    pool_by_hand pool({.max_size = 4, .min_idle = 2});
    EXPECT_THAT(pool.settle(), testing::ElementsAre(is(kind::open), is(kind::open)));
    EXPECT_EQ(pool.rules.stats().idle, 2U);
    pool.borrow();
    EXPECT_THAT(pool.settle(), testing::ElementsAre(is(kind::open)));
    pool.borrow();
    pool.borrow();
    EXPECT_THAT(pool.settle(), testing::ElementsAre(is(kind::open)));  // the fourth
    EXPECT_EQ(pool.rules.stats().size, 4U);
    pool.borrow();
    EXPECT_TRUE(pool.settle().empty());
}

TEST(Lending, LendsTheOneThatWasUsedLast)
{
    pool_by_hand pool({.min_idle = 3});
    pool.settle();
    const auto one = pool.borrow();
    const auto two = pool.borrow();
    EXPECT_NE(one, two);
    pool.give_back(one);
    pool.give_back(two);
    EXPECT_EQ(pool.borrow(), two);
    EXPECT_EQ(pool.borrow(), one);
}

TEST(Lending, ServesThoseWhoWaitInTheirOrder)
{
    pool_by_hand pool({.max_size = 1});
    pool.settle();
    const auto place = pool.borrow();
    lending::claim first;
    lending::claim second;
    lending::claim third;
    for (auto* c : {&first, &second, &third}) {
        EXPECT_FALSE(pool.rules.lend_now(pool.now, 0));
        EXPECT_EQ(pool.rules.why_not(pool.now), error{});
        pool.rules.wait(*c, pool.now);
    }
    EXPECT_TRUE(pool.settle().empty());
    pool.now += 1s;
    pool.give_back(place);
    EXPECT_FALSE(pool.rules.lend_now(pool.now, 0));  // not before those who wait
    auto done = pool.settle();
    ASSERT_THAT(done, testing::ElementsAre(is(kind::lend)));
    EXPECT_EQ(done[0].whose, &first);
    pool.rules.withdraw(second);
    pool.give_back(place);
    done = pool.settle();
    ASSERT_THAT(done, testing::ElementsAre(is(kind::lend)));
    EXPECT_EQ(done[0].whose, &third);
    EXPECT_EQ(pool.rules.stats().waited, 2U);
    EXPECT_EQ(pool.rules.stats().longest_wait, 1s);
}

TEST(Lending, WhoWaitsTooLongIsTold)
{
    pool_by_hand pool({.max_size = 1, .max_waiting = 1, .borrow_timeout = 5s});
    pool.settle();
    pool.borrow();
    lending::claim waiting;
    pool.rules.wait(waiting, pool.now);
    EXPECT_EQ(pool.rules.why_not(pool.now), error::pool_exhausted);  // the queue is full
    EXPECT_TRUE(pool.advance(5s - 1ns).empty());
    const auto done = pool.advance(1ns);
    ASSERT_THAT(done, testing::ElementsAre(is(kind::refuse)));
    EXPECT_EQ(done[0].whose, &waiting);
    EXPECT_EQ(done[0].why, error::pool_exhausted);
    EXPECT_EQ(pool.rules.stats().refused, 2U);
}

TEST(Lending, OpensOneForEachWhoWaits)
{
    pool_by_hand pool({.max_size = 3, .min_idle = 0});
    EXPECT_TRUE(pool.settle().empty());
    lending::claim claims[5];
    for (auto& c : claims) {
        pool.rules.wait(c, pool.now);
    }
    EXPECT_THAT(pool.settle(false),
                testing::ElementsAre(is(kind::open), is(kind::open), is(kind::open)));
    EXPECT_TRUE(pool.rules.opened(1, pool.now, 0));
    const auto done = pool.settle();
    ASSERT_THAT(done, testing::ElementsAre(is(kind::lend)));
    EXPECT_EQ(done[0].whose, &claims[0]);
    for (std::size_t i = 1; i != 5; ++i) {
        pool.rules.withdraw(claims[i]);
    }
}

TEST(Lending, ReplacesWhatIsOldAndNotAllAtOnce)
{
    pool_by_hand pool({.max_size = 2,
                       .min_idle = 2,
                       .max_lifetime = 30min,
                       .idle_timeout = never,
                       .check_after = never,
                       .check_every = never});
    auto done = pool.settle(false);
    ASSERT_THAT(done, testing::SizeIs(2));
    pool.rules.opened(done[0].place, pool.now, 0);
    pool.rules.opened(done[1].place, pool.now, 180'000'000'000);  // a tenth of it, in nanoseconds
    EXPECT_TRUE(pool.advance(27min - 1ns).empty());
    EXPECT_THAT(pool.advance(1min), testing::ElementsAre(is(kind::drop), is(kind::open)));
    EXPECT_THAT(pool.advance(2min + 1ns), testing::ElementsAre(is(kind::drop), is(kind::open)));
    EXPECT_EQ(pool.rules.stats().expired, 2U);
    const auto lent = pool.borrow();
    pool.now += 31min;
    EXPECT_FALSE(pool.give_back(lent));  // nobody is interrupted for it
}

TEST(Lending, ClosesWhatNobodyUses)
{
    pool_by_hand pool({.max_size = 4, .min_idle = 1, .idle_timeout = 50s, .check_every = never});
    pool.settle();
    std::vector<std::size_t> lent;
    for (int i = 0; i != 4; ++i) {
        lent.push_back(pool.borrow());
        pool.settle();
    }
    for (const auto place : lent) {
        pool.give_back(place);
        pool.now += 1s;
    }
    EXPECT_THAT(pool.advance(49s - 1ns), testing::SizeIs(3));
    EXPECT_EQ(pool.rules.stats().idle, 1U);
    // The last one is renewed, so that the server need not close it.
    EXPECT_THAT(pool.advance(1ns), testing::ElementsAre(is(kind::drop), is(kind::open)));
}

TEST(Lending, ChecksWhatWasIdleForLong)
{
    pool_by_hand pool({.min_idle = 1, .check_after = 10s, .check_every = 30s});
    pool.settle();
    pool.now += 10s;
    pool.give_back(pool.borrow());
    pool.now += 10s + 1ns;
    EXPECT_FALSE(pool.rules.lend_now(pool.now, 0));
    lending::claim waiting;
    pool.rules.wait(waiting, pool.now);
    auto done = pool.settle(false);
    ASSERT_THAT(done, testing::ElementsAre(is(kind::check), is(kind::open)));
    pool.rules.withdraw(waiting);
    EXPECT_TRUE(pool.rules.checked(done[0].place, pool.now));
    EXPECT_TRUE(pool.rules.lend_now(pool.now, 0));
}

TEST(Lending, ChecksIdleOnesInTheBackgroundOneByOne)
{
    pool_by_hand pool({.min_idle = 3, .idle_timeout = 50s, .check_every = 30s});
    pool.settle();
    for (int round = 0; round != 5; ++round) {
        std::set<std::size_t> places;
        for (int i = 0; i != 3; ++i) {
            const auto done = i == 0 ? pool.advance(30s) : pool.settle();
            ASSERT_THAT(done, testing::ElementsAre(is(kind::check)));
            places.insert(done[0].place);
            EXPECT_TRUE(pool.rules.checked(done[0].place, pool.now));
        }
        EXPECT_EQ(places.size(), 3U);
        EXPECT_TRUE(pool.settle().empty());
    }
    EXPECT_EQ(pool.rules.stats().expired, 0U);  // to the server a check is use
}

TEST(Lending, ACheckThatFailsCostsTheConnection)
{
    pool_by_hand pool({.min_idle = 1});
    pool.settle();
    const auto done = pool.advance(30s);
    ASSERT_THAT(done, testing::ElementsAre(is(kind::check)));
    pool.rules.check_failed(done[0].place, pool.now, 0);
    EXPECT_EQ(pool.rules.stats().lost, 1U);
    EXPECT_THAT(pool.settle(), testing::ElementsAre(is(kind::open)));
}

TEST(Lending, TriesAgainAfterABackoffOneAtATime)
{
    pool_by_hand pool({.max_size = 4,
                       .min_idle = 4,
                       .breaker = {.consecutive_failures = no_limit, .failure_percent = no_limit}});
    pool.random = UINT64_MAX;
    auto done = pool.settle(false);
    ASSERT_THAT(done, testing::SizeIs(4));
    for (const auto& a : done) {
        pool.rules.open_failed(a.place, pool.now, pool.random);  // together: that is one failure
    }
    EXPECT_TRUE(pool.settle(false).empty());
    EXPECT_EQ(pool.rules.due(pool.now), pool.now + 100ms - 1ns);
    pool.now += 100ms;
    done = pool.settle(false);
    ASSERT_THAT(done, testing::SizeIs(1));
    pool.rules.opened(done[0].place, pool.now, 0);
    EXPECT_THAT(pool.settle(), testing::SizeIs(3));  // it is back
}

TEST(Lending, TellsAtOnceThatTheCircuitIsOpen)
{
    pool_by_hand pool({.max_size = 8, .min_idle = 0});
    lending::claim claims[6];
    for (auto& c : claims) {
        pool.rules.wait(c, pool.now);
    }
    auto done = pool.settle(false);
    ASSERT_THAT(done, testing::SizeIs(6));
    for (const auto& a : done) {
        pool.rules.open_failed(a.place, pool.now, pool.random);
    }
    EXPECT_EQ(pool.rules.state_of(0), circuit::open);
    done = pool.settle(false);
    ASSERT_THAT(done, testing::Each(is(kind::refuse)));
    ASSERT_THAT(done, testing::SizeIs(6));
    EXPECT_EQ(done[0].why, error::circuit_open);
    EXPECT_EQ(pool.rules.why_not(pool.now), error::circuit_open);

    // Then whoever comes first is the probe.
    pool.now += 1s;
    EXPECT_EQ(pool.rules.why_not(pool.now), error{});
    pool.rules.wait(claims[0], pool.now);
    pool.rules.wait(claims[1], pool.now);
    done = pool.settle(false);
    ASSERT_THAT(done, testing::ElementsAre(is(kind::open)));
    pool.rules.opened(done[0].place, pool.now, 0);
    EXPECT_THAT(pool.settle(),
                testing::ElementsAre(is(kind::lend), is(kind::open), is(kind::lend)));
    EXPECT_EQ(pool.rules.state_of(0), circuit::closed);
}

TEST(Lending, CallsThatFailOpenTheCircuit)
{
    pool_by_hand pool({.max_size = 8, .min_idle = 1});
    pool.settle();
    for (int i = 0; i != 5; ++i) {
        EXPECT_FALSE(pool.give_back(pool.borrow(), comes_back::broken));
        pool.settle();
    }
    EXPECT_EQ(pool.rules.state_of(0), circuit::open);
    EXPECT_EQ(pool.rules.stats().broken, 5U);
    EXPECT_FALSE(pool.rules.lend_now(pool.now, 0));
    EXPECT_THAT(pool.advance(1s), testing::ElementsAre(is(kind::open)));  // probes by itself
}

TEST(Lending, WhatIsGivenBackInTheMiddleOfSomethingIsNotLentAgain)
{
    pool_by_hand pool({.min_idle = 1});
    pool.settle();
    for (int i = 0; i != 20; ++i) {
        EXPECT_FALSE(pool.give_back(pool.borrow(), comes_back::unfit));
        pool.settle();
    }
    EXPECT_EQ(pool.rules.stats().discarded, 20U);
    EXPECT_EQ(pool.rules.state_of(0), circuit::closed);  // the server cannot help it
}

TEST(Lending, WhatIsFoundDeadBeforeItWasUsedIsNobodysFailure)
{
    pool_by_hand pool({.min_idle = 1});
    pool.settle();
    pool.now += 5s;
    EXPECT_FALSE(pool.give_back(pool.borrow(), comes_back::gone));
    EXPECT_EQ(pool.rules.stats().lost, 1U);
    EXPECT_EQ(pool.rules.stats().lent, 0U);
    EXPECT_THAT(pool.settle(), testing::ElementsAre(is(kind::open)));
}

// A server that is full says so and closes.
TEST(Lending, WhatIsLostAsSoonAsItIsOpenIsAFailure)
{
    pool_by_hand pool({.min_idle = 1});
    pool.random = UINT64_MAX;
    int opened = 0;
    const time_point end = pool.now + 60s;
    while (pool.now < end) {
        for (const auto& a : pool.settle()) {
            if (a.what == kind::open) {
                ++opened;
                pool.rules.lost(a.place, pool.now, pool.random);
            }
        }
        pool.now = std::max(pool.now + 1ns, pool.rules.due(pool.now));
    }
    EXPECT_LE(opened, 12);  // 100, 200, 400 ms, ...
}

TEST(Lending, WhatIsLostLaterIsReplacedAtOnce)
{
    pool_by_hand pool({.min_idle = 1});
    pool.settle();
    pool.now += 5s;
    pool.rules.lost(0, pool.now, 0);
    EXPECT_THAT(pool.settle(), testing::ElementsAre(is(kind::open)));
}

TEST(Lending, SpreadsOverItsEndpoints)
{
    pool_by_hand pool({.max_size = 9, .min_idle = 9}, 3);
    pool.settle();
    for (std::size_t e = 0; e != 3; ++e) {
        EXPECT_EQ(pool.rules.size_of(e), 3U);
    }
    for (int i = 0; i != 6; ++i) {
        pool.borrow();
    }
    for (std::size_t e = 0; e != 3; ++e) {
        EXPECT_EQ(pool.rules.in_use_of(e), 2U);
    }
}

TEST(Lending, PrefersTheLessLoadedOfTwo)
{
    randomness random(1);
    pool_by_hand pool({.max_size = 64, .min_idle = 64, .balance = balance::least_loaded}, 4);
    pool.settle();
    for (int i = 0; i != 32; ++i) {
        pool.random = random();
        pool.borrow();
    }
    for (std::size_t e = 0; e != 4; ++e) {
        EXPECT_GE(pool.rules.in_use_of(e), 6U);
        EXPECT_LE(pool.rules.in_use_of(e), 10U);
    }
}

TEST(Lending, LeavesOutAnEndpointThatFails)
{
    pool_by_hand pool({.max_size = 4, .min_idle = 4}, 2);
    pool.settle();
    for (int i = 0; i != 40 && !pool.rules.ejected(1, pool.now); ++i) {
        const auto place = pool.borrow();
        const bool bad = pool.rules.in_use_of(1) != 0;
        pool.give_back(place, bad ? comes_back::broken : comes_back::fit);
        pool.settle();
    }
    EXPECT_TRUE(pool.rules.ejected(1, pool.now));
    for (int i = 0; i != 10; ++i) {
        pool.give_back(pool.borrow());
        EXPECT_EQ(pool.rules.in_use_of(1), 0U);
    }
}

TEST(Lending, MakesRoomForAnEndpointThatWorks)
{
    pool_by_hand pool(
        {.max_size = 4, .min_idle = 4, .outliers = {.consecutive_failures = no_limit}}, 2);
    pool.settle();  // two each
    for (int i = 0; i != 20 && pool.rules.state_of(1) == circuit::closed; ++i) {
        const auto place = pool.borrow();
        pool.give_back(place, pool.rules.in_use_of(1) != 0 ? comes_back::broken : comes_back::fit);
        pool.settle();
    }
    ASSERT_EQ(pool.rules.state_of(1), circuit::open);
    EXPECT_EQ(pool.rules.size_of(1), 1U);  // idle, and nobody can be lent it
    while (pool.rules.lend_now(pool.now, 0)) {}
    lending::claim waiting;
    pool.rules.wait(waiting, pool.now);
    EXPECT_THAT(pool.settle(),
                testing::ElementsAre(is(kind::drop), is(kind::open), is(kind::lend)));
    EXPECT_EQ(pool.rules.in_use_of(0), 4U);
}

/// Connections to each of two endpoints.
auto sizes(const lending& rules)
{
    return std::pair(rules.size_of(0), rules.size_of(1));
}

/// As many as are kept ready, all to endpoint 0, since 1 does not answer; its circuit is open for 10 s.
struct lopsided : pool_by_hand {
    explicit lopsided(const lending_options& options) : pool_by_hand(with_an_outage(options), 2)
    {
        for (const auto& a : settle(false)) {
            if (a.endpoint == 1) {
                rules.open_failed(a.place, now, random);
            } else {
                rules.opened(a.place, now, random);
            }
        }
        settle();
        EXPECT_EQ(sizes(rules), std::pair(options.min_idle, std::size_t{0}));
    }

    static lending_options with_an_outage(lending_options options)
    {
        options.idle_timeout = options.check_after = options.check_every = never;
        options.breaker = {.consecutive_failures = 1, .open_for = 10s, .longest_open = 10s};
        return options;
    }
};

// The random number is 0: it moves one after half of the time.
TEST(Lending, GivesAnEndpointThatIsBackItsShareOneByOne)
{
    lopsided pool({.max_size = 4, .min_idle = 4, .even_out_every = 6s});
    EXPECT_TRUE(pool.advance(12'999ms).empty());  // 10 s, and 3 s
    EXPECT_THAT(pool.advance(1ms), testing::ElementsAre(is(kind::drop), is(kind::open)));
    EXPECT_EQ(sizes(pool.rules), std::pair(std::size_t{3}, std::size_t{1}));
    EXPECT_TRUE(pool.advance(2999ms).empty());
    EXPECT_THAT(pool.advance(1ms), testing::ElementsAre(is(kind::drop), is(kind::open)));
    EXPECT_EQ(sizes(pool.rules), std::pair(std::size_t{2}, std::size_t{2}));
    EXPECT_TRUE(pool.advance(1min).empty());
    EXPECT_EQ(pool.rules.stats().moved, 2U);
    EXPECT_EQ(pool.rules.stats().expired, 0U);
}

TEST(Lending, MovesConnectionsOfDifferentPoolsAtDifferentTimes)
{
    lopsided later({.max_size = 6, .min_idle = 6, .even_out_every = 6s});
    later.random = 1'000'000'000;
    EXPECT_EQ(later.advance(13s).size(), 2U);
    EXPECT_TRUE(later.advance(3999ms).empty());
    EXPECT_EQ(later.advance(1ms).size(), 2U);
}

TEST(Lending, MovesABusyConnectionWhenItComesBack)
{
    lopsided pool({.max_size = 4, .min_idle = 4, .even_out_every = 6s});
    std::vector<std::size_t> lent;
    for (int i = 0; i != 4; ++i) {
        lent.push_back(pool.borrow());
    }
    pool.now += 13s;
    EXPECT_TRUE(pool.settle().empty());
    EXPECT_FALSE(pool.give_back(lent[0]));
    EXPECT_THAT(pool.settle(), testing::ElementsAre(is(kind::open)));
    EXPECT_EQ(sizes(pool.rules), std::pair(std::size_t{3}, std::size_t{1}));
    EXPECT_TRUE(pool.give_back(lent[1])) << "one at a time";
    EXPECT_EQ(pool.rules.stats().moved, 1U);
}

TEST(Lending, HasTheNewOneBeforeTheOldOneGoesWhereThereIsRoomForBoth)
{
    lopsided pool({.max_size = 8, .min_idle = 4, .even_out_every = 6s});
    EXPECT_THAT(pool.advance(13s), testing::ElementsAre(is(kind::open), is(kind::drop)));
    EXPECT_EQ(sizes(pool.rules), std::pair(std::size_t{3}, std::size_t{1}));
    EXPECT_EQ(pool.rules.stats().moved, 1U);
}

TEST(Lending, TryingAnEndpointThatStaysAwayCostsNothingWhereThereIsRoom)
{
    lopsided pool({.max_size = 8, .min_idle = 4, .even_out_every = 6s});
    for (int i = 0; i != 5; ++i) {
        pool.now += 13s;
        const auto trying = pool.settle(false);
        ASSERT_THAT(trying, testing::ElementsAre(is(kind::open)));
        EXPECT_EQ(trying[0].endpoint, 1U);
        pool.rules.open_failed(trying[0].place, pool.now, pool.random);
        EXPECT_TRUE(pool.settle().empty());
        EXPECT_EQ(sizes(pool.rules), std::pair(std::size_t{4}, std::size_t{0}));
    }
    EXPECT_EQ(pool.rules.stats().moved, 0U);
}

TEST(Lending, LeavesConnectionsWhereTheyAreIfToldTo)
{
    lopsided pool({.max_size = 4, .min_idle = 4, .even_out_every = never});
    EXPECT_TRUE(pool.advance(10min).empty());
    EXPECT_EQ(sizes(pool.rules), std::pair(std::size_t{4}, std::size_t{0}));
}

TEST(Lending, Drains)
{
    pool_by_hand pool({.max_size = 3, .min_idle = 3});
    auto done = pool.settle(false);
    pool.rules.opened(0, pool.now, 0);
    pool.rules.opened(1, pool.now, 0);
    const auto lent = pool.borrow();
    pool.rules.drain();
    lending::claim late;
    EXPECT_EQ(pool.rules.why_not(pool.now), error::draining);
    pool.rules.wait(late, pool.now);
    done = pool.settle();
    ASSERT_THAT(done, testing::ElementsAre(is(kind::refuse), is(kind::drop)));
    EXPECT_EQ(done[0].why, error::draining);
    EXPECT_FALSE(pool.rules.opened(2, pool.now, 0));
    EXPECT_FALSE(pool.give_back(lent));
    EXPECT_EQ(pool.rules.stats().size, 0U);
    EXPECT_EQ(pool.rules.due(pool.now), end_of_time);
}

TEST(Lending, RefusesWhatCannotWork)
{
    EXPECT_THROW(lending(0, {}), std::invalid_argument);
    EXPECT_THROW(lending(1, {.max_size = 0}), std::invalid_argument);
    EXPECT_THROW(lending(1, {.max_size = 2, .min_idle = 3}), std::invalid_argument);
}

}  // namespace
