#include "support/sessions.hpp"

#include <libnet/runtime/timer.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A frame on the wire: its length in four bytes, and text.
std::string frame(std::string_view text)
{
    std::string whole{'\0', '\0', '\0', static_cast<char>(text.size())};
    return whole.append(text);
}

/// A connection that a session receives from until it cannot.
struct world : wired {
    explicit world(simulation& s, connection_options options = {})
        : wired(s, std::move(options)), sim(s)
    {
    }

    void receive()
    {
        sim.start([](world& w) -> task<> {
            for (;;) {
                auto frame = co_await w.subject.receive();
                if (!frame) {
                    w.why = frame.error();
                    break;
                }
                w.received.push_back(to_string(*frame));
            }
        }(*this));
        sim.settle();
    }

    void come(std::string text)
    {
        EXPECT_TRUE(sim.run(send_all(wire, {std::move(text)})));
        sim.settle();
    }

    simulation& sim;
    std::vector<std::string> received;
    error_code why;
};

TEST(ConnectionDrain, HandsOutWhatIsInTheKernel)
{
    simulation sim;
    world w(sim);
    w.come(frame("a") + frame("b"));
    EXPECT_FALSE(w.subject.draining());
    w.subject.drain();
    EXPECT_TRUE(w.subject.draining());
    w.receive();
    EXPECT_THAT(w.received, ElementsAre("a", "b"));
    EXPECT_EQ(w.why, error::draining);
    EXPECT_EQ(w.subject.ending().why, error::draining);
}

TEST(ConnectionDrain, HandsOutWhatHasComeInThisMoment)
{
    simulation sim;
    world w(sim);
    w.receive();
    auto send_and_drain = [&]() -> task<> {  // the read has its bytes, and has not told so yet
        co_await checked(w.wire.send(frame("a")));
        co_await checked(w.wire.flush());
        w.subject.drain();
    };
    EXPECT_TRUE(sim.run(send_and_drain()));
    sim.settle();
    EXPECT_THAT(w.received, ElementsAre("a"));
    EXPECT_EQ(w.why, error::draining);
}

TEST(ConnectionDrain, EndsAtOnceWhoIsIdle)
{
    for (const duration silence : {duration::zero(), duration(2s)}) {  // parked since a second
        simulation sim;
        world w(sim);
        w.receive();
        sim.advance(silence);
        w.subject.drain();
        sim.settle();
        EXPECT_THAT(w.received, IsEmpty());
        EXPECT_EQ(w.why, error::draining);
    }
}

TEST(ConnectionDrain, WaitsForAFrameThatHasBegun)
{
    for (std::size_t begun = 1; begun < 5; ++begun) {
        SCOPED_TRACE(begun);
        simulation sim;
        world w(sim);
        w.come(frame("a").substr(0, begun));
        w.subject.drain();
        w.receive();
        sim.advance(5s);
        EXPECT_FALSE(w.why);
        w.come(frame("a").substr(begun) + frame("b"));
        EXPECT_THAT(w.received, ElementsAre("a", "b"));  // one read
        EXPECT_EQ(w.why, error::draining);
    }
}

TEST(ConnectionDrain, AFrameThatHasBegunKeepsItsDeadline)
{
    simulation sim;
    world w(sim, {.frame_timeout = 3s});
    w.receive();
    w.come(frame("a").substr(0, 2));
    w.subject.drain();
    sim.advance(3s - 1ms);
    EXPECT_FALSE(w.why);
    sim.advance(1ms);
    EXPECT_EQ(w.why, error::frame_timeout);
}

/// Whoever asks as fast as it is answered would never be done.
TEST(ConnectionDrain, HandsOutNothingThatComesLater)
{
    simulation sim;
    world w(sim);
    for (int i = 0; i < 8; ++i) {
        w.come(frame("x"));
    }
    w.subject.drain();
    int answered = 0;
    auto session = [&]() -> task<> {
        for (;;) {
            auto request = co_await w.subject.receive();
            if (!request) {
                w.why = request.error();
                break;
            }
            ++answered;
            co_await checked(w.wire.send(frame("x")));  // the client's next
            co_await checked(w.wire.flush());
            co_await checked(sleep_for(1ms));
        }
    };
    sim.start(session());
    sim.advance(1s);
    EXPECT_EQ(w.why, error::draining);
    EXPECT_GE(answered, 8);
    EXPECT_LE(answered, 17);
}

TEST(ConnectionDrain, WhatItHasAnsweredHolds)
{
    simulation sim;
    world w(sim);
    w.receive();
    w.subject.drain({.first_frame = 1s});
    sim.advance(1s);
    EXPECT_EQ(w.why, error::draining);
    w.come(frame("too late"));
    w.receive();
    EXPECT_THAT(w.received, IsEmpty());
    EXPECT_EQ(w.why, error::draining);
}

TEST(ConnectionDrain, WhoHasJustConnectedMayAskOnce)
{
    simulation sim;
    world w(sim);
    w.receive();
    w.subject.drain({.first_frame = 1s});
    sim.advance(900ms);
    EXPECT_FALSE(w.why);
    w.come(frame("a"));
    EXPECT_THAT(w.received, ElementsAre("a"));
    EXPECT_EQ(w.why, error::draining);
}

TEST(ConnectionDrain, WhoHasJustConnectedAndSaysNothingIsNotWaitedForLonger)
{
    simulation sim;
    world w(sim);
    w.receive();
    w.subject.drain({.first_frame = 1s});
    sim.advance(900ms);
    EXPECT_FALSE(w.why);
    sim.advance(200ms);  // a look in each 100 ms
    EXPECT_EQ(w.why, error::draining);
}

TEST(ConnectionDrain, WhoWasToldMayAskUntilTheGraceIsUp)
{
    simulation sim;
    world w(sim);
    w.come(frame("before"));
    w.receive();
    w.subject.drain({.any_frame = 1s});
    for (const char* text : {"a", "b"}) {
        sim.advance(400ms);
        EXPECT_FALSE(w.why);
        w.come(frame(text));
    }
    EXPECT_THAT(w.received, ElementsAre("before", "a", "b"));
    EXPECT_FALSE(w.why);
    sim.advance(300ms);
    EXPECT_EQ(w.why, error::draining);
}

TEST(ConnectionDrain, APeerThatEndsMeanwhileHasEnded)
{
    simulation sim;
    world w(sim);
    w.receive();
    w.subject.drain({.first_frame = 1s});
    sim.start([](connection& c) -> task<> { co_await checked(c.close()); }(w.wire));
    sim.settle();
    EXPECT_EQ(w.why, error::closed);
}

TEST(ConnectionDrain, BatchesDrainLikeFrames)
{
    simulation sim;
    world w(sim);
    w.come(frame("a") + frame("b") + frame("c").substr(0, 3));
    w.subject.drain();
    auto session = [&]() -> task<> {
        for (;;) {
            auto batch = co_await w.subject.receive_batch();
            if (!batch) {
                w.why = batch.error();
                break;
            }
            for (const bytes one : *batch) {
                w.received.push_back(to_string(one));
            }
        }
    };
    sim.start(session());
    sim.settle();
    EXPECT_THAT(w.received, ElementsAre("a", "b"));
    EXPECT_FALSE(w.why);
    w.come(frame("c").substr(3));
    EXPECT_THAT(w.received, ElementsAre("a", "b", "c"));
    EXPECT_EQ(w.why, error::draining);
}

TEST(ConnectionDrain, AConnectionPastItsLifetimeDrainsAndSaysSo)
{
    simulation sim;
    world w(sim, {.lifetime = 10s});
    w.receive();
    EXPECT_FALSE(w.subject.draining());
    sim.advance(10s);
    EXPECT_TRUE(w.subject.draining());
    EXPECT_EQ(w.why, error::lifetime_exceeded);
}

/// The same from every state that the read can be in, with a write under way or without.
TEST(ConnectionDrain, AnswersWhileOutputWaits)
{
    simulation sim;
    wired w(sim, {.send_timeout = never}, {.capacity = 100});
    error_code why;
    std::vector<std::string> received;
    auto session = [&]() -> task<> {
        co_await checked(w.subject.send(std::string(1000, 'x')));
        for (;;) {
            auto got = co_await w.subject.receive();
            if (!got) {
                why = got.error();
                break;
            }
            received.push_back(to_string(*got));
        }
    };
    sim.start(session());
    sim.settle();
    EXPECT_TRUE(sim.run(send_all(w.wire, {frame("a")})));
    w.subject.drain();
    sim.settle();
    EXPECT_THAT(received, ElementsAre("a"));
    sim.start(swallow(w.wire));
    sim.advance(1s);
    EXPECT_EQ(why, error::draining);
}

}  // namespace
