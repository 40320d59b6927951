#include "support/counting_stream.hpp"
#include "support/sessions.hpp"

#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

/// Sends one byte each `pause`.
task<> drip(connection& wire, std::string data, duration pause)
{
    for (const char c : data) {
        co_await checked(wire.send(std::string_view(&c, 1)));
        co_await checked(sleep_for(pause));
    }
}

const std::string unfinished("\0\0\0\xFF", 4);

TEST(ConnectionDeadline, AFrameMayTakeItsTimeAndNoLonger)
{
    simulation sim;
    wired w(sim, {.frame_timeout = 30s, .idle_timeout = 5s});
    sim.start(swallow(w.subject));
    sim.settle();
    sim.advance(4s);
    sim.start(drip(w.wire, unfinished + some_text(200), 1s));
    sim.settle();
    sim.advance(30s - 1ms);
    EXPECT_FALSE(w.subject.ended());
    sim.advance(1ms);
    EXPECT_EQ(w.subject.ended(), error::frame_timeout);
    EXPECT_EQ(sim.outcome(0), result<>());
}

TEST(ConnectionDeadline, EachFrameHasItsOwnTime)
{
    simulation sim;
    wired w(sim, {.frame_timeout = 10s});
    sim.start(swallow(w.subject));
    const std::string frame("\0\0\0\4abcd", 8);
    sim.start(drip(w.wire, frame + frame + frame + frame + frame, 1s));
    sim.advance(40s);
    EXPECT_FALSE(w.subject.ended());
    EXPECT_EQ(w.subject.info().messages_received, 5U);
}

TEST(ConnectionDeadline, CancellingReceiveAgainAndAgainDefeatsNoFrameTimeout)
{
    simulation sim;
    wired w(sim, {.frame_timeout = 30s});
    auto impatient = [&]() -> task<> {
        for (;;) {
            auto frame = co_await within(700ms, w.subject.receive());
            if (!frame && frame.error() != error::timeout) {
                co_return;
            }
        }
    };
    sim.start(impatient());
    sim.start(drip(w.wire, unfinished + some_text(200), 1s));
    sim.advance(29s);
    EXPECT_FALSE(w.subject.ended());
    sim.advance(2s);
    EXPECT_EQ(w.subject.ended(), error::frame_timeout);
}

TEST(ConnectionDeadline, IdleStrikesWhenNothingMoves)
{
    simulation sim;
    wired w(sim, {.idle_timeout = 65s});
    sim.start(swallow(w.subject));
    sim.settle();
    sim.advance(65s - 1ms);
    EXPECT_FALSE(w.subject.ended());
    sim.advance(1ms);
    EXPECT_EQ(w.subject.ended(), error::idle_timeout);
    EXPECT_EQ(sim.running(), 0U);
}

TEST(ConnectionDeadline, IdleBeginsAnewWithEachFrame)
{
    simulation sim;
    wired w(sim, {.idle_timeout = 10s});
    sim.start(swallow(w.subject));
    for (int i = 0; i < 10; ++i) {
        sim.advance(9s);
        EXPECT_TRUE(sim.run(send_all(w.wire, {std::string("\0\0\0\0", 4)})));
    }
    EXPECT_FALSE(w.subject.ended());
    sim.advance(10s - 1ms);
    EXPECT_FALSE(w.subject.ended());
    sim.advance(1ms);
    EXPECT_EQ(w.subject.ended(), error::idle_timeout);
}

TEST(ConnectionDeadline, IdleCountsOnlyWhileReceiving)
{
    simulation sim;
    wired w(sim, {.idle_timeout = 10s});
    auto busy = [&]() -> task<> {
        co_await checked(sleep_for(1h));
        (void)co_await w.subject.receive();
    };
    sim.start(busy());
    sim.advance(1h + 10s - 1ms);
    EXPECT_FALSE(w.subject.ended());
    sim.advance(1ms);
    EXPECT_EQ(w.subject.ended(), error::idle_timeout);
}

TEST(ConnectionDeadline, CancellingReceiveAgainAndAgainDefeatsNoIdleTimeout)
{
    simulation sim;
    wired w(sim, {.idle_timeout = 10s});
    auto impatient = [&]() -> task<> {
        for (;;) {
            auto frame = co_await within(1s, w.subject.receive());
            if (!frame && frame.error() != error::timeout) {
                co_return;
            }
        }
    };
    sim.start(impatient());
    sim.advance(10s - 1ms);
    EXPECT_FALSE(w.subject.ended());
    sim.advance(2s);
    EXPECT_EQ(w.subject.ended(), error::idle_timeout);
}

/// A session that only tells its peer things, from a task of its own, is not idle.
TEST(ConnectionDeadline, OutputThatMovesIsActivity)
{
    for (const bool immediate : {true, false}) {
        for (const std::size_t size : {std::size_t{5}, std::size_t{20000}}) {
            simulation sim;
            wired w(sim, {.idle_timeout = 10s}, {.immediate_writes = immediate});
            auto ticking = [&]() -> task<> {
                for (int i = 0; i < 10; ++i) {
                    co_await checked(sleep_for(9s));
                    const std::string tick = some_text(size);
                    co_await checked(w.subject.send(tick));
                }
            };
            sim.start(swallow(w.subject));
            sim.start(swallow(w.wire));
            sim.start(ticking());
            sim.advance(99s);
            EXPECT_FALSE(w.subject.ended()) << immediate << ' ' << size;
            sim.advance(2s);
            EXPECT_EQ(w.subject.ended(), error::idle_timeout) << immediate << ' ' << size;
        }
    }
}

TEST(ConnectionDeadline, WithoutAFrameTimeoutTheIdleOneLooksAtPartsToo)
{
    simulation sim;
    wired w(sim, {.frame_timeout = never, .idle_timeout = 10s});
    sim.start(swallow(w.subject));
    sim.start(drip(w.wire, unfinished + some_text(20), 6s));  // 24 bytes
    sim.advance(23 * 6s + 10s - 1ms);
    EXPECT_FALSE(w.subject.ended());
    sim.advance(1ms);
    EXPECT_EQ(w.subject.ended(), error::idle_timeout);
}

TEST(ConnectionDeadline, WithoutAFrameTimeoutALateReceiveIsWatchedToo)
{
    simulation sim;
    wired w(sim, {.frame_timeout = never, .idle_timeout = 10s});
    EXPECT_TRUE(sim.run(send_all(w.wire, {std::string("\0\0\0\1a\0\0", 7)})));
    auto session = [&]() -> task<> {
        co_await checked(w.subject.receive());
        co_await checked(sleep_for(1min));
        (void)co_await w.subject.receive();
    };
    sim.start(session());
    sim.advance(1min + 10s - 1ms);
    EXPECT_FALSE(w.subject.ended());
    sim.advance(1ms);
    EXPECT_EQ(w.subject.ended(), error::idle_timeout);
}

TEST(ConnectionDeadline, APeerThatTakesNothingMeetsTheSendTimeout)
{
    simulation sim;
    wired w(sim, {.send_timeout = 10s, .high_water_mark = 1000}, {.capacity = 100});
    sim.start(send_all(w.subject, {some_text(2000), "waits"}));
    sim.settle();
    sim.advance(10s - 1ms);
    EXPECT_FALSE(w.subject.ended());
    EXPECT_EQ(sim.running(), 1U);
    sim.advance(1ms);
    EXPECT_EQ(w.subject.ended(), error::send_timeout);
    EXPECT_EQ(sim.outcome(0)->error(), error::send_timeout);
}

/// Reads `count` bytes each `pause` by lifting the stream's limit.
TEST(ConnectionDeadline, ProgressPutsTheSendTimeoutOff)
{
    simulation sim;
    wired w(sim, {.send_timeout = 10s}, {.capacity = 100});
    sim.start(send_all(w.subject, {some_text(500)}));
    auto slow = [&]() -> task<> {
        for (int i = 0; i < 4; ++i) {
            co_await checked(sleep_for(9s));
            co_await checked(w.wire.receive());
        }
    };
    sim.start(slow());
    sim.advance(36s);
    EXPECT_FALSE(w.subject.ended());
    sim.advance(10s - 1ms);
    EXPECT_FALSE(w.subject.ended());
    sim.advance(1ms);
    EXPECT_EQ(w.subject.ended(), error::send_timeout);
}

/// Nobody awaits anything of the connection when its deadline strikes, and time goes on.
TEST(ConnectionDeadline, TheSendTimeoutOfASleepingSessionStrikesOnce)
{
    simulation sim;
    wired w(sim, {.send_timeout = 10s}, {.capacity = 100});
    auto session = [&]() -> task<> {
        co_await checked(w.subject.send(std::string_view(some_text(500))));
        co_await checked(sleep_for(1h));
    };
    sim.start(session());
    sim.settle();
    int steps = 0;
    while (sim.running() != 0 && ++steps < 1000) {
        sim.step();
    }
    EXPECT_LT(steps, 1000);
    EXPECT_EQ(w.subject.ended(), error::send_timeout);
}

TEST(ConnectionDeadline, ASilentPeerMeetsTheCloseTimeout)
{
    simulation sim;
    wired w(sim, {.close_timeout = 3s});
    auto closing = [&]() -> task<> { co_await checked(w.subject.close()); };
    sim.start(closing());
    sim.settle();
    sim.advance(3s - 1ms);
    EXPECT_EQ(sim.running(), 1U);
    EXPECT_EQ(w.calls->order.back(), 'r');
    sim.advance(1ms);
    EXPECT_EQ(sim.outcome(0)->error(), error::close_timeout);
    EXPECT_EQ(w.calls->order.back(), 'c');
}

TEST(ConnectionDeadline, APeerThatSaysNothingMeetsTheTimeOfTheFirstFrame)
{
    simulation sim;
    wired w(sim, {.first_frame_timeout = 10s, .idle_timeout = 65s});
    auto greeting = [&]() -> task<> {
        co_await checked(w.subject.send("welcome"));
        co_await checked(swallow(w.subject));
    };
    sim.start(greeting());
    sim.settle();
    sim.advance(10s - 1ms);
    EXPECT_FALSE(w.subject.ended());
    sim.advance(1ms);
    EXPECT_EQ(w.subject.ended(), error::first_frame_timeout);
}

TEST(ConnectionDeadline, ATrickleIsTooSlow)
{
    simulation sim;
    wired w(sim, {.frame_timeout = 1h, .minimum_rate = {.bytes = 10, .interval = 2s, .grace = 5s}});
    sim.start(swallow(w.subject));
    auto peer = [&]() -> task<> {
        co_await checked(w.wire.send(unfinished));
        for (int i = 0; i < 20; ++i) {
            co_await checked(w.wire.send(some_text(10)));
            co_await checked(sleep_for(1s));
        }
        co_await checked(drip(w.wire, some_text(100), 1s));
    };
    sim.start(peer());
    sim.settle();
    sim.advance(20s);
    EXPECT_FALSE(w.subject.ended());
    sim.advance(5s);
    EXPECT_EQ(w.subject.ended(), error::too_slow);
}

/// A frame of 128 KiB may take 38 s: 30 and one for each 8 KiB beyond 64.
TEST(ConnectionDeadline, ALongFrameEarnsTimeByArriving)
{
    simulation sim;
    wired w(sim, {.frame_timeout = 30s});
    sim.start(swallow(w.subject));
    auto peer = [&]() -> task<> {
        co_await checked(w.wire.send(std::string_view("\0\x4\0\0", 4)));
        co_await checked(w.wire.send(some_text(128 * 1024 - 4)));
        co_await checked(w.wire.flush());
    };
    sim.start(peer());
    sim.settle();
    sim.advance(38s - 1ms);
    EXPECT_FALSE(w.subject.ended());
    sim.advance(1ms);
    EXPECT_EQ(w.subject.ended(), error::frame_timeout);
}

TEST(ConnectionDeadline, AnOldConnectionEndsBetweenFramesAndNotAllAtOnce)
{
    simulation sim;
    std::vector<duration> ages;
    for (int i = 0; i < 20; ++i) {
        wired w(sim, {.lifetime = 100s});
        auto peer = [&]() -> task<> {
            for (;;) {
                co_await checked(w.wire.send(std::string_view("\0\0\0\1x", 5)));
                co_await checked(w.wire.flush());
                co_await checked(sleep_for(100ms));
            }
        };
        sim.start(peer());
        auto session = [&]() -> task<> {
            for (;;) {
                co_await checked(w.subject.receive());
            }
        };
        EXPECT_EQ(sim.run(session()).error(), error::lifetime_exceeded);
        EXPECT_FALSE(w.subject.ended());  // it can still say goodbye
        EXPECT_EQ(w.subject.ending().why, error::lifetime_exceeded);
        ages.push_back(w.subject.info().age);
        sim.cancel();
        sim.settle();
    }
    std::ranges::sort(ages);
    EXPECT_GE(ages.front(), 90s);
    EXPECT_LE(ages.back(), 100s + 200ms);
    EXPECT_GT(ages.back() - ages.front(), 3s);
}

TEST(ConnectionDeadline, IdleTimeIsThatSinceBytesMoved)
{
    simulation sim;
    wired w(sim, {.frame_timeout = never});
    auto session = [&]() -> task<> {
        co_await checked(w.subject.receive());
        co_await checked(sleep_for(5s));
        co_await checked(w.subject.receive());
    };
    sim.start(session());
    sim.advance(3s);
    EXPECT_EQ(w.subject.info().idle, 3s);
    sim.start(send_all(w.wire, {std::string("\0\0\0\2x", 5)}));  // part of a long frame
    sim.advance(4s);
    EXPECT_EQ(w.subject.info().idle, 4s);
    sim.start(send_all(w.wire, {"y"}));
    sim.advance(2s);
    EXPECT_EQ(w.subject.info().idle, 0s);  // the session works on it
    sim.advance(4s);
    EXPECT_EQ(w.subject.info().idle, 1s);
}

TEST(ConnectionDeadline, NeverIsNever)
{
    simulation sim;
    wired w(sim, {.frame_timeout = never, .send_timeout = never, .idle_timeout = never});
    sim.start(swallow(w.subject));
    sim.start(send_all(w.wire, {unfinished}));
    sim.advance(24h * 365);
    EXPECT_FALSE(w.subject.ended());
}

/// A stream that cannot take back a read is asked now and then, and not all the time.
class reading_for_good final : public counting_stream {
public:
    reading_for_good(std::unique_ptr<stream> inner, std::size_t& asked)
        : counting_stream(std::move(inner), std::make_shared<stream_calls>()), asked_(asked)
    {
    }
    bool cancel_read() noexcept override
    {
        ++asked_;
        return false;
    }

private:
    std::size_t& asked_;
};

TEST(ConnectionDeadline, AStreamThatCannotTakeAReadBackLetsTheLoopSleep)
{
    simulation sim;
    stream_pair between(sim.home());
    std::size_t asked = 0;
    connection subject(std::make_unique<reading_for_good>(between.take_left(), asked),
                       {.idle_timeout = 1min});
    sim.start(swallow(subject));
    std::size_t steps = 0;
    while (sim.step() && ++steps < 10'000) {}
    EXPECT_LT(steps, 1000U);
    EXPECT_LE(asked, 60U);
    EXPECT_EQ(subject.ended(), error::idle_timeout);
}

}  // namespace
