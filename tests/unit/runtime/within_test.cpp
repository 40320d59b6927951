#include "support/controlled.hpp"
#include "support/live_object.hpp"

#include <libnet/core/error.hpp>
#include <libnet/runtime/clock.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace {

using namespace std::chrono_literals;
using libnet::checked;
using libnet::duration;
using libnet::error;
using libnet::fail;
using libnet::never;
using libnet::result;
using libnet::shielded;
using libnet::sleep_for;
using libnet::task;
using libnet::time_left;
using libnet::within;
using libnet::testing::simulation;
using libnet::tests::controlled;
using libnet::tests::live_object;

/// Runs `body` and answers how much time passed.
template <class T>
duration time_of(simulation& sim, task<T> body)
{
    const auto start = sim.now();
    EXPECT_TRUE(sim.run(std::move(body)));
    return sim.now() - start;
}

TEST(Within, StrikesAtItsDeadline)
{
    simulation sim;
    auto body = []() -> task<> {
        const result<> late = co_await within(2s, sleep_for(10s));
        EXPECT_EQ(late.error(), error::timeout);
        EXPECT_EQ(late.error(), libnet::condition::timeout);
    };
    EXPECT_EQ(time_of(sim, body()), 2s);
}

TEST(Within, IsNothingToWhatEndsInTime)
{
    simulation sim;
    auto child = [](live_object kept) -> task<int> {
        co_await sleep_for(1s);
        co_return kept.value();
    };
    auto body = [&]() -> task<> {
        const result<int> n = co_await within(2s, child(live_object(3)));
        EXPECT_EQ(n.value(), 3);
        const result<int> m = co_await within(2s, child(live_object(4)));
        EXPECT_EQ(m.value(), 4);
    };
    EXPECT_EQ(time_of(sim, body()), 2s);
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Within, HandsOnErrorsAndExceptions)
{
    simulation sim;
    auto failing = []() -> task<int> { co_return error::too_slow; };
    auto throwing = []() -> task<int> {
        co_await sleep_for(1s);
        throw std::runtime_error("on purpose");
        co_return 0;
    };
    auto body = [&]() -> task<> {
        EXPECT_EQ((co_await within(2s, failing())).error(), error::too_slow);
        bool caught = false;
        try {
            (void)co_await within(2s, throwing());
        } catch (const std::runtime_error&) {
            caught = true;
        }
        EXPECT_TRUE(caught);
        EXPECT_TRUE(co_await sleep_for(5s)) << "the scope has been left";
    };
    EXPECT_EQ(time_of(sim, body()), 6s);
}

TEST(Within, StaysStoppedInsideAndNotOutside)
{
    simulation sim;
    int inside = 0;
    auto child = [&]() -> task<> {
        for (int i = 0; i != 5; ++i) {
            if ((co_await sleep_for(3s)).error() == error::timeout) {
                ++inside;
            }
        }
        auto deeper = []() -> task<> {
            EXPECT_EQ((co_await sleep_for(1s)).error(), error::timeout);
        };
        EXPECT_TRUE(co_await deeper());
        EXPECT_EQ((co_await within(1h, sleep_for(1s))).error(), error::timeout);
    };
    auto body = [&]() -> task<> {
        EXPECT_TRUE(co_await within(1s, child())) << "it swallowed its timeouts";
        EXPECT_TRUE(co_await sleep_for(1s));
    };
    EXPECT_EQ(time_of(sim, body()), 2s);
    EXPECT_EQ(inside, 5);
}

TEST(Within, TheInnerDeadlineStrikesFirst)
{
    simulation sim;
    auto inner = []() -> task<> {
        EXPECT_EQ((co_await within(1s, sleep_for(10s))).error(), error::timeout);
        EXPECT_TRUE(co_await sleep_for(1s));
        EXPECT_EQ((co_await sleep_for(10s)).error(), error::timeout);
    };
    auto body = [&]() -> task<> {
        EXPECT_TRUE(co_await within(5s, inner()));
        EXPECT_TRUE(co_await sleep_for(1s));
    };
    EXPECT_EQ(time_of(sim, body()), 6s);
}

TEST(Within, TheOuterDeadlineStrikesFirst)
{
    simulation sim;
    auto inner = []() -> task<> {
        EXPECT_EQ((co_await within(10s, sleep_for(20s))).error(), error::timeout);
        EXPECT_EQ((co_await sleep_for(1s)).error(), error::timeout) << "the outer one holds";
    };
    auto body = [&]() -> task<> {
        EXPECT_TRUE(co_await within(1s, inner()));
        EXPECT_TRUE(co_await sleep_for(1s));
    };
    EXPECT_EQ(time_of(sim, body()), 2s);
}

TEST(Within, BothDeadlinesStrikeAtTheSameInstant)
{
    simulation sim;
    auto inner = []() -> task<> {
        EXPECT_EQ((co_await within(1s, sleep_for(20s))).error(), error::timeout);
        EXPECT_EQ((co_await sleep_for(1s)).error(), error::timeout);
    };
    auto body = [&]() -> task<> { EXPECT_TRUE(co_await within(1s, inner())); };
    EXPECT_EQ(time_of(sim, body()), 1s);
}

TEST(Within, ManyNestedDeadlinesStrikeFromAnyLevel)
{
    struct nest {
        static task<int> level(int depth, int strikes)
        {
            if (depth == 20) {
                EXPECT_EQ((co_await sleep_for(1h)).error(), error::timeout);
                co_return 0;
            }
            // The level that strikes has a second, all others have more.
            const duration limit = depth == strikes ? 1s : 2s + (depth % 5) * 1s;
            const result<int> below = co_await within(limit, level(depth + 1, strikes));
            const result<> after = co_await sleep_for(1ms);
            co_return *below + (after ? 1 : 0);
        }
    };
    for (int strikes = 0; strikes != 20; ++strikes) {
        simulation sim;
        // Levels above the one that strikes go on as before.
        EXPECT_EQ(*sim.run(nest::level(0, strikes)), strikes + 1);
    }
}

TEST(Within, ATimerOfALeftScopeDoesNothing)
{
    simulation sim;
    auto body = []() -> task<> {
        for (int i = 0; i != 3; ++i) {
            EXPECT_TRUE(co_await within(1s, sleep_for(0s)));
            EXPECT_TRUE(co_await within(1s, sleep_for(999ms)));
            EXPECT_TRUE(co_await sleep_for(5s));
        }
    };
    EXPECT_EQ(time_of(sim, body()), 3 * 5999ms);
}

TEST(Within, ZeroIsTimeForWhatIsReady)
{
    simulation sim;
    controlled<int> source(sim.home());
    auto body = [&]() -> task<> {
        source.answer(1);
        EXPECT_EQ((co_await within(0s, source.wait())).value(), 1);
        EXPECT_EQ((co_await within(0s, source.wait())).error(), error::timeout);
        EXPECT_EQ((co_await within(-5s, source.wait())).error(), error::timeout);
        source.answer(2);
        EXPECT_EQ((co_await within(duration::min(), source.wait())).value(), 2);
        EXPECT_EQ((co_await within(duration::min(), source.wait())).error(), error::timeout);
    };
    EXPECT_EQ(time_of(sim, body()), 0s);
}

TEST(Within, NeverStrikesNever)
{
    simulation sim;
    auto body = []() -> task<> {
        EXPECT_TRUE(co_await within(never, sleep_for(24h * 365)));
        EXPECT_TRUE(co_await within(never - 1s, sleep_for(24h)));
    };
    EXPECT_EQ(time_of(sim, body()), 24h * 366);
}

TEST(Within, WrapsOperationsTasksAndItself)
{
    simulation sim;
    controlled<int> source(sim.home());
    auto child = [&]() -> task<int> { co_return co_await checked(source.wait()); };
    auto body = [&]() -> task<> {
        EXPECT_EQ((co_await within(1s, source.wait())).error(), error::timeout);
        EXPECT_EQ((co_await within(1s, child())).error(), error::timeout);
        EXPECT_EQ((co_await within(2s, within(1s, source.wait()))).error(), error::timeout);
        EXPECT_EQ((co_await within(1s, shielded(3s, sleep_for(2s)))).has_error(), false);
        source.answer(7);
        EXPECT_EQ((co_await within(1s, within(2s, within(3s, source.wait())))).value(), 7);
        source.answer(8);
        EXPECT_EQ(co_await checked(within(1s, source.wait())), 8);
    };
    EXPECT_EQ(time_of(sim, body()), 5s);
    EXPECT_EQ(source.abandoned, 3);
    EXPECT_FALSE(source.awaited());
}

TEST(Within, ACancelledTaskAnswersCancelledInsideANewDeadline)
{
    simulation sim;
    auto body = []() -> task<> {
        EXPECT_EQ((co_await sleep_for(1h)).error(), error::cancelled);
        EXPECT_EQ((co_await within(1s, sleep_for(1h))).error(), error::cancelled);
        auto inner = []() -> task<> {
            EXPECT_EQ((co_await sleep_for(1s)).error(), error::cancelled);
        };
        EXPECT_TRUE(co_await within(1s, inner()));
    };
    sim.start(body());
    sim.settle();
    sim.cancel();
    sim.settle();
    EXPECT_TRUE(*sim.outcome(0));
}

TEST(Within, WhatStruckFirstIsTheReasonThatIsKept)
{
    simulation sim;
    auto inner = []() -> task<> {
        EXPECT_EQ((co_await sleep_for(1h)).error(), error::timeout);
        // Cancelled now, but this scope has had its reason before.
        (void)co_await shielded(1s, sleep_for(1s));
        EXPECT_EQ((co_await sleep_for(1h)).error(), error::timeout);
    };
    auto body = [&]() -> task<> {
        EXPECT_TRUE(co_await within(1s, inner()));
        EXPECT_EQ((co_await sleep_for(1h)).error(), error::cancelled);
    };
    sim.start(body());
    sim.advance(1500ms);
    sim.cancel();
    sim.advance(1h);
    EXPECT_TRUE(*sim.outcome(0));
}

TEST(Shielded, GoesOnWhileTheCallerIsCancelled)
{
    simulation sim;
    auto goodbye = []() -> task<int> {
        EXPECT_TRUE(co_await sleep_for(1s));
        EXPECT_TRUE(co_await sleep_for(1s));
        co_return 5;
    };
    auto body = [&]() -> task<> {
        EXPECT_EQ((co_await shielded(5s, goodbye())).value(), 5) << "cancelled in the middle";
        EXPECT_EQ((co_await sleep_for(1s)).error(), error::cancelled);
        EXPECT_EQ((co_await shielded(5s, goodbye())).value(), 5) << "cancelled before";
        EXPECT_EQ((co_await sleep_for(1s)).error(), error::cancelled);
    };
    sim.start(body());
    sim.advance(1500ms);
    sim.cancel();
    sim.advance(1h);
    EXPECT_TRUE(*sim.outcome(0));
}

TEST(Shielded, GoesOnBeyondTheCallersDeadline)
{
    simulation sim;
    auto inner = []() -> task<> {
        EXPECT_TRUE(co_await shielded(5s, sleep_for(3s)));
        EXPECT_EQ((co_await sleep_for(1s)).error(), error::timeout);
    };
    auto body = [&]() -> task<> {
        EXPECT_TRUE(co_await within(1s, inner()));
        EXPECT_TRUE(co_await sleep_for(1s));
    };
    EXPECT_EQ(time_of(sim, body()), 4s);
}

TEST(Shielded, HasADeadlineOfItsOwn)
{
    simulation sim;
    auto body = []() -> task<> {
        EXPECT_EQ((co_await shielded(2s, sleep_for(1h))).error(), error::timeout);
        EXPECT_TRUE(co_await sleep_for(1s));
    };
    EXPECT_EQ(time_of(sim, body()), 3s);
}

TEST(Shielded, ADeadlineInsideStrikesAlone)
{
    simulation sim;
    auto goodbye = []() -> task<> {
        EXPECT_EQ((co_await within(1s, sleep_for(1h))).error(), error::timeout);
        EXPECT_TRUE(co_await sleep_for(1s)) << "the shield itself goes on";
        EXPECT_EQ((co_await within(1s, sleep_for(1h))).error(), error::timeout);
    };
    auto body = [&]() -> task<> {
        EXPECT_TRUE(co_await shielded(10s, goodbye()));
        EXPECT_EQ((co_await sleep_for(1s)).error(), error::cancelled);
    };
    sim.start(body());
    sim.advance(500ms);
    sim.cancel();
    sim.advance(1h);
    EXPECT_TRUE(*sim.outcome(0));
}

TEST(Shielded, AShieldInADeadlineInAShield)
{
    simulation sim;
    auto innermost = []() -> task<> {
        EXPECT_TRUE(co_await sleep_for(3s)) << "the deadline between has struck meanwhile";
    };
    auto middle = [&]() -> task<> {
        EXPECT_TRUE(co_await shielded(10s, innermost()));
        EXPECT_EQ((co_await sleep_for(1s)).error(), error::timeout);
    };
    auto outer = [&]() -> task<> {
        EXPECT_TRUE(co_await within(1s, middle()));
        EXPECT_TRUE(co_await sleep_for(1s)) << "only the deadline struck inside the outer shield";
    };
    auto body = [&]() -> task<> {
        EXPECT_TRUE(co_await shielded(20s, outer()));
        EXPECT_EQ((co_await sleep_for(1s)).error(), error::cancelled);
    };
    sim.start(body());
    sim.advance(2s);
    sim.cancel();
    sim.advance(1h);
    EXPECT_TRUE(*sim.outcome(0));
}

TEST(Shielded, DiesWithItsTaskAtShutdown)
{
    for (int steps = 0; steps != 12; ++steps) {
        {
            simulation sim;
            auto goodbye = [](live_object kept) -> task<> {
                const live_object local(kept.value());
                co_await within(10s, sleep_for(3s));
                co_await shielded(1h, sleep_for(2h));
            };
            auto body = [&]() -> task<> {
                const live_object local;
                co_await within(1h, goodbye(live_object()));
                co_await shielded(1h, goodbye(live_object()));
            };
            sim.start(body());
            for (int i = 0; i != steps; ++i) {
                sim.step();
            }
        }
        EXPECT_EQ(live_object::alive(), 0) << steps;
    }
}

TEST(Within, SaysHowMuchTimeIsLeft)
{
    simulation sim;
    auto ask = []() -> task<duration> {
        co_await sleep_for(1s);
        const duration left = co_await time_left();
        co_return left;
    };
    auto nested = [&]() -> task<duration> {
        co_return co_await checked(within(3s, within(10s, within(7s, ask()))));
    };
    auto sheltered = [&]() -> task<duration> {
        co_return co_await checked(within(3s, shielded(7s, ask())));
    };
    auto late = []() -> task<duration> {
        co_await sleep_for(10s);
        const duration left = co_await time_left();
        co_return left;
    };
    auto too_late = [&]() -> task<duration> { co_return co_await checked(within(3s, late())); };
    EXPECT_EQ(*sim.run(ask()), never);
    EXPECT_EQ(*sim.run(nested()), 2s);
    EXPECT_EQ(*sim.run(sheltered()), 6s);
    EXPECT_EQ(*sim.run(too_late()), 0s);
    EXPECT_EQ(*sim.run(ask()), never);  // what has been left no longer counts
}

TEST(Within, TheTasksOfAGroupKnowWhatIsLeftOfItsTime)
{
    simulation sim;
    duration left{};
    auto child = [&]() -> task<> {
        co_await sleep_for(1s);
        left = co_await time_left();
    };
    auto body = [&](libnet::group& g) -> task<> {
        g.start(child());
        co_await checked(g.join());
    };
    auto all = [&]() -> task<> { co_await checked(within(3s, libnet::with_group(body))); };
    EXPECT_TRUE(sim.run(all()));
    EXPECT_EQ(left, 2s);
}

// The frame that has failed is destroyed last, with a scope inside that was never left.
TEST(Within, AFailureThatPassesThroughAScopeLeavesNothingOfItBehind)
{
    simulation sim;
    auto inmost = []() -> task<> {
        co_await checked(sleep_for(1s));
        co_await fail(error::closed);
    };
    auto inside = [&inmost]() -> task<> { co_await checked(within(10s, inmost())); };
    auto outside = [&inside]() -> task<> {
        const result<> failed = co_await within(20s, inside());
        EXPECT_EQ(failed.error(), error::closed);
    };
    result<> slept;
    auto body = [&]() -> task<> {
        co_await checked(outside());
        slept = co_await sleep_for(1h);
    };
    auto both = [&](libnet::group& all) -> task<> {
        all.start(body());
        co_await checked(sleep_for(5s));  // then it is cancelled, and all its scopes are looked at
    };
    EXPECT_TRUE(sim.run(libnet::with_group(both)));
    EXPECT_EQ(slept.error(), error::cancelled);
}

}  // namespace
