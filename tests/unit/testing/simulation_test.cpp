#include "support/sessions.hpp"

#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

task<int> answer_after(duration wait, int number)
{
    co_await checked(sleep_for(wait));
    co_return number;
}

task<> throwing()
{
    co_await checked(sleep_for(1s));
    throw std::runtime_error("thrown");
}

task<> failing()
{
    co_await fail(error::limit_reached);
}

TEST(Simulation, RunLetsTimePassUntilTheTaskEnds)
{
    simulation sim;
    const time_point begin = sim.now();
    EXPECT_EQ(sim.run(answer_after(24h, 42)).value(), 42);
    EXPECT_EQ(sim.now() - begin, 24h);
}

TEST(Simulation, RunLetsNoTimePassAfterTheTaskHasEnded)
{
    simulation sim;
    const time_point begin = sim.now();
    sim.start([]() -> task<> { co_await checked(sleep_for(1h)); }());
    EXPECT_EQ(sim.run(answer_after(0s, 1)).value(), 1);
    EXPECT_EQ(sim.run(answer_after(5s, 2)).value(), 2);
    EXPECT_EQ(sim.now() - begin, 5s);
}

TEST(Simulation, RunAnswersErrorsAndRethrows)
{
    simulation sim;
    EXPECT_EQ(sim.run(failing()).error(), error::limit_reached);
    EXPECT_THROW((void)sim.run(throwing()), std::runtime_error);
}

TEST(Simulation, ADeadlockAnswersNoValue)
{
    simulation sim;
    auto [left, right] = sim.connect();
    EXPECT_EQ(sim.run(receive_text(left)).error(), error::no_value);
}

TEST(Simulation, StartedTasksAreLookedAtInOrder)
{
    simulation sim;
    sim.start(failing());
    sim.start([]() -> task<> { co_await checked(sleep_for(1s)); }());
    sim.start(throwing());
    EXPECT_EQ(sim.running(), 3U);
    sim.settle();
    EXPECT_EQ(sim.running(), 2U);
    EXPECT_EQ(sim.outcome(0)->error(), error::limit_reached);
    EXPECT_FALSE(sim.outcome(1));
    sim.advance(1s);
    EXPECT_EQ(sim.outcome(1), result<>());
    EXPECT_THROW((void)sim.outcome(2), std::runtime_error);
    EXPECT_THROW((void)sim.outcome(3), std::out_of_range);
}

TEST(Simulation, AdvanceStopsExactlyThere)
{
    simulation sim;
    sim.start([]() -> task<> { co_await checked(sleep_for(10s)); }());
    const time_point begin = sim.now();
    sim.advance(10s - 1ns);
    EXPECT_EQ(sim.running(), 1U);
    EXPECT_EQ(sim.now() - begin, 10s - 1ns);
    sim.advance(1ns);
    EXPECT_EQ(sim.running(), 0U);
}

TEST(Simulation, SettleDoesWhatIsDueNow)
{
    simulation sim;
    timer now(sim.home());
    bool done = false;
    auto waiting = [&]() -> task<> {
        now.expires_at(end_of_time);
        co_await checked(now.wait());
        done = true;
    };
    sim.start(waiting());
    sim.settle();
    EXPECT_FALSE(done);
    now.expires_after(duration::zero());
    const time_point begin = sim.now();
    sim.settle();
    EXPECT_TRUE(done);
    EXPECT_EQ(sim.now(), begin);
}

TEST(Simulation, CancelEndsWhatWasStarted)
{
    simulation sim;
    sim.start([]() -> task<> { co_await checked(sleep_for(1h)); }());
    sim.settle();
    sim.cancel();
    sim.settle();
    EXPECT_EQ(sim.outcome(0)->error(), error::cancelled);
}

TEST(Simulation, StepsAreTheSameInEveryRun)
{
    const auto run = [] {
        simulation sim;
        auto [left, right] = sim.connect({}, {}, {.capacity = 10}, {.capacity = 10});
        sim.start(serve(right, echo(right)));
        sim.start(send_all(left, {some_text(100), "end"}));
        sim.start(swallow(left));
        std::string history;
        int steps = 0;
        while (++steps < 1000 && sim.step()) {
            const connection_info info = left.info();
            history += std::to_string(info.bytes_sent) + ' ' + std::to_string(info.bytes_received) +
                       ' ' + std::to_string(sim.running()) + '\n';
        }
        return history;
    };
    const std::string first = run();
    EXPECT_GT(first.size(), 100U);
    EXPECT_EQ(run(), first);
}

TEST(Simulation, DestroysTasksThatStillRun)
{
    auto held = std::make_shared<int>(1);
    {
        simulation sim;
        auto holding = [](std::shared_ptr<int> kept) -> task<> {
            co_await checked(sleep_for(1h));
            *kept = 2;
        };
        sim.start(holding(held));
        sim.settle();
        EXPECT_EQ(held.use_count(), 2);
    }
    EXPECT_EQ(held.use_count(), 1);
}

/// What the test kit promises: a session is tested in ten lines.
TEST(Simulation, ASessionIsTestedInTenLines)
{
    simulation sim;
    auto [client, peer] = sim.connect({}, {.idle_timeout = 65s});
    sim.start(echo(peer));
    ASSERT_TRUE(sim.run(send_all(client, {"Hello"})));
    EXPECT_EQ(sim.run(receive_text(client)).value(), "Hello");
    sim.advance(65s);
    EXPECT_EQ(peer.ended(), error::idle_timeout);
    EXPECT_EQ(sim.outcome(0), result<>());
}

TEST(Simulation, ConnectionsOutliveTheTasksThatStillRun)
{
    simulation sim;
    auto [client, peer] = sim.connect();
    sim.start(echo(peer));
    EXPECT_TRUE(sim.run(client.send("hello")));
    EXPECT_EQ(as_text(sim.run(client.receive()).value()), "hello");
    EXPECT_EQ(sim.running(), 1U);
}

TEST(Simulation, RunsAnOperationAndAnswersItsError)
{
    simulation sim;
    auto [client, peer] = sim.connect();
    EXPECT_EQ(sim.run(client.receive()).error(), error::no_value);
    peer.fail(error::frame_timeout);
    EXPECT_EQ(sim.run(peer.receive()).error(), error::frame_timeout);
}

TEST(Simulation, ServesLikeAServerAndClosesWhateverTheEnd)
{
    const auto session = [](std::string_view how) {
        return [how](connection& peer) -> task<> {
            co_await checked(peer.send("the end"));
            if (how == "throws") {
                throw std::runtime_error("thrown");
            }
            if (how == "fails") {
                co_await fail(error::limit_reached);
            }
        };
    };
    for (const std::string_view how : {"returns", "fails", "throws"}) {
        SCOPED_TRACE(how);
        simulation sim;
        auto [client, peer] = sim.connect();
        sim.serve(peer, session(how));
        EXPECT_EQ(as_text(sim.run(client.receive()).value()), "the end");
        EXPECT_EQ(sim.run(client.receive()).error(), error::closed);
        EXPECT_TRUE(sim.run(client.close()));
        sim.settle();
        EXPECT_EQ(sim.running(), 0U);
        if (how == "throws") {
            EXPECT_THROW((void)sim.outcome(0), std::runtime_error);
        } else {
            EXPECT_EQ(sim.outcome(0)->has_error(), how == "fails");
        }
    }
}

TEST(Simulation, ConnectsOverAPairThatTheTestKeeps)
{
    simulation sim;
    stream_pair between(sim.home());
    auto [client, peer] = sim.connect(between, {}, {.framing = raw{}});
    EXPECT_TRUE(sim.run(client.send("hello")));
    EXPECT_EQ(between.forward_bytes(), 9U);
    between.forward().end_after = 2;
    EXPECT_EQ(sim.run(peer.receive()).value().size(), 2U);
    EXPECT_EQ(sim.run(peer.receive()).error(), error::closed);
}

}  // namespace
