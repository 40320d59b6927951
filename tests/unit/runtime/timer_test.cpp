#include <libnet/core/error.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace std::chrono_literals;
using libnet::checked;
using libnet::duration;
using libnet::error;
using libnet::group;
using libnet::never;
using libnet::result;
using libnet::sleep_for;
using libnet::sleep_until;
using libnet::task;
using libnet::this_loop;
using libnet::timer;
using libnet::within;
using libnet::testing::simulation;

template <class Body>
duration time_of(simulation& sim, Body& body)
{
    const auto start = sim.now();
    EXPECT_TRUE(sim.run(body()));
    return sim.now() - start;
}

TEST(Sleep, LastsAsLongAsItSays)
{
    simulation sim;
    auto body = [&]() -> task<> {
        EXPECT_TRUE(co_await sleep_for(1s));
        EXPECT_TRUE(co_await sleep_for(0s));
        EXPECT_TRUE(co_await sleep_for(-1s));
        EXPECT_TRUE(co_await sleep_until(sim.now() + 2s));
        EXPECT_TRUE(co_await sleep_until(sim.now() - 2s));
        EXPECT_TRUE(co_await sleep_until(libnet::time_point::min()));
    };
    EXPECT_EQ(time_of(sim, body), 3s);
}

TEST(Sleep, ForeverIsEndedByADeadlineOnly)
{
    simulation sim;
    auto body = []() -> task<> {
        EXPECT_EQ((co_await within(5s, sleep_for(never))).error(), error::timeout);
        EXPECT_EQ((co_await within(5s, sleep_until(libnet::end_of_time))).error(), error::timeout);
    };
    EXPECT_EQ(time_of(sim, body), 10s);
}

TEST(Sleep, EndsWithCancelled)
{
    simulation sim;
    sim.start(sleep_for(1h));
    sim.advance(59min);
    EXPECT_EQ(sim.running(), 1u);
    sim.cancel();
    sim.settle();
    EXPECT_EQ(sim.outcome(0)->error(), error::cancelled);
}

TEST(Yield, LetsOthersGoFirst)
{
    simulation sim;
    std::string order;
    auto one = [&](char name) -> task<> {
        for (int i = 0; i != 3; ++i) {
            order += name;
            co_await libnet::yield();
        }
    };
    sim.start(one('a'));
    sim.start(one('b'));
    sim.start(one('c'));
    sim.settle();
    EXPECT_EQ(order, "abcabcabc");
}

TEST(Yield, IsStoppedLikeEveryAwait)
{
    simulation sim;
    int rounds = 0;
    auto body = [&]() -> task<> {
        for (;;) {
            ++rounds;
            co_await checked(libnet::yield());
        }
    };
    sim.start(body());
    for (int i = 0; i != 10; ++i) {
        EXPECT_TRUE(sim.step());
    }
    sim.cancel();
    sim.settle();
    EXPECT_EQ(sim.outcome(0)->error(), error::cancelled);
    EXPECT_GT(rounds, 2);
}

TEST(ThisLoop, IsThatOfTheTask)
{
    simulation sim;
    auto body = [&]() -> task<> {
        libnet::loop& here = co_await this_loop();
        EXPECT_EQ(&here, &sim.home());
        EXPECT_EQ(here.now(), sim.now());
    };
    EXPECT_TRUE(sim.run(body()));
}

TEST(Timer, WaitsForItsPointInTime)
{
    simulation sim;
    auto body = [&]() -> task<> {
        timer t(co_await this_loop());
        t.expires_after(2s);
        EXPECT_TRUE(co_await t.wait());
        EXPECT_TRUE(co_await t.wait()) << "it stays expired";
        t.expires_at(sim.now() + 1s);
        EXPECT_TRUE(co_await t.wait());
        t.expires_after(0s);
        EXPECT_TRUE(co_await t.wait());
        t.expires_after(never);
        EXPECT_EQ((co_await within(1s, t.wait())).error(), error::timeout);
    };
    EXPECT_EQ(time_of(sim, body), 4s);
}

TEST(Timer, ThatWasNeverSetWaitsForEver)
{
    simulation sim;
    auto body = [&]() -> task<> {
        timer t(co_await this_loop());
        EXPECT_EQ((co_await within(1h, t.wait())).error(), error::timeout);
    };
    EXPECT_EQ(time_of(sim, body), 1h);
}

TEST(Timer, MovesWhileSomebodyWaits)
{
    simulation sim;
    timer t(sim.home());
    auto body = [&]() -> task<> { co_await checked(t.wait()); };
    t.expires_after(2s);
    sim.start(body());
    sim.advance(1s);
    t.expires_after(5s);
    sim.advance(4s);
    EXPECT_EQ(sim.running(), 1u);
    t.expires_after(100ms);
    sim.advance(99ms);
    EXPECT_EQ(sim.running(), 1u);
    sim.advance(1ms);
    EXPECT_EQ(sim.running(), 0u);
    sim.start(body());
    t.expires_after(5s);
    sim.settle();
    t.expires_after(-5s);
    sim.advance(0s);
    EXPECT_EQ(sim.running(), 0u) << "moved into the past";
}

TEST(Timer, CancelEndsTheWaitAndSwitchesItOff)
{
    simulation sim;
    timer t(sim.home());
    auto body = [&]() -> task<> { co_await checked(t.wait()); };
    t.expires_after(2s);
    sim.start(body());
    sim.settle();
    t.cancel();
    sim.settle();
    EXPECT_EQ(sim.outcome(0)->error(), error::cancelled);
    sim.start(body());
    sim.advance(1h);
    EXPECT_EQ(sim.running(), 1u);
    t.expires_after(1s);
    sim.advance(1s);
    EXPECT_TRUE(*sim.outcome(1));
    t.cancel();  // nobody waits
}

TEST(Timer, ThatHasExpiredIsNotCancelledAnyMore)
{
    simulation sim;
    timer t(sim.home());
    std::optional<result<>> got;
    auto body = [&]() -> task<> { got = co_await t.wait(); };
    t.expires_after(2s);
    sim.start(body());
    sim.settle();
    {
        const libnet::loop::turn holding(sim.home());
        sim.advance(2s);
        EXPECT_FALSE(got) << "expired, but not told yet";
        t.cancel();
    }
    EXPECT_TRUE(got && got->has_value());
}

TEST(Timer, TwoTasksOneAfterAnother)
{
    simulation sim;
    auto body = [&]() -> task<> {
        timer t(co_await this_loop());
        t.expires_after(5s);
        for (int i = 0; i != 3; ++i) {
            EXPECT_EQ((co_await within(1s, t.wait())).error(), error::timeout);
        }
        EXPECT_TRUE(co_await t.wait());
    };
    EXPECT_EQ(time_of(sim, body), 5s);
}

}  // namespace
