#include "support/scripted_network.hpp"

#include <libnet/runtime/within.hpp>
#include <libnet/session/client.hpp>
#include <libnet/session/request_session.hpp>
#include <libnet/testing/for_each_fault.hpp>

#include <gmock/gmock.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace libnet {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using tests::scripted_network;
namespace errc = boost::system::errc;

const char* const where = "192.0.2.1:80";

task<> echo_all(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

/// Receives until the connection ends.
task<> listen_only(connection& peer)
{
    while (auto frame = co_await peer.receive()) {}
}

struct Client : ::testing::Test {
    Client() { net.serve = echo_all; }

    client_options noting(client_options options = {})
    {
        options.on_event = [this](const client_event& e) { events.push_back(e); };
        options.on_end = [this](const error_code& why) { ends.push_back(why); };
        return options;
    }

    std::vector<std::string> told() const
    {
        std::vector<std::string> texts;
        for (const client_event& e : events) {
            texts.push_back(e.text());
        }
        return texts;
    }

    std::size_t count(client_event::kind what) const
    {
        std::size_t n = 0;
        for (const client_event& e : events) {
            n += e.what == what ? 1 : 0;
        }
        return n;
    }

    testing::simulation sim;
    scripted_network net{sim};
    std::vector<client_event> events;
    std::vector<error_code> ends;
};

TEST_F(Client, RunsASessionOverAConnection)
{
    std::string answer;
    const auto ask_once = [&](connection& peer) -> task<after_session> {
        co_await checked(peer.send("hello"));
        answer = to_string(co_await checked(peer.receive()));
        co_return after_session::finished;
    };
    client subject(where, ask_once, noting());
    EXPECT_TRUE(sim.run(subject.run()));
    EXPECT_EQ(answer, "hello");
    EXPECT_THAT(told(), ElementsAre("connecting to 192.0.2.1:80",
                                    StartsWith("connected to 192.0.2.1:80"),
                                    "the session with 192.0.2.1:80 has ended: closed in order; "
                                    "no other attempt",
                                    "done with 192.0.2.1:80"));
    EXPECT_THAT(ends, ElementsAre(error_code()));
    EXPECT_EQ(subject.stats().attempts, 1U);
    EXPECT_EQ(subject.stats().sessions, 1U);
    EXPECT_FALSE(subject.stats().connected);
}

TEST_F(Client, ThrowsForTextThatIsNoEndpoint)
{
    EXPECT_THROW(client("nonsense", listen_only), boost::system::system_error);
    EXPECT_THROW(client(where, listen_only, {.backoff = {.first = -1s}}), std::invalid_argument);
}

TEST_F(Client, ConnectsAgainWhenTheServerEndsTheConnection)
{
    net.serve = [](connection& peer) -> task<> { co_await peer.send("and goodbye"); };
    client subject(where, listen_only, noting());
    sim.start(subject.run());
    sim.advance(1min);
    EXPECT_GT(net.connected, 5);
    EXPECT_EQ(sim.running(), 1U);
    EXPECT_EQ(count(client_event::kind::ended), static_cast<std::size_t>(net.connected));
    EXPECT_THAT(events[2].text(), StartsWith("the session with 192.0.2.1:80 has ended: closed in "
                                             "order; again in "));
    EXPECT_GT(subject.stats().failures, 3U);
}

TEST_F(Client, SessionsThatLastForgetWhatFailedBefore)
{
    net.serve = [](connection&) -> task<> { co_await checked(sleep_for(61s)); };
    client subject(where, listen_only, noting());
    sim.start(subject.run());
    sim.advance(20min);
    EXPECT_EQ(subject.stats().failures, 1U);
    for (const client_event& e : events) {
        EXPECT_LE(e.pause.value_or(0s), 100ms);
    }
    EXPECT_GE(net.connected, 19);
}

TEST_F(Client, BacksOffWhileNobodyAnswers)
{
    net.usual = net.refused();
    client subject(where, listen_only, noting());
    sim.start(subject.run());
    sim.advance(1h);
    // Up to 100 ms, 200 ms, ... 30 s: some 13 s for the first nine, then 15 s on average.
    EXPECT_GT(net.attempts.size(), 180U);
    EXPECT_LT(net.attempts.size(), 320U);
    EXPECT_THAT(events[1].text(),
                StartsWith("cannot connect to 192.0.2.1:80: Connection refused (192.0.2.1:80); "
                           "again in "));
    net.usual = net.answered();
    sim.advance(30s);
    EXPECT_TRUE(subject.stats().connected);
}

TEST_F(Client, GivesUpAfterAsManyAttemptsAsItWasTold)
{
    net.hosts["example.org"] = {"2001:db8::1", "192.0.2.1"};
    net.fates["2001:db8::1"] = net.unreachable();
    net.usual = net.refused();
    client subject("example.org:80", listen_only, noting({.backoff = {.give_up_after = 3}}));
    EXPECT_EQ(sim.run(subject.run()).error(), errc::connection_refused);
    EXPECT_EQ(count(client_event::kind::connecting), 3U);
    EXPECT_THAT(told().at(5), "cannot connect to example.org:80: Connection refused ("
                              "[2001:db8::1]:80: Network is unreachable; "
                              "192.0.2.1:80: Connection refused); no other attempt");
    EXPECT_EQ(told().back(), "done with example.org:80: Connection refused");
    EXPECT_THAT(ends, ElementsAre(make_error_code(errc::connection_refused)));
}

TEST_F(Client, AnAttemptEndsAfterItsTimeout)
{
    net.usual = net.silent();
    client subject(where, listen_only, noting({.backoff = {.give_up_after = 2}}));
    EXPECT_EQ(sim.run(subject.run()).error(), error::connect_timeout);
    EXPECT_GE(net.elapsed(), 3000 + 2000 + 3000);  // a pause of a third of its length at least
    EXPECT_LE(net.elapsed(), 3000 + 6000 + 3000);
}

TEST_F(Client, ASessionThatFailsIsTriedAgain)
{
    int sessions = 0;
    const auto failing = [&](connection&) -> task<after_session> {
        ++sessions;
        co_return error::checksum_mismatch;
    };
    client subject(where, failing, noting({.backoff = {.give_up_after = 2}}));
    EXPECT_EQ(sim.run(subject.run()).error(), error::checksum_mismatch);
    EXPECT_EQ(sessions, 2);
}

TEST_F(Client, WhatASessionThrowsLeavesRun)
{
    const auto throwing = [](connection&) -> task<> {
        throw std::logic_error("a mistake");
        co_return;
    };
    client subject(where, throwing, noting());
    EXPECT_THROW((void)sim.run(subject.run()), std::logic_error);
    EXPECT_EQ(ends.size(), 1U);
    EXPECT_EQ(net.under_way, 0);
}

TEST_F(Client, StopLetsTheSessionFinish)
{
    bool finished = false;
    const auto session = [&](connection& peer) -> task<> {
        const auto frame = co_await peer.receive();
        EXPECT_EQ(frame.error(), error::draining);
        co_await checked(sleep_for(1s));  // the end of what it was about
        finished = true;
    };
    client subject(where, session, noting());
    sim.start(subject.run());
    sim.settle();
    EXPECT_TRUE(subject.stats().connected);
    subject.stop();
    sim.advance(999ms);
    EXPECT_FALSE(finished);
    sim.advance(1ms);
    EXPECT_TRUE(finished);
    ASSERT_TRUE(sim.outcome(0));
    EXPECT_TRUE(sim.outcome(0)->has_value());
    EXPECT_THAT(ends, ElementsAre(error_code()));
}

TEST_F(Client, ButNotForLongerThanTheDrainTimeout)
{
    const auto stubborn = [](connection&) -> task<> { co_await checked(sleep_for(never)); };
    client subject(where, stubborn, noting());
    sim.start(subject.run());
    sim.settle();
    subject.stop();
    sim.advance(4999ms);
    EXPECT_FALSE(sim.outcome(0));
    sim.advance(1ms);
    sim.settle();
    EXPECT_TRUE(sim.outcome(0));
    EXPECT_EQ(events[2].why, error::drain_timeout);
}

TEST_F(Client, StopEndsAnAttemptAndAPauseAtOnce)
{
    for (const auto fate : {net.silent(), net.refused()}) {
        net.usual = fate;
        client subject(where, listen_only, {.backoff = {.first = 1h, .longest = 1h}});
        sim.start(subject.run());
        sim.advance(100ms);
        const time_point before = sim.now();
        subject.stop();
        sim.settle();
        EXPECT_EQ(sim.now(), before);
        EXPECT_EQ(sim.running(), 0U);
        EXPECT_EQ(net.under_way, 0);
    }
}

TEST_F(Client, StoppedBeforeItRunsItDoesNotBegin)
{
    client subject(where, listen_only, noting());
    subject.stop();
    EXPECT_TRUE(sim.run(subject.run()));
    EXPECT_TRUE(net.attempts.empty());
    EXPECT_EQ(ends.size(), 1U);
}

TEST_F(Client, StopMayComeFromAnotherThread)
{
    client subject(where, listen_only, noting());
    sim.start(subject.run());
    sim.settle();
    std::thread([&] { subject.stop(); }).join();
    sim.settle();
    EXPECT_EQ(sim.running(), 0U);
}

TEST_F(Client, CancelIsAStopThatIsToldAsSuch)
{
    client subject(where, listen_only, noting());
    sim.start(subject.run());
    sim.settle();
    sim.cancel();
    sim.settle();
    ASSERT_TRUE(sim.outcome(0));
    EXPECT_EQ(sim.outcome(0)->error(), error::cancelled);
    EXPECT_EQ(events[2].what, client_event::kind::ended);
    EXPECT_EQ(events[2].why, error::closed);
    EXPECT_EQ(events[3].why, error::cancelled);
}

TEST_F(Client, ADeadlineAroundItEndsIt)
{
    net.usual = net.refused();
    client subject(where, listen_only, noting());
    const time_point before = sim.now();
    EXPECT_EQ(sim.run(detail::lift(within(10s, subject.run()))).error(), error::timeout);
    EXPECT_EQ(sim.now() - before, 10s);

    net.usual = net.silent();
    client other(where, listen_only, noting());
    EXPECT_EQ(sim.run(detail::lift(within(10s, other.run()))).error(), error::timeout);
    EXPECT_EQ(sim.now() - before, 20s);
}

task<std::string> say(client& subject, std::string text)
{
    auto waiting = subject.connected();
    const connection_handle line = co_await checked(std::move(waiting));
    co_await checked(line.send(text));
    co_return "said";
}

TEST_F(Client, LendsAHandleOfTheConnection)
{
    net.usual = net.refused();
    std::vector<std::string> heard;
    const auto listening = [&](connection& peer) -> task<> {
        while (auto frame = co_await peer.receive()) {
            heard.push_back(to_string(*frame));
        }
    };
    client subject(where, listening, noting());
    EXPECT_EQ(sim.run(detail::lift(within(1s, say(subject, "too early")))).error(), error::timeout);
    sim.start(subject.run());
    sim.advance(1s);
    net.usual = net.answered();
    EXPECT_EQ(sim.run(say(subject, "hello")).value(), "said");
    sim.settle();
    EXPECT_THAT(heard, ElementsAre("hello"));
    subject.stop();
    sim.settle();
    EXPECT_EQ(sim.run(say(subject, "too late")).error(), error::closed);
}

TEST_F(Client, RunsOverWhateverCanBeConnectedTo)
{
    const auto dial = [this]() -> task<connection> {
        auto between = sim.connect();
        sim.serve(between.right, echo_all);
        co_return std::move(between.left);
    };
    const auto once = [](connection& peer) -> task<after_session> {
        co_await checked(peer.send("x"));
        co_await checked(peer.receive());
        co_return after_session::finished;
    };
    client subject("a wire", dial, once, noting());
    EXPECT_TRUE(sim.run(subject.run()));
    EXPECT_EQ(told().front(), "connecting to a wire");
}

// -- calls

using texts = requests<std::string>;

TEST_F(Client, CallsWaitForTheConnectionAndOutliveIt)
{
    net.usual = net.refused();
    texts calls({.call = {.timeout = 1min}});
    client subject(
        where, [&](connection& peer) { return pipelined(peer, calls); }, noting());
    sim.start(subject.run());
    sim.advance(1s);
    EXPECT_EQ(sim.run(calls.call("impatient", {.timeout = 1s})).error(), error::call_timeout);
    EXPECT_EQ(sim.run(calls.call("at once", {.when_offline = offline::fail})).error(),
              error::not_connected);
    net.usual = net.answered();
    EXPECT_EQ(sim.run(calls.call("patient")).value(), "patient");

    int served = 0;
    net.serve = [&](connection& peer) -> task<> {  // from the next connection on: each answers once
        auto frame = co_await peer.receive();
        if (frame && ++served % 2 == 0) {
            co_await peer.send(*frame);
        }
    };
    for (const client_event& e : events) {
        EXPECT_NE(e.what, client_event::kind::stopped);
    }
    sim.run(subject.connected())->close();
    EXPECT_EQ(sim.run(calls.call("lost")).error(), error::connection_lost);
    EXPECT_EQ(sim.run(calls.call("answered")).value(), "answered");
    EXPECT_EQ(sim.run(calls.call("repeated", {.timeout = 1min, .when_lost = loss::repeat})).value(),
              "repeated");
    EXPECT_EQ(calls.stats().repeated, 1U);
}

TEST_F(Client, CallsEndWithIt)
{
    net.usual = net.refused();
    texts calls({.call = {.timeout = never}});
    client_options options;
    options.backoff.give_up_after = 3;
    options.on_end = [&](const error_code& why) { calls.close(why ? why : error::closed); };
    client subject(
        where, [&](connection& peer) { return pipelined(peer, calls); }, options);
    sim.start(subject.run());
    EXPECT_EQ(sim.run(calls.call("in vain")).error(), errc::connection_refused);
}

/// Wherever it is cut: it ends, nothing is left, and every call has its answer or an error.
TEST(ClientSteps, EndsWhereverItIsCancelled)
{
    const std::size_t steps = testing::for_each_step([](std::size_t n) {
        SCOPED_TRACE(n);
        testing::simulation sim;
        scripted_network net(sim);
        net.hosts["example.org"] = {"2001:db8::1", "192.0.2.1"};
        net.fates["2001:db8::1"] = net.refused(10ms);
        net.resolving = 1ms;
        net.serve = [](connection& peer) -> task<> {  // answers one, and leaves with the second
            auto frame = co_await peer.receive();
            if (frame) {
                co_await peer.send(*frame);
            }
            (void)co_await peer.receive();
        };
        texts calls;
        std::vector<std::optional<result<std::string>>> got(3);
        client_options options;
        options.on_end = [&](const error_code&) { calls.close(); };
        client subject(
            "example.org:80", [&](connection& peer) { return pipelined(peer, calls); }, options);
        sim.start(subject.run());
        const auto ask = [&](std::size_t i) -> task<> {
            const call_options how{.when_lost = i == 2 ? loss::repeat : loss::fail};
            got[i] = co_await calls.call(std::to_string(i), how);
        };
        for (std::size_t i = 0; i < got.size(); ++i) {
            sim.start(ask(i));
        }
        while (n > 0 && sim.step()) {
            --n;
            if (sim.running() == 1 && got[2]) {
                break;
            }
        }
        sim.cancel();
        sim.advance(10s);
        EXPECT_EQ(sim.running(), 0U);
        EXPECT_EQ(net.under_way, 0);
        for (const auto& answer : got) {
            EXPECT_TRUE(answer);
        }
        EXPECT_EQ(calls.stats().lines + calls.stats().waiting + calls.stats().in_flight, 0U);
        return n == 0;
    });
    EXPECT_GT(steps, 20U);
}

}  // namespace
}  // namespace libnet
