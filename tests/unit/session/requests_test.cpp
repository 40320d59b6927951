#include <libnet/session/request_session.hpp>

#include <libnet/testing/for_each_fault.hpp>
#include <libnet/testing/simulation.hpp>

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace libnet {
namespace {

using namespace std::chrono_literals;
using testing::for_each_step;
using testing::simulation;

using texts = requests<std::string>;

/// What a call ended with; empty while it goes on.
using answer = std::optional<result<std::string>>;

task<> keep(task<std::string> call, answer& into)
{
    into = co_await std::move(call);
}

std::string shown(const answer& a)
{
    return !a ? "..." : a->has_value() ? **a : a->error().message();
}

std::string text(error e)
{
    return make_error_code(e).message();
}

/// A session in the hands of a test: takes one ticket when it is told.
struct hand {
    explicit hand(texts& calls) : line(calls.open()) {}
    texts::line line;
    std::vector<texts::ticket> tickets;
};

task<> take(hand& h)
{
    auto next = h.line.next();
    h.tickets.push_back(co_await checked(std::move(next)));
}

TEST(Requests, ACallEndsWithItsAnswer)
{
    simulation sim;
    texts calls;
    hand session(calls);
    answer got;
    sim.start(keep(calls.call("apple"), got));
    sim.start(take(session));
    sim.settle();
    ASSERT_EQ(session.tickets.size(), 1U);
    EXPECT_EQ(session.tickets.front().request(), "apple");
    EXPECT_TRUE(session.tickets.front().wanted());
    EXPECT_EQ(calls.stats().in_flight, 1U);
    session.tickets.front().answer("a fruit");
    EXPECT_FALSE(session.tickets.front().wanted());
    session.tickets.front().answer("again");  // too late
    sim.settle();
    EXPECT_EQ(shown(got), "a fruit");
    EXPECT_EQ(calls.stats().answered, 1U);
    EXPECT_EQ(calls.stats().in_flight, 0U);
}

TEST(Requests, TheSessionMayBeThereFirst)
{
    simulation sim;
    texts calls;
    hand session(calls);
    sim.start(take(session));
    sim.settle();
    answer got;
    sim.start(keep(calls.call("apple"), got));
    sim.settle();
    ASSERT_EQ(session.tickets.size(), 1U);
    session.tickets.front().fail(error::closed);
    sim.settle();
    EXPECT_EQ(shown(got), text(error::closed));
}

TEST(Requests, CallsAreTakenInTheOrderInWhichTheyWereMade)
{
    simulation sim;
    texts calls;
    hand session(calls);
    std::vector<answer> got(3);
    for (std::size_t i = 0; i < got.size(); ++i) {
        sim.start(keep(calls.call(std::to_string(i)), got[i]));
    }
    for (std::size_t i = 0; i < got.size(); ++i) {
        sim.start(take(session));
    }
    sim.settle();
    ASSERT_EQ(session.tickets.size(), 3U);
    for (std::size_t i = 0; i < got.size(); ++i) {
        EXPECT_EQ(session.tickets[i].request(), std::to_string(i));
    }
}

TEST(Requests, WithoutALineACallWaitsForItsOwnDeadline)
{
    simulation sim;
    texts calls;
    answer got;
    sim.start(keep(calls.call("apple", {.timeout = 3s}), got));
    sim.advance(2999ms);
    EXPECT_EQ(shown(got), "...");
    EXPECT_EQ(calls.stats().waiting, 1U);
    sim.advance(1ms);
    EXPECT_EQ(shown(got), text(error::call_timeout));
    EXPECT_EQ(calls.stats().waiting, 0U);
    EXPECT_EQ(calls.stats().failed, 1U);
}

TEST(Requests, ADeadlineOfTheCallersOwnIsATimeout)
{
    simulation sim;
    texts calls;
    EXPECT_EQ(sim.run(detail::lift(within(1s, calls.call("apple")))).error(), error::timeout);
}

TEST(Requests, OrItFailsAtOnceIfItWasNotToWait)
{
    simulation sim;
    texts calls({.call = {.when_offline = offline::fail}});
    EXPECT_EQ(sim.run(calls.call("apple")).error(), error::not_connected);

    // Also when the line ends before anybody has taken it.
    answer got;
    {
        hand session(calls);
        sim.start(keep(calls.call("apple"), got));
        sim.settle();
        EXPECT_EQ(shown(got), "...");
    }
    sim.settle();
    EXPECT_EQ(shown(got), text(error::not_connected));
}

TEST(Requests, OneThatWaitsGoesToTheNextSession)
{
    simulation sim;
    texts calls;
    answer got;
    {
        hand dead(calls);
        sim.start(keep(calls.call("apple"), got));
        sim.settle();
    }
    hand session(calls);
    sim.start(take(session));
    sim.settle();
    ASSERT_EQ(session.tickets.size(), 1U);
    session.tickets.front().answer("a fruit");
    sim.settle();
    EXPECT_EQ(shown(got), "a fruit");
}

TEST(Requests, WhatWasUnderWayIsLostWithItsSession)
{
    simulation sim;
    texts calls;
    answer got;
    {
        hand session(calls);
        sim.start(keep(calls.call("transfer"), got));
        sim.start(take(session));
        sim.settle();
        ASSERT_EQ(session.tickets.size(), 1U);
    }
    sim.settle();
    EXPECT_EQ(shown(got), text(error::connection_lost));
    EXPECT_EQ(calls.stats().repeated, 0U);
}

TEST(Requests, UnlessItMayBeRepeatedAndThenItKeepsItsPlace)
{
    simulation sim;
    texts calls({.call = {.when_lost = loss::repeat}});
    std::vector<answer> got(3);
    {
        hand session(calls);
        for (std::size_t i = 0; i < got.size(); ++i) {
            sim.start(keep(calls.call(std::to_string(i)), got[i]));
        }
        sim.start(take(session));
        sim.start(take(session));
        sim.settle();
        ASSERT_EQ(session.tickets.size(), 2U);
    }
    hand session(calls);
    for (std::size_t i = 0; i < got.size(); ++i) {
        sim.start(take(session));
    }
    sim.settle();
    ASSERT_EQ(session.tickets.size(), 3U);
    for (std::size_t i = 0; i < got.size(); ++i) {
        EXPECT_EQ(session.tickets[i].request(), std::to_string(i));
    }
    EXPECT_EQ(calls.stats().repeated, 2U);
}

TEST(Requests, OneThatHasNotLeftMayBePutBackWhateverItIs)
{
    simulation sim;
    texts calls;
    answer got;
    sim.start(keep(calls.call("transfer"), got));
    {
        hand session(calls);
        sim.start(take(session));
        sim.settle();
        session.tickets.front().put_back();
    }
    EXPECT_EQ(calls.stats().waiting, 1U);
    hand session(calls);
    sim.start(take(session));
    sim.settle();
    ASSERT_EQ(session.tickets.size(), 1U);
    EXPECT_EQ(session.tickets.front().request(), "transfer");
    EXPECT_EQ(calls.stats().repeated, 0U);
}

TEST(Requests, TheAnswerToACallThatWasGivenUpIsDropped)
{
    simulation sim;
    texts calls;
    hand session(calls);
    answer got;
    sim.start(keep(calls.call("slow", {.timeout = 1s}), got));
    sim.start(take(session));
    sim.advance(1s);
    EXPECT_EQ(shown(got), text(error::call_timeout));
    EXPECT_FALSE(session.tickets.front().wanted());
    session.tickets.front().answer("late");
    session.tickets.clear();
    EXPECT_EQ(calls.stats().in_flight, 0U);
    EXPECT_EQ(calls.stats().answered, 0U);
}

TEST(Requests, AboveTheLimitACallIsRefusedAtOnce)
{
    simulation sim;
    texts calls({.limit = 1});
    answer got;
    sim.start(keep(calls.call("a"), got));
    sim.settle();
    EXPECT_EQ(sim.run(calls.call("b")).error(), error::limit_reached);
    EXPECT_EQ(shown(got), "...");
}

TEST(Requests, ClosedTheyFailWhatWaitsAndWhatComes)
{
    simulation sim;
    texts calls({.call = {.when_lost = loss::repeat}});
    hand session(calls);
    std::vector<answer> got(2);
    sim.start(keep(calls.call("taken"), got[0]));
    sim.start(take(session));
    sim.settle();
    sim.start(keep(calls.call("waiting"), got[1]));
    sim.settle();
    calls.close(error::circuit_open);
    sim.settle();
    EXPECT_EQ(shown(got[0]), "...");  // its session may still answer
    EXPECT_EQ(shown(got[1]), text(error::circuit_open));
    EXPECT_EQ(sim.run(calls.call("late")).error(), error::circuit_open);
    session.tickets.clear();
    sim.settle();
    EXPECT_EQ(shown(got[0]), text(error::circuit_open));
}

TEST(Requests, DestroyedTheyEndTheCallsThatWait)
{
    simulation sim;
    answer got;
    auto calls = std::make_unique<texts>();
    sim.start(keep(calls->call("apple"), got));
    sim.settle();
    calls.reset();
    sim.settle();
    EXPECT_EQ(shown(got), text(error::cancelled));
}

TEST(Requests, SeveralSessionsShareThem)
{
    simulation sim;
    texts calls;
    hand first(calls);
    hand second(calls);
    EXPECT_EQ(calls.stats().lines, 2U);
    sim.start(take(first));
    sim.start(take(second));
    sim.settle();
    std::vector<answer> got(2);
    sim.start(keep(calls.call("a"), got[0]));
    sim.start(keep(calls.call("b"), got[1]));
    sim.settle();
    EXPECT_EQ(first.tickets.size(), 1U);
    EXPECT_EQ(second.tickets.size(), 1U);
}

// -- whole sessions

task<> answer_with_echo(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send("re: " + to_string(*frame));
    }
}

TEST(Pipelined, AnswersInOrderWithoutWaitingForEach)
{
    simulation sim;
    auto [ours, theirs] = sim.connect();
    sim.serve(theirs, answer_with_echo);
    texts calls;
    sim.start(pipelined(ours, calls));
    std::vector<answer> got(100);
    for (std::size_t i = 0; i < got.size(); ++i) {
        sim.start(keep(calls.call(std::to_string(i)), got[i]));
    }
    sim.settle();
    for (std::size_t i = 0; i < got.size(); ++i) {
        EXPECT_EQ(shown(got[i]), "re: " + std::to_string(i));
    }
}

// So there is never a moment in which nothing is to be remembered.
TEST(Pipelined, AnswersInOrderHoweverLongSomethingIsUnderWay)
{
    simulation sim;
    auto [ours, theirs] = sim.connect();
    texts calls;
    sim.start(pipelined(ours, calls));
    std::vector<answer> got(1000);
    std::size_t called = 0;
    const auto call = [&] {
        sim.start(keep(calls.call(std::to_string(called)), got[called]));
        ++called;
        sim.settle();
    };
    const auto answer_one = [&] {
        const std::string request = to_string(sim.run(theirs.receive()).value());
        (void)sim.run(theirs.send("re: " + request));
        sim.settle();
    };
    for (int i = 0; i < 3; ++i) {
        call();
    }
    for (std::size_t i = 0; i < got.size(); ++i) {
        answer_one();
        ASSERT_EQ(shown(got[i]), "re: " + std::to_string(i));
        if (called < got.size()) {
            call();
            ASSERT_EQ(calls.stats().in_flight, 3U);
        }
    }
}

TEST(Pipelined, LimitsWhatIsInFlight)
{
    simulation sim;
    auto [ours, theirs] = sim.connect();
    texts calls;
    sim.start(pipelined(ours, calls, plain_codec{}, {.in_flight = 2}));
    std::vector<answer> got(3);
    for (std::size_t i = 0; i < got.size(); ++i) {
        sim.start(keep(calls.call(std::to_string(i)), got[i]));
    }
    sim.settle();
    EXPECT_EQ(calls.stats().in_flight, 2U);
    EXPECT_EQ(calls.stats().waiting, 1U);
    sim.serve(theirs, answer_with_echo);
    sim.settle();
    EXPECT_EQ(shown(got[2]), "re: 2");
}

TEST(Pipelined, LeavesAServerThatDoesNotAnswer)
{
    simulation sim;
    auto [ours, theirs] = sim.connect();
    texts calls;
    sim.start(pipelined(ours, calls, plain_codec{}, {.answer_timeout = 5s}));
    sim.advance(1h);
    EXPECT_EQ(sim.outcome(0), std::nullopt);  // nothing is due
    answer got;
    sim.start(keep(calls.call("hello", {.timeout = never}), got));
    sim.advance(4999ms);
    EXPECT_EQ(shown(got), "...");
    sim.advance(1ms);
    EXPECT_EQ(shown(got), text(error::connection_lost));
    ASSERT_NE(sim.outcome(0), std::nullopt);
    EXPECT_EQ(sim.outcome(0)->error(), error::call_timeout);
}

TEST(Pipelined, RefusesAnAnswerToNothing)
{
    simulation sim;
    auto [ours, theirs] = sim.connect();
    texts calls;
    sim.start(pipelined(ours, calls));
    (void)sim.run(theirs.send("who asked?"));
    sim.settle();
    ASSERT_NE(sim.outcome(0), std::nullopt);
    EXPECT_EQ(sim.outcome(0)->error(), error::malformed_frame);
    EXPECT_EQ(ours.ended(), error::malformed_frame);
}

TEST(Pipelined, APayloadThatCannotBeSentFailsAlone)
{
    simulation sim;
    auto [ours, theirs] = sim.connect({.framing = length_prefix({.max_frame = 8})});
    sim.serve(theirs, [](connection& peer) -> task<> {
        while (auto frame = co_await peer.receive()) {
            co_await peer.send(*frame);
        }
    });
    texts calls;
    sim.start(pipelined(ours, calls));
    EXPECT_EQ(sim.run(calls.call("far too long for it")).error(), error::frame_too_large);
    EXPECT_EQ(sim.run(calls.call("short")).value(), "short");
}

/// "number text", answered last first.
struct numbering {
    static std::string encode(const std::string& request, std::uint64_t number)
    {
        return std::to_string(number) + ' ' + request;
    }
    static result<std::pair<std::uint64_t, std::string>> decode(bytes frame)
    {
        const std::string content = to_string(frame);
        const std::size_t blank = content.find(' ');
        if (blank == std::string::npos) {
            return error::malformed_frame;
        }
        return std::pair(std::stoull(content.substr(0, blank)), content.substr(blank + 1));
    }
};

TEST(Multiplexed, AnswersInAnyOrder)
{
    simulation sim;
    auto [ours, theirs] = sim.connect();
    sim.serve(theirs, [](connection& peer) -> task<> {
        std::vector<std::string> asked;
        while (asked.size() < 3) {
            asked.push_back(to_string(co_await checked(peer.receive())));
        }
        while (!asked.empty()) {
            co_await peer.send(asked.back());
            asked.pop_back();
        }
    });
    texts calls;
    sim.start(multiplexed(ours, calls, numbering{}));
    std::vector<answer> got(3);
    for (std::size_t i = 0; i < got.size(); ++i) {
        sim.start(keep(calls.call("call " + std::to_string(i)), got[i]));
    }
    sim.settle();
    for (std::size_t i = 0; i < got.size(); ++i) {
        EXPECT_EQ(shown(got[i]), "call " + std::to_string(i));
    }
}

TEST(Multiplexed, ALateAnswerIsPassedOverAndOneToNothingIsNot)
{
    simulation sim;
    auto [ours, theirs] = sim.connect();
    texts calls;
    sim.start(multiplexed(ours, calls, numbering{}, {.in_flight = 1}));
    EXPECT_EQ(sim.run(calls.call("a", {.timeout = 1s})).error(), error::call_timeout);
    answer got;
    sim.start(keep(calls.call("b"), got));  // takes the place of the one that was given up
    sim.settle();
    (void)sim.run(theirs.send("0 late"));
    (void)sim.run(theirs.send("1 b"));
    sim.settle();
    EXPECT_EQ(shown(got), "b");
    (void)sim.run(theirs.send("7 what?"));
    sim.settle();
    ASSERT_NE(sim.outcome(0), std::nullopt);
    EXPECT_EQ(sim.outcome(0)->error(), error::malformed_frame);
}

/// Whatever is cancelled and when, a call ends, and nothing is left in the books.
TEST(Pipelined, EveryCallEndsWhereverItIsCut)
{
    const std::size_t steps = for_each_step([](std::size_t n) {
        SCOPED_TRACE(n);
        simulation sim;
        auto [ours, theirs] = sim.connect();
        sim.serve(theirs, answer_with_echo);
        texts calls;
        std::vector<answer> got(3);
        sim.start(pipelined(ours, calls, plain_codec{}, {.in_flight = 2}));
        for (std::size_t i = 0; i < got.size(); ++i) {
            sim.start(keep(calls.call(std::to_string(i)), got[i]));
        }
        while (n > 0 && sim.step()) {
            --n;
        }
        sim.cancel();
        sim.settle();
        for (const answer& a : got) {
            EXPECT_NE(shown(a), "...");
        }
        EXPECT_EQ(calls.stats().lines, 0U);
        EXPECT_EQ(calls.stats().waiting + calls.stats().in_flight, 0U);
        EXPECT_EQ(calls.stats().answered + calls.stats().failed, 3U);
        return n == 0;
    });
    EXPECT_GT(steps, 10U);
}

TEST(Pipelined, EveryCallEndsWhateverTheStreamDoes)
{
    testing::for_each_fault([](const testing::fault& f) {
        SCOPED_TRACE(f.describe());
        simulation sim;
        auto [ours, theirs] = sim.connect({}, {}, f.forward, f.backward);
        sim.serve(theirs, answer_with_echo);
        texts calls;
        std::vector<answer> got(3);
        sim.start(pipelined(ours, calls));
        for (std::size_t i = 0; i < got.size(); ++i) {
            sim.start(keep(calls.call(std::to_string(i), {.timeout = 10s}), got[i]));
        }
        sim.advance(10s);
        for (std::size_t i = 0; i < got.size(); ++i) {
            const std::string ended = shown(got[i]);
            EXPECT_TRUE(ended == "re: " + std::to_string(i) ||
                        ended == text(error::connection_lost) || ended == text(error::call_timeout))
                << ended;
        }
        sim.advance(2min);
        EXPECT_EQ(calls.stats().lines, f.struck() ? 0U : calls.stats().lines);
    });
}

}  // namespace
}  // namespace libnet
