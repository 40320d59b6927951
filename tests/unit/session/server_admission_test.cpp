#include "support/addresses.hpp"
#include "support/allocations.hpp"
#include "support/memory_listener.hpp"
#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>
#include <libnet/session/server.hpp>
#include <libnet/testing/for_each_fault.hpp>

#include <boost/system/system_error.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <thread>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;
namespace errc = boost::system::errc;

const ip_address office = v4(192, 0, 2, 1);
const ip_address neighbour = v4(192, 0, 2, 2);

/// A server with limits in a simulation, its clients, and whom it refused.
struct guarded {
    explicit guarded(server_options options)
        : backlog(sim), subject(backlog.listen(), echo, watched(std::move(options)))
    {
        sim.start(subject.run());
        sim.settle();
    }

    server_options watched(server_options options)
    {
        options.on_refused = [this](const refusal_report& r) { refused.push_back(r); };
        options.on_accept_error = [this](error_code, duration) { ++accept_errors; };
        return options;
    }

    connection& come(const ip_address& from = office, connection_options options = {})
    {
        clients.push_back(backlog.connect_from(from, std::move(options)));
        sim.settle();
        return clients.back();
    }

    void come_many(std::size_t count)
    {
        for (std::size_t i = 0; i < count; ++i) {
            come();
        }
    }

    /// The first client goes in good order.
    void go()
    {
        sim.start([](connection& c) -> task<> { co_await checked(c.close()); }(clients.front()));
        sim.settle();
        clients.pop_front();
    }

    /// The first message that the client gets, or why there is none; without time passing.
    std::string hears(connection& client)
    {
        std::string heard = "nothing yet";
        sim.start([](connection& c, std::string& text) -> task<> {
            auto frame = co_await c.receive();
            text = frame ? to_string(*frame) : frame.error().message();
        }(client, heard));
        sim.settle();
        return heard;
    }

    std::uint64_t active() const { return subject.stats().active; }
    std::uint64_t accepted() const { return subject.stats().accepted; }

    simulation sim;
    memory_backlog backlog;
    std::vector<refusal_report> refused;
    int accept_errors = 0;
    libnet::server subject;
    std::deque<connection> clients;
};

TEST(ServerAdmission, TheSurplusWaitsInTheBacklog)
{
    guarded g({.admission = {.max_connections = 2}});
    g.come_many(5);
    EXPECT_EQ(g.active(), 2U);
    EXPECT_EQ(g.backlog.waiting(), 3U);
    g.sim.advance(10s);
    EXPECT_EQ(g.backlog.waiting(), 3U);
    EXPECT_LE(g.backlog.calls().size(), 2U) << "accept() was called without room";
    g.go();  // and no time passes
    EXPECT_EQ(g.accepted(), 3U);
    EXPECT_EQ(g.backlog.waiting(), 2U);
    g.go();
    g.go();
    EXPECT_EQ(g.accepted(), 5U);
    EXPECT_EQ(g.active(), 2U);
    EXPECT_EQ(g.subject.stats().refused, 0U);
    EXPECT_EQ(g.accept_errors, 0);
}

TEST(ServerAdmission, TheSurplusIsRefusedIfAsked)
{
    guarded g({.admission = {.max_connections = 2}, .surplus = surplus::refuse});
    g.come_many(2);
    EXPECT_EQ(g.hears(g.come()), "closed in order");
    EXPECT_EQ(g.subject.stats().refused, 1U);
    EXPECT_EQ(g.accepted(), 2U);
    EXPECT_EQ(g.active(), 2U);
    ASSERT_EQ(g.refused.size(), 1U);
    EXPECT_EQ(g.refused[0].peer, "left");
    EXPECT_EQ(g.refused[0].reason, error::limit_reached);
    EXPECT_EQ(g.refused[0].limit, admission::decision::max_connections);
    EXPECT_EQ(g.refused[0].text(), "a configured limit is reached (max_connections)");
    g.go();
    g.come();
    EXPECT_EQ(g.accepted(), 3U);
    EXPECT_EQ(g.refused.size(), 1U);
}

TEST(ServerAdmission, WhoIsAboveTheLimitOfItsAddressIsRefusedInAnyCase)
{
    for (const auto with : {surplus::wait, surplus::refuse}) {
        guarded g({.admission = {.max_per_address = 2}, .surplus = with});
        g.come_many(2);
        EXPECT_EQ(g.hears(g.come()), "closed in order");
        g.come(neighbour);
        EXPECT_EQ(g.active(), 3U) << "it stood in the way of others";
        ASSERT_EQ(g.refused.size(), 1U);
        EXPECT_EQ(g.refused[0].limit, admission::decision::max_per_address);
        g.go();
        g.come();
        EXPECT_EQ(g.active(), 3U);
        EXPECT_EQ(g.subject.stats().refused, 1U);
    }
}

TEST(ServerAdmission, ARateIsKeptByWaiting)
{
    guarded g({.admission = {.accept_rate = 4, .accept_burst = 2}});
    g.come_many(10);
    EXPECT_EQ(g.accepted(), 2U);
    g.sim.advance(250ms - 1ns);
    EXPECT_EQ(g.accepted(), 2U);
    g.sim.advance(1ns);
    EXPECT_EQ(g.accepted(), 3U);
    g.sim.advance(1s);
    EXPECT_EQ(g.accepted(), 7U);
    g.sim.advance(1s);
    EXPECT_EQ(g.accepted(), 10U);
    EXPECT_EQ(g.subject.stats().refused, 0U);
}

TEST(ServerAdmission, ARateIsKeptByRefusing)
{
    guarded g({.admission = {.accept_rate = 4, .accept_burst = 2}, .surplus = surplus::refuse});
    g.come_many(10);
    EXPECT_EQ(g.accepted(), 2U);
    EXPECT_EQ(g.refused.size(), 8U);
    EXPECT_EQ(g.refused[0].limit, admission::decision::accept_rate);
    g.sim.advance(250ms);
    g.come_many(2);
    EXPECT_EQ(g.accepted(), 3U);
    EXPECT_EQ(g.refused.size(), 9U);
}

TEST(ServerAdmission, RaisingALimitLetsTheWaitingIn)
{
    guarded g({.admission = {.max_connections = 1}});
    g.come_many(5);
    EXPECT_EQ(g.active(), 1U);
    g.subject.set_admission({.max_connections = 3});
    g.sim.settle();  // no time passes
    EXPECT_EQ(g.active(), 3U);
    g.subject.set_admission({.max_connections = no_limit, .accept_rate = 0});
    g.sim.advance(1h);
    EXPECT_EQ(g.accepted(), 3U);
    g.subject.set_admission({});
    g.sim.settle();
    EXPECT_EQ(g.accepted(), 5U);
}

TEST(ServerAdmission, LoweringALimitEndsNobody)
{
    guarded g({});
    g.come_many(4);
    g.subject.set_admission({.max_connections = 2});
    g.sim.settle();
    EXPECT_EQ(g.active(), 4U);
    g.come_many(2);  // one comes to the accept() that waited already, and is held up
    EXPECT_EQ(g.active(), 4U);
    EXPECT_EQ(g.backlog.waiting(), 1U);
    g.go();
    g.go();
    EXPECT_EQ(g.active(), 2U);
    g.go();
    EXPECT_EQ(g.active(), 2U);
    EXPECT_EQ(g.accepted(), 5U);
    g.go();
    EXPECT_EQ(g.accepted(), 6U);
    EXPECT_TRUE(g.refused.empty());
}

TEST(ServerAdmission, LimitsCanBeSetBeforeItRuns)
{
    simulation sim;
    memory_backlog backlog(sim);
    server subject(backlog.listen(), echo);
    subject.set_admission({.max_connections = 1});
    sim.start(subject.run());
    const connection first = backlog.connect();
    const connection second = backlog.connect();
    sim.settle();
    EXPECT_EQ(subject.stats().active, 1U);
}

TEST(ServerAdmission, LimitsCanBeSetFromOtherThreadsAndAfterTheEnd)
{
    guarded g({.admission = {.max_connections = 0}});
    g.come_many(2);
    std::thread([&] { g.subject.set_admission({.max_connections = 1}); }).join();
    g.sim.settle();
    EXPECT_EQ(g.active(), 1U);
    g.subject.stop();
    g.sim.advance(1min);
    EXPECT_TRUE(g.sim.outcome(0));
    g.subject.set_admission({});
    g.sim.settle();
}

TEST(ServerAdmission, StopsWhileItWaitsForRoom)
{
    guarded g({.admission = {.max_connections = 0}});
    g.come_many(2);
    g.subject.stop();
    g.sim.settle();  // no time passes
    EXPECT_EQ(g.sim.outcome(0), result<>());
}

TEST(ServerAdmission, IsCancelledWhileItWaitsForRoom)
{
    guarded g({.admission = {.max_connections = 0}});
    g.sim.cancel();
    g.sim.settle();
    EXPECT_TRUE(g.sim.outcome(0));
}

TEST(ServerAdmission, StopsWithAClientInItsHand)
{
    for (const bool cancelled : {false, true}) {
        guarded g({});
        g.subject.set_admission({.max_connections = 0});
        g.sim.settle();
        connection& held = g.come();
        EXPECT_EQ(g.backlog.waiting(), 0U);
        if (cancelled) {
            g.sim.cancel();
        } else {
            g.subject.stop();
        }
        g.sim.settle();
        EXPECT_TRUE(g.sim.outcome(0));
        EXPECT_EQ(g.hears(held), "closed in order");
    }
}

/// Its accept() awaits so often without waiting that the task has few such awaits left in this turn.
class tiring_listener final : public listener {
public:
    tiring_listener(std::unique_ptr<listener> inner, unsigned awaits)
        : inner_(std::move(inner)), awaits_(awaits)
    {
    }

    task<std::unique_ptr<stream>> accept() override
    {
        auto client = co_await checked(inner_->accept());
        for (unsigned i = 0; i < awaits_; ++i) {
            co_await checked([]() -> task<> { co_return; }());
        }
        co_return std::move(client);
    }
    void close() noexcept override { inner_->close(); }
    std::string local() const override { return inner_->local(); }

private:
    std::unique_ptr<listener> inner_;
    unsigned awaits_;
};

// The loop may turn at every await of the server, and its end may come in that turn.
TEST(ServerAdmission, StopsWhereverTheLoopTurns)
{
    constexpr unsigned ready_awaits_per_turn = 4096;  // the fiber's
    for (unsigned left = 0; left < 20; ++left) {
        SCOPED_TRACE(left);
        simulation sim;
        memory_backlog backlog(sim);
        const unsigned awaits = ready_awaits_per_turn - left;
        std::function<void()> stop;
        server subject(
            std::make_unique<tiring_listener>(backlog.listen(), awaits), echo,
            {.admission = {.max_connections = 1}, .on_open = [&](const connection&) { stop(); }});
        stop = [&] { subject.stop(); };
        sim.start(subject.run());
        sim.settle();
        const connection client = backlog.connect();
        sim.advance(10s);  // draining takes three, since the client does nothing
        EXPECT_TRUE(sim.outcome(0));
    }
}

TEST(ServerAdmission, ErrorsOfAcceptingAreToldAsTheyAre)
{
    guarded g({.admission = {.max_connections = 1}});
    g.backlog.fail(make_error_code(errc::too_many_files_open));
    g.come_many(2);
    EXPECT_EQ(g.accept_errors, 1);
    EXPECT_EQ(g.active(), 0U);
    g.sim.advance(10ms);
    EXPECT_EQ(g.active(), 1U);
    g.go();
    EXPECT_EQ(g.active(), 1U);
    EXPECT_EQ(g.accepted(), 2U);
}

// ---- the last message ---------------------------------------------------------------------------

server_options apologetic()
{
    return {.connection = {.framing = delimited("\n")},
            .admission = {.max_connections = 0},
            .surplus = surplus::refuse,
            .refusal = "come back later"};
}

const connection_options lines{.framing = delimited("\n")};

TEST(ServerAdmission, ARefusedClientGetsALastMessage)
{
    guarded g(apologetic());
    connection& client = g.come(office, lines);
    EXPECT_EQ(g.hears(client), "come back later");
    EXPECT_EQ(g.hears(client), "closed in order");
}

TEST(ServerAdmission, AMessageThatTheFramingCannotCarryIsRefusedAtOnce)
{
    simulation sim;
    memory_backlog backlog(sim);
    EXPECT_THROW(server(backlog.listen(), echo,
                        {.connection = {.framing = delimited("\n")}, .refusal = "two\nlines"}),
                 boost::system::system_error);
}

TEST(ServerAdmission, WhatARefusedClientSaysIsReadBeforeItIsClosed)
{
    guarded g(apologetic());
    const auto calls = std::make_shared<stream_calls>();
    connection client = g.backlog.connect_from(office, lines, calls);
    EXPECT_TRUE(g.sim.run(client.send("a request")));
    g.sim.settle();
    ASSERT_EQ(calls->order.substr(0, 2), "wh");
    EXPECT_EQ(calls->order.find('c'), std::string::npos) << "it has a second";
    g.sim.advance(1s - 1ns);
    EXPECT_EQ(calls->order.find('c'), std::string::npos);
    g.sim.advance(1ns);
    EXPECT_EQ(calls->order.back(), 'c');
    EXPECT_GT(calls->reads, 1U);
}

TEST(ServerAdmission, OnlySoManyRefusedClientsHaveTime)
{
    guarded g(apologetic());
    std::vector<std::shared_ptr<stream_calls>> calls;
    for (int i = 0; i < 100; ++i) {
        calls.push_back(std::make_shared<stream_calls>());
        g.clients.push_back(g.backlog.connect_from(office, lines, calls.back()));
    }
    g.sim.settle();
    std::size_t closed = 0;
    for (const auto& c : calls) {
        closed += c->order.find('c') != std::string::npos ? 1 : 0;
    }
    EXPECT_EQ(closed, 100U - 64U);
    EXPECT_EQ(g.hears(g.clients.back()), "come back later") << "closed at once, but not unheard";
    EXPECT_EQ(g.refused.size(), 100U);

    g.sim.advance(1s);
    calls.push_back(std::make_shared<stream_calls>());
    g.clients.push_back(g.backlog.connect_from(office, lines, calls.back()));
    g.sim.settle();
    EXPECT_EQ(calls.back()->order.find('c'), std::string::npos) << "there is time again";
}

TEST(ServerAdmission, AClientThatDoesNotReadHoldsNobodyUp)
{
    guarded g(apologetic());
    g.clients.push_back(g.backlog.connect(lines, {}, {.capacity = 3}));
    EXPECT_EQ(g.hears(g.come(neighbour, lines)), "come back later");
    g.subject.stop();
    g.sim.advance(1s);
    EXPECT_TRUE(g.sim.outcome(0));
}

TEST(ServerAdmission, OneThatHasLingeredFreesADescriptor)
{
    guarded g(apologetic());
    g.come(office, lines);
    for (int i = 0; i < 9; ++i) {
        g.backlog.fail(make_error_code(errc::too_many_files_open));
    }
    g.sim.advance(960ms);  // in a pause of half a second, from 630 ms on
    const std::size_t calls = g.backlog.calls().size();
    g.sim.advance(40ms);
    EXPECT_EQ(g.backlog.calls().size(), calls + 1);
}

// ---- want of memory -----------------------------------------------------------------------------

/// One allocation fails somewhere while clients come, are refused and go: a client may be lost, but
/// the counts are right, so that afterwards there is room for as many as before.
TEST(ServerAdmission, CountsRightWhateverThereIsNoMemoryFor)
{
    for (const auto with : {surplus::wait, surplus::refuse}) {
        const std::size_t steps = for_each_step([&](std::size_t n) {
            SCOPED_TRACE(n);
            guarded g({.admission = {.max_connections = 3, .max_per_address = 2},
                       .surplus = with,
                       .refusal = "full"});
            for (const auto& from : {office, office, office, neighbour, neighbour}) {
                g.clients.push_back(g.backlog.connect_from(from));
            }
            bool struck = false;
            {
                const failing_allocation failing(n);
                g.sim.settle();
                g.sim.advance(50ms);
                struck = failing.struck();
            }
            g.clients.clear();
            g.sim.advance(1min);
            EXPECT_EQ(g.active(), 0U);
            EXPECT_EQ(g.backlog.waiting(), 0U);
            g.refused.clear();

            const std::uint64_t before = g.accepted();
            g.come(office);
            g.come(office);
            g.come(neighbour);
            EXPECT_EQ(g.accepted() - before, 3U);
            EXPECT_TRUE(g.refused.empty());
            g.come(neighbour);
            EXPECT_EQ(g.accepted() - before, 3U);
            return struck && !::testing::Test::HasFailure();
        });
        EXPECT_GT(steps, 5U);
    }
}

}  // namespace
