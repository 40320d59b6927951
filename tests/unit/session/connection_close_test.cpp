#include "support/sessions.hpp"

#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

task<> close(connection& peer)
{
    co_await checked(peer.close());
}

TEST(ConnectionClose, FlushesHalfClosesDiscardsAndEnds)
{
    simulation sim;
    wired w(sim);
    EXPECT_TRUE(sim.run(send_all(w.wire, {"unread rest"})));
    auto session = [&]() -> task<> {
        co_await checked(w.subject.send("goodbye"));
        co_await checked(w.subject.close());
    };
    sim.start(session());
    sim.settle();
    EXPECT_EQ(sim.running(), 1U);  // waits for the peer's end
    EXPECT_EQ(w.calls->order.substr(0, 3), "whr");
    EXPECT_EQ(w.pair.backward_waiting(), 0U);
    sim.start(close(w.wire));
    sim.settle();
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_EQ(*sim.outcome(0), result<>());
    EXPECT_EQ(w.calls->order.back(), 'c');
    EXPECT_EQ(w.subject.ended(), error::closed);
}

TEST(ConnectionClose, DeliversEverythingThatWasAccepted)
{
    simulation sim;
    auto [left, right] = sim.connect({}, {}, {.capacity = 100});
    const std::vector<std::string> sent(20, some_text(10000));
    auto session = [&]() -> task<> {
        for (const std::string& message : sent) {
            co_await checked(left.send(message));
        }
        co_await checked(left.close());
    };
    sim.start(session());
    EXPECT_TRUE(sim.run(receive_all(right)).value() == sent);
}

TEST(ConnectionClose, DestroyingDeliversEverythingThatWasAccepted)
{
    simulation sim;
    const std::vector<std::string> sent(20, some_text(10000));
    auto [left, right] = sim.connect({}, {}, {.capacity = 100});
    auto owner = [&](connection c) -> task<> {
        for (const std::string& message : sent) {
            co_await checked(c.send(message));
        }
    };
    sim.start(owner(std::move(left)));
    EXPECT_TRUE(sim.run(receive_all(right)).value() == sent);
}

/// Two that close with much to send, neither of which reads any more.
TEST(ConnectionClose, TwoThatCloseAtOnceDeliverToEachOther)
{
    simulation sim;
    auto [left, right] = sim.connect({}, {}, {.capacity = 100}, {.capacity = 100});
    auto session = [](connection& c) -> task<> {
        const std::string payload = some_text(10000);
        co_await checked(c.send(payload));
        co_await checked(c.close());
    };
    sim.start(session(left));
    sim.start(session(right));
    sim.settle();
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_EQ(*sim.outcome(0), result<>());
    EXPECT_EQ(*sim.outcome(1), result<>());
    EXPECT_EQ(left.info().unsent, 0U);
}

TEST(ConnectionClose, OthersEndWithClosed)
{
    simulation sim;
    auto [left, right] = sim.connect({.high_water_mark = 100}, {}, {.capacity = 10});
    sim.start(send_all(left, {some_text(200), "waiting"}));
    sim.start([](connection& c) -> task<> { co_await checked(c.receive()); }(left));
    sim.settle();
    sim.start(close(left));
    sim.start(close(left));  // twice is fine
    sim.advance(3s);
    ASSERT_EQ(sim.running(), 0U);
    EXPECT_EQ(sim.outcome(0)->error(), error::closed);
    EXPECT_EQ(sim.outcome(1)->error(), error::closed);
    EXPECT_EQ(sim.outcome(2)->error(), error::close_timeout);
    EXPECT_EQ(sim.outcome(3)->error(), error::close_timeout);
}

TEST(ConnectionClose, AFlushThatWaitsEndsWithTheConnection)
{
    simulation sim;
    auto [left, right] = sim.connect({.send_timeout = never}, {}, {.capacity = 10});
    sim.start(send_all(left, {some_text(200)}));
    sim.settle();
    sim.start(close(left));
    sim.advance(3s);
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_EQ(sim.run(send_all(left, {})).error(), error::closed);
}

TEST(ConnectionClose, ACancelledCloseGoesOn)
{
    simulation sim;
    wired w(sim, {.close_timeout = 3s});
    auto impatient = [&]() -> task<> {
        const result<> closed = co_await within(1s, w.subject.close());
        EXPECT_EQ(closed.error(), error::timeout);
    };
    EXPECT_TRUE(sim.run(impatient()));
    EXPECT_NE(w.calls->order.back(), 'c');
    sim.advance(2s);
    EXPECT_EQ(w.calls->order.back(), 'c');
}

TEST(ConnectionClose, APeerThatNeverStopsSendingDoesNotKeepItOpen)
{
    simulation sim;
    wired w(sim, {.close_timeout = 3s});
    auto flood = [&]() -> task<> {
        for (;;) {
            co_await checked(w.wire.send("xxxxxxxxxx"));
            co_await checked(sleep_for(1ms));
        }
    };
    sim.start(flood());
    const time_point begin = sim.now();
    EXPECT_EQ(sim.run(close(w.subject)).error(), error::close_timeout);
    EXPECT_EQ(sim.now() - begin, 3s);
    EXPECT_LE(w.calls->largest_room, 8_KiB);
}

TEST(ConnectionClose, FailingDeliversWhatWasAccepted)
{
    simulation sim;
    auto [left, right] = sim.connect({}, {}, {.capacity = 100});
    const std::vector<std::string> sent(5, some_text(1000));
    auto session = [&]() -> task<> {
        for (const std::string& message : sent) {
            co_await checked(left.send(message));
        }
        left.fail(error::too_slow);
        const result<bytes> received = co_await left.receive();
        EXPECT_EQ(received.error(), error::too_slow);
        const result<> more = co_await left.send("more");
        EXPECT_EQ(more.error(), error::too_slow);
        co_await checked(left.close());
    };
    sim.start(session());
    EXPECT_TRUE(sim.run(receive_all(right)).value() == sent);
    EXPECT_EQ(left.ended(), error::too_slow);
}

TEST(ConnectionClose, DrainingHandsOutWhatIsUnderWay)
{
    simulation sim;
    wired w(sim);
    EXPECT_TRUE(sim.run(send_all(w.wire, {std::string("\0\0\0\1a\0\0\0\1b\0\0\0\1", 14)})));
    std::vector<std::string> received;
    error_code why;
    auto session = [&]() -> task<> {
        const bytes first = co_await checked(w.subject.receive());
        received.push_back(to_string(first));
        w.subject.drain();
        for (;;) {
            auto frame = co_await w.subject.receive();
            if (!frame) {
                why = frame.error();
                break;
            }
            received.push_back(to_string(*frame));
        }
        co_await checked(w.subject.send("last"));
    };
    sim.start(session());
    sim.settle();
    EXPECT_THAT(received, ::testing::ElementsAre("a", "b"));
    EXPECT_FALSE(why);
    EXPECT_TRUE(sim.run(send_all(w.wire, {"c"})));
    EXPECT_THAT(received, ::testing::ElementsAre("a", "b", "c"));
    EXPECT_EQ(why, error::draining);
    EXPECT_EQ(sim.outcome(1), result<>());
}

TEST(ConnectionClose, DrainingWakesWhoeverWaitsBetweenFrames)
{
    simulation sim;
    auto [left, right] = sim.connect();
    sim.start([](connection& c) -> task<> { co_await checked(c.receive()); }(left));
    sim.start([](connection& c) -> task<> { co_await checked(c.receive_batch()); }(right));
    sim.settle();
    left.drain();
    right.drain();
    sim.settle();
    EXPECT_EQ(sim.outcome(0)->error(), error::draining);
    EXPECT_EQ(sim.outcome(1)->error(), error::draining);
}

TEST(ConnectionClose, IsMovable)
{
    simulation sim;
    auto [left, right] = sim.connect();
    sim.start(serve(right, echo(right)));
    connection moved = std::move(left);
    auto session = [&]() -> task<std::string> {
        co_await checked(moved.send("Hello"));
        const bytes frame = co_await checked(moved.receive());
        co_return to_string(frame);
    };
    EXPECT_EQ(sim.run(session()).value(), "Hello");
    EXPECT_EQ(moved.peer(), "right");
    EXPECT_EQ(moved.info().local, "left");
}

/// As at the end of every test: the connections go before the simulation, sessions still wait.
TEST(ConnectionClose, DestroyingEndsWhoeverStillWaits)
{
    for (const bool batch : {false, true}) {
        simulation sim;
        {
            auto pair = sim.connect({}, {.high_water_mark = 10}, {}, {.capacity = 10});
            connection right = std::move(pair.right);
            auto waiting = [batch](connection& c) -> task<> {
                if (batch) {
                    co_await checked(c.receive_batch());
                }
                co_await checked(c.receive());
            };
            sim.start(waiting(right));
            sim.start(send_all(right, {some_text(100), "waits"}));
            sim.settle();
        }
        sim.settle();
        EXPECT_EQ(sim.outcome(0)->error(), error::closed);
        EXPECT_EQ(sim.outcome(1)->error(), error::closed);
        sim.advance(1min);
        EXPECT_EQ(sim.running(), 0U);
    }
}

TEST(ConnectionClose, TheLoopMayEndInTheMiddleOfEverything)
{
    for (std::size_t steps = 0; steps < 200; ++steps) {
        simulation sim;
        auto [left, right] = sim.connect({}, {}, {.capacity = 30}, {.capacity = 30});
        auto owner = [](connection c) -> task<> {
            const std::string payload = some_text(300);
            co_await checked(c.send(payload));
            co_await checked(c.receive());
            co_await checked(c.close());
        };
        sim.start(owner(std::move(left)));
        sim.start(owner(std::move(right)));
        for (std::size_t i = 0; i < steps && sim.step(); ++i) {}
    }
}

}  // namespace
