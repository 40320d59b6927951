#include "support/memory_listener.hpp"
#include "support/sessions.hpp"

#include <libnet/runtime/timer.hpp>
#include <libnet/session/server.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <stdexcept>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A server, what it reported, and what its clients have read until the end.
struct world {
    explicit world(server_options options = {}, server::session session = echo)
        : backlog(sim), subject(backlog.listen(), std::move(session), watched(std::move(options)))
    {
        sim.start(subject.run());
        sim.settle();
    }

    server_options watched(server_options options)
    {
        options.on_close = [this](const session_report& r) { reports.push_back(r); };
        options.on_refused = [this](const refusal_report&) { ++refused; };
        return options;
    }

    struct client {
        connection line;
        std::vector<std::string> read{};
        error_code why{};
        time_point ended{};
    };

    /// It sends these, and reads and closes like a good client.
    client& come(std::vector<std::string> messages = {})
    {
        auto& c = clients.emplace_back(std::make_unique<client>(client{backlog.connect()}));
        sim.start(live(*c, std::move(messages)));
        return *c;
    }

    task<> live(client& c, std::vector<std::string> messages)
    {
        for (const std::string& message : messages) {
            co_await checked(c.line.send(message));
        }
        for (;;) {
            auto frame = co_await c.line.receive();
            if (!frame) {
                c.why = frame.error();
                break;
            }
            c.read.push_back(to_string(*frame));
        }
        c.ended = sim.now();
        co_await checked(c.line.close());
    }

    bool has_ended() { return sim.outcome(0).has_value(); }

    simulation sim;
    memory_backlog backlog;
    std::vector<session_report> reports;
    int refused = 0;
    std::vector<std::unique_ptr<client>> clients;
    libnet::server subject;
};

TEST(ServerDrain, ThoseWhoAreIdleEndAtOnce)
{
    world w;
    const auto& c = w.come({"hello"});
    w.sim.settle();
    const time_point stopped = w.sim.now();
    w.subject.stop();
    w.sim.settle();
    EXPECT_THAT(c.read, ElementsAre("hello"));
    EXPECT_EQ(c.why, error::closed);
    EXPECT_EQ(c.ended, stopped);
    EXPECT_TRUE(w.has_ended());
    ASSERT_EQ(w.reports.size(), 1U);
    EXPECT_EQ(w.reports[0].reason, error::draining);
}

TEST(ServerDrain, WhatWasAskedBeforeIsAnswered)
{
    world w;
    for (int i = 0; i < 20; ++i) {
        w.come({"a", "b"});
    }
    w.subject.stop();  // before anybody was accepted
    w.sim.settle();
    for (const auto& c : w.clients) {
        EXPECT_THAT(c->read, ElementsAre("a", "b"));
        EXPECT_EQ(c->why, error::closed);
    }
    EXPECT_EQ(w.subject.stats().accepted, 20U);
    EXPECT_TRUE(w.has_ended());
}

/// Its request is perhaps on its way.
TEST(ServerDrain, WhoHasJustConnectedHasASecondToAsk)
{
    world w;
    const auto& silent = w.come();
    connection slow = w.backlog.connect();
    w.sim.settle();
    w.subject.stop();
    w.sim.advance(900ms);
    EXPECT_FALSE(silent.why);
    std::string reply;
    auto ask = [&]() -> task<> {
        co_await checked(slow.send("at last"));
        const bytes got = co_await checked(slow.receive());
        reply = to_string(got);
        co_await checked(slow.close());
    };
    w.sim.start(ask());
    w.sim.settle();
    EXPECT_EQ(reply, "at last");
    w.sim.advance(200ms);
    EXPECT_EQ(silent.why, error::closed);
    EXPECT_TRUE(w.has_ended());
}

TEST(ServerDrain, WhoStillWaitsForRoomIsRefused)
{
    world w({.admission = {.max_connections = 1}, .refusal = "full"},
            [](connection& peer) -> task<> {
                const bytes frame = co_await checked(peer.receive());
                const std::string kept = to_string(frame);
                co_await checked(sleep_for(5s));
                co_await checked(peer.send(kept));
            });
    const auto& in = w.come({"work"});
    w.sim.settle();
    const auto& out = w.come({"no chance"});
    w.sim.settle();
    EXPECT_FALSE(out.why);
    w.subject.stop();
    w.sim.settle();
    EXPECT_THAT(out.read, ElementsAre("full"));
    EXPECT_EQ(out.why, error::closed);
    EXPECT_EQ(w.refused, 1);
    w.sim.advance(5s);
    EXPECT_THAT(in.read, ElementsAre("work"));
    EXPECT_TRUE(w.has_ended());
}

TEST(ServerDrain, SaysGoodbyeAndAnswersWhatCrossesIt)
{
    world w({.goodbye = [](const connection& peer) { return "goodbye, " + peer.peer(); }});
    connection asks = w.backlog.connect();
    std::vector<std::string> read;
    auto client = [&]() -> task<> {
        co_await checked(asks.send("first"));
        for (int i = 0; i < 3; ++i) {
            const bytes got = co_await checked(asks.receive());
            read.push_back(to_string(got));
            if (i == 1) {  // it hears of it half a second later
                co_await checked(sleep_for(500ms));
                co_await checked(asks.send("crossed"));
            }
        }
        co_await checked(asks.close());
    };
    w.sim.start(client());
    w.sim.settle();
    w.subject.stop();
    w.sim.advance(600ms);
    EXPECT_THAT(read, ElementsAre("first", "goodbye, left", "crossed"));
    EXPECT_TRUE(w.has_ended());
    ASSERT_EQ(w.reports.size(), 1U);
    EXPECT_EQ(w.reports[0].info.messages_sent, 3U);
}

TEST(ServerDrain, WhoWasToldGoodbyeAndStaysIsNotWaitedForLonger)
{
    world w({.goodbye = [](const connection&) { return "goodbye"; }});
    const auto& c = w.come({"hello"});
    w.sim.settle();
    w.subject.stop();
    w.sim.advance(900ms);
    EXPECT_THAT(c.read, ElementsAre("hello", "goodbye"));
    EXPECT_FALSE(c.why);
    w.sim.advance(200ms);
    EXPECT_EQ(c.why, error::closed);
    EXPECT_TRUE(w.has_ended());
}

TEST(ServerDrain, AnEmptyGoodbyeIsNone)
{
    world w({.goodbye = [](const connection&) { return std::string(); }});
    const auto& c = w.come({"hello"});
    w.sim.settle();
    w.subject.stop();
    w.sim.settle();
    EXPECT_THAT(c.read, ElementsAre("hello"));
    EXPECT_TRUE(w.has_ended());
}

TEST(ServerDrain, AGoodbyeThatThrowsEndsTheServerInGoodOrder)
{
    world w({.goodbye = [](const connection&) -> std::string { throw std::runtime_error("no"); }});
    const auto& c = w.come({"hello"});
    w.sim.settle();
    w.subject.stop();
    w.sim.settle();
    EXPECT_THAT(c.read, ElementsAre("hello"));
    EXPECT_EQ(c.why, error::closed);
    EXPECT_THROW((void)w.sim.outcome(0), std::runtime_error);
}

/// A session can say it itself, when all is answered.
TEST(ServerDrain, ASessionSeesThatItDrains)
{
    world w({}, [](connection& peer) -> task<> {
        while (auto frame = co_await peer.receive()) {
            co_await checked(peer.send(*frame));
        }
        if (peer.draining()) {
            co_await checked(peer.send("goodbye"));
        }
    });
    const auto& c = w.come({"hello"});
    w.sim.settle();
    w.subject.stop();
    w.sim.settle();
    EXPECT_THAT(c.read, ElementsAre("hello", "goodbye"));
}

/// The limit, and half a second for closing: also for a client that neither reads nor ends.
/// Somebody has ended the listening socket: it only fails from now on.
TEST(ServerDrain, ASocketThatOnlyFailsDoesNotHoldItUp)
{
    world w;
    const auto& c = w.come({"hello"});
    w.sim.settle();
    for (int i = 0; i < 100; ++i) {
        w.backlog.fail(error_code(EINVAL, boost::system::system_category()));
    }
    w.sim.settle();
    EXPECT_THAT(c.read, ElementsAre("hello"));
    EXPECT_EQ(c.why, error::closed);
    EXPECT_THROW((void)w.sim.outcome(0), boost::system::system_error);
    EXPECT_GE(w.backlog.waiting(), 50U);
}

TEST(ServerDrain, TakesNoLongerThanItsLimitAndHalfASecond)
{
    world w({.drain_timeout = 2s}, [](connection& peer) -> task<> {
        co_await checked(peer.receive());
        co_await checked(peer.send(std::string(1 << 20, 'x')));
        co_await checked(sleep_for(1h));
    });
    connection stuck = w.backlog.connect();
    EXPECT_TRUE(w.sim.run(send_all(stuck, {"go"})));
    w.sim.settle();
    w.subject.stop();
    w.sim.advance(2s - 1ms);
    EXPECT_FALSE(w.has_ended());
    EXPECT_THAT(w.reports, IsEmpty());
    w.sim.advance(501ms);
    EXPECT_TRUE(w.has_ended());
    ASSERT_EQ(w.reports.size(), 1U);
    EXPECT_EQ(w.reports[0].reason, error::drain_timeout);
}

TEST(ServerDrain, WithoutTimeForItEndsInHalfASecond)
{
    world w({.drain_timeout = 0s});
    connection open = w.backlog.connect();
    w.sim.settle();
    w.subject.stop();
    w.sim.advance(500ms);
    EXPECT_TRUE(w.has_ended());
}

}  // namespace
