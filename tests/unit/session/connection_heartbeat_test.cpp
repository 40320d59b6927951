#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;
using ::testing::ElementsAre;

const heartbeat words{.interval = 30s, .timeout = 90s, .ping = "ping", .pong = "pong"};

connection_options lines(std::optional<heartbeat> beats = words)
{
    return {.framing = delimited("\n"), .heartbeat = std::move(beats)};
}

TEST(ConnectionHeartbeat, AHalfOpenPeerIsNoticedAfter90Seconds)
{
    simulation sim;
    wired w(sim, lines());
    sim.start(swallow(w.subject));
    sim.settle();
    sim.advance(90s - 1ms);
    EXPECT_FALSE(w.subject.ended());
    EXPECT_EQ(w.pair.forward_bytes(), 2 * std::string("ping\n").size());
    sim.advance(1ms);
    EXPECT_EQ(w.subject.ended(), error::heartbeat_timeout);
    EXPECT_EQ(w.subject.ending().code(), "Lo");
}

TEST(ConnectionHeartbeat, NobodyWaitsForTheGoodbyeOfAHalfOpenPeer)
{
    simulation sim;
    wired w(sim, lines());
    sim.start(serve(w.subject, swallow(w.subject)));
    sim.advance(90s - 1ms);
    EXPECT_EQ(sim.running(), 1U);
    sim.advance(1ms);
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_EQ(w.calls->order.substr(w.calls->order.size() - 2), "hc");
}

TEST(ConnectionHeartbeat, TwoThatKnowItStayTogetherAndTheirSessionsSeeNothing)
{
    simulation sim;
    auto [left, right] = sim.connect(lines(), lines());
    std::vector<std::string> seen;
    auto listen = [&](connection& c) -> task<> {
        while (auto frame = co_await c.receive()) {
            seen.push_back(to_string(*frame));
        }
    };
    sim.start(listen(left));
    sim.start(listen(right));
    sim.advance(24h);
    EXPECT_FALSE(left.ended());
    EXPECT_FALSE(right.ended());
    EXPECT_THAT(seen, ElementsAre());
    EXPECT_EQ(left.info().messages_received + left.info().messages_sent, 0U);
    EXPECT_TRUE(left.info().round_trip || right.info().round_trip);
}

TEST(ConnectionHeartbeat, IsAnsweredBetweenFramesAndInBatches)
{
    for (const bool batches : {false, true}) {
        simulation sim;
        wired w(sim, lines());
        std::vector<std::string> seen;
        auto one_by_one = [&]() -> task<> {
            while (auto frame = co_await w.subject.receive()) {
                seen.push_back(to_string(*frame));
            }
        };
        auto all_at_once = [&]() -> task<> {
            while (auto frames = co_await w.subject.receive_batch()) {
                for (const bytes frame : *frames) {
                    seen.push_back(to_string(frame));
                }
            }
        };
        sim.start(batches ? all_at_once() : one_by_one());
        sim.start(send_all(w.wire, {"ping\na\nping\nping\nb\npong\nc\nping\n"}));
        sim.settle();
        sim.start(
            send_all(w.wire, {"ping\nping\nping\nping\nping\nping\nping\nping\nping\nd\npi"}));
        sim.settle();
        sim.start(send_all(w.wire, {"ng\ne\n"}));
        sim.settle();
        EXPECT_THAT(seen, ElementsAre("a", "b", "c", "d", "e"));
        EXPECT_EQ(w.subject.info().messages_received, 5U);
        EXPECT_EQ(w.pair.forward_bytes(), 14 * std::string("pong\n").size());
    }
}

/// As short as a heartbeat, shorter and longer, before, between and behind them, in pieces of any size.
TEST(ConnectionHeartbeat, IsToldFromMessagesOfAnySize)
{
    const std::vector<std::string> spoken{"a",    "ping", "hello",       "",     "abcd",
                                          "ping", "pong", "pings",       "ping", "ping",
                                          "x",    "ping", "longer words"};
    std::string sent;
    std::vector<std::string> messages;
    std::size_t pings = 0;
    for (int i = 0; i < 5; ++i) {
        for (const std::string& word : spoken) {
            sent += std::string(3, '\0') + static_cast<char>(word.size()) + word;
            pings += word == "ping" ? 1 : 0;
            if (word != "ping" && word != "pong") {
                messages.push_back(word);
            }
        }
    }
    for (const bool batches : {false, true}) {
        for (const bool busy : {false, true}) {
            for (const std::size_t piece :
                 {std::size_t{1}, std::size_t{7}, std::size_t{50}, sent.size()}) {
                SCOPED_TRACE(piece);
                simulation sim;
                wired w(sim, {.framing = length_prefix{}, .heartbeat = words});
                std::vector<std::string> seen;
                auto session = [&]() -> task<> {
                    for (;;) {
                        if (batches) {
                            const auto frames = co_await checked(w.subject.receive_batch());
                            for (const bytes frame : frames) {
                                seen.push_back(to_string(frame));
                            }
                        } else {
                            seen.push_back(to_string(co_await checked(w.subject.receive())));
                        }
                        if (busy) {
                            co_await checked(sleep_for(40s));
                        }
                    }
                };
                sim.start(session());
                for (std::size_t at = 0; at < sent.size(); at += piece) {
                    sim.start(send_all(w.wire, {sent.substr(at, piece)}));
                    sim.settle();
                }
                sim.advance(busy ? 1h : 1s);
                EXPECT_EQ(seen, messages);
                EXPECT_EQ(w.subject.info().messages_received, messages.size());
                EXPECT_GE(w.pair.forward_bytes(), pings * (4 + 4));
            }
        }
    }
}

TEST(ConnectionHeartbeat, IsAnsweredWhileTheSessionIsBusy)
{
    simulation sim;
    wired w(sim, lines());
    std::string kept;
    auto session = [&]() -> task<> {
        const bytes first = co_await checked(w.subject.receive());
        co_await checked(sleep_for(10min));
        kept = to_string(first);  // the view is still good
        const bytes second = co_await checked(w.subject.receive());
        kept += to_string(second);
        co_await checked(sleep_for(1h));
    };
    sim.start(session());
    sim.start(send_all(w.wire, {"first\n"}));
    sim.settle();
    for (int i = 0; i < 20; ++i) {  // the peer speaks every 30 s
        sim.advance(30s);
        sim.start(send_all(w.wire, {"ping\n"}));
        sim.settle();
    }
    sim.start(send_all(w.wire, {"second\n"}));
    sim.advance(1min);
    EXPECT_FALSE(w.subject.ended());
    EXPECT_EQ(kept, "firstsecond");
    EXPECT_GE(w.pair.forward_bytes(), 19 * std::string("pong\n").size());
}

TEST(ConnectionHeartbeat, APeerThatDiesWhileTheSessionIsBusyIsNoticed)
{
    simulation sim;
    wired w(sim, lines());
    auto session = [&]() -> task<> {
        co_await checked(w.subject.receive());
        co_await checked(sleep_for(10min));
    };
    sim.start(session());
    sim.start(send_all(w.wire, {"first\n"}));
    sim.settle();
    sim.advance(130s);
    EXPECT_EQ(w.subject.ended(), error::heartbeat_timeout);
}

TEST(ConnectionHeartbeat, InputThatWaitsForTheSessionIsASignOfLife)
{
    simulation sim;
    wired w(sim, lines());
    auto session = [&]() -> task<> { co_await checked(sleep_for(10min)); };
    sim.start(session());
    sim.start(send_all(w.wire, {"unread\n"}));
    sim.advance(9min);
    EXPECT_FALSE(w.subject.ended());
}

/// It cannot read what its peer asks, so it speaks unasked.
TEST(ConnectionHeartbeat, ABusySessionWithUnreadInputStaysAliveInItsPeersEyes)
{
    simulation sim;
    auto [busy, other] = sim.connect(lines(), lines());
    auto session = [](connection& c) -> task<> {
        co_await checked(sleep_for(10min));
        EXPECT_EQ(as_text(co_await checked(c.receive())), "unread");
    };
    sim.start(session(busy));
    sim.start(swallow(other));
    sim.start(send_all(other, {"unread"}));
    sim.advance(9min);
    EXPECT_FALSE(busy.ended());
    EXPECT_FALSE(other.ended());
    sim.advance(2min);
    EXPECT_EQ(busy.info().messages_received, 1U);
}

TEST(ConnectionHeartbeat, IsNoActivity)
{
    simulation sim;
    connection_options options = lines();
    options.idle_timeout = 5min;
    wired w(sim, options);
    sim.start(swallow(w.subject));
    for (int i = 0; i < 9; ++i) {
        sim.advance(30s);
        sim.start(send_all(w.wire, {"ping\n"}));
    }
    sim.advance(30s - 1ms);
    EXPECT_FALSE(w.subject.ended());
    sim.advance(1ms);
    EXPECT_EQ(w.subject.ended(), error::idle_timeout);
}

TEST(ConnectionHeartbeat, EmptyFramesAreAnsweredByNothing)
{
    simulation sim;
    wired w(sim, {.heartbeat = heartbeat{}});
    sim.start(swallow(w.subject));
    sim.start(send_all(w.wire, {std::string("\0\0\0\0\0\0\0\1x\0\0\0\0", 13)}));
    sim.settle();
    EXPECT_EQ(w.subject.info().messages_received, 1U);
    EXPECT_EQ(w.pair.forward_bytes(), 0U);
    sim.advance(30s);
    EXPECT_EQ(w.pair.forward_bytes(), 4U);
}

TEST(ConnectionHeartbeat, IdleTimeGoesOnAfterIt)
{
    simulation sim;
    wired w(sim, lines());
    sim.start(swallow(w.subject));
    sim.start(send_all(w.wire, {"pong\n"}));
    sim.advance(10s);
    EXPECT_EQ(w.subject.info().idle, 10s);
}

TEST(ConnectionHeartbeat, MeasuresTheRoundTrip)
{
    simulation sim;
    wired w(sim, lines());
    sim.start(swallow(w.subject));
    sim.advance(30s + 7ms);
    sim.start(send_all(w.wire, {"pong\n"}));
    sim.settle();
    EXPECT_EQ(w.subject.info().round_trip, 7ms);
}

/// A flood of questions grows no queue of answers.
TEST(ConnectionHeartbeat, AnswersNoFurtherThanTheHighWaterMark)
{
    simulation sim;
    connection_options options = lines();
    options.high_water_mark = 1000;
    options.send_timeout = never;
    wired w(sim, options, {.capacity = 10});
    sim.start(swallow(w.subject));
    for (int i = 0; i < 100; ++i) {
        std::string flood;
        for (int k = 0; k < 100; ++k) {
            flood += "ping\n";
        }
        sim.start(send_all(w.wire, {flood}));
        sim.settle();
    }
    EXPECT_LE(w.subject.info().unsent, 1000 + 5U);
    EXPECT_FALSE(w.subject.ended());
}

/// The answer fills the output, so it leaves at once, and the peer turns out to be gone.
TEST(ConnectionHeartbeat, AnAnswerThatBreaksTheConnectionHandsOutNothingMore)
{
    for (const bool batches : {false, true}) {
        simulation sim;
        connection_options options = lines();
        options.high_water_mark = 1;
        wired w(sim, options, {.break_after = 0});
        sim.start(send_all(w.wire, {"ping\na\nb\n"}));
        if (batches) {
            auto all = [&]() -> task<std::size_t> {
                co_return (co_await checked(w.subject.receive_batch())).size();
            };
            EXPECT_EQ(sim.run(all()).error(), boost::system::errc::broken_pipe);
        } else {
            EXPECT_EQ(sim.run(receive_text(w.subject)).error(), boost::system::errc::broken_pipe);
        }
        EXPECT_EQ(w.subject.info().messages_received, 0U);
        EXPECT_TRUE(w.subject.ended());
    }
}

TEST(ConnectionHeartbeat, AFunctionMayTellAndMayThrow)
{
    simulation sim;
    wired w(sim, lines(heartbeat{.pong = "here", .recognise = [](bytes payload) {
                                     if (as_text(payload) == "bad") {
                                         throw std::runtime_error("what is this?");
                                     }
                                     return as_text(payload).starts_with("ping ") ? beat::ping
                                                                                  : beat::none;
                                 }}));
    sim.start(send_all(w.wire, {"ping 17\nbad\n"}));
    EXPECT_EQ(sim.run(receive_text(w.subject)).value(), "bad");
    sim.settle();
    EXPECT_EQ(w.pair.forward_bytes(), 5U);
}

}  // namespace
