#include "support/allocations.hpp"
#include "support/guarded_server.hpp"

#include <libnet/testing/for_each_fault.hpp>

#include <gtest/gtest.h>

#include <thread>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;
namespace errc = boost::system::errc;

TEST(ServerAdmission, TheSurplusWaitsInTheBacklog)
{
    guarded_server g({.admission = {.max_connections = 2}});
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
    guarded_server g({.admission = {.max_connections = 2}, .surplus = surplus::refuse});
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
        guarded_server g({.admission = {.max_per_address = 2}, .surplus = with});
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
    guarded_server g({.admission = {.accept_rate = 4, .accept_burst = 2}});
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
    guarded_server g(
        {.admission = {.accept_rate = 4, .accept_burst = 2}, .surplus = surplus::refuse});
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
    guarded_server g({.admission = {.max_connections = 1}});
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
    guarded_server g({});
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
    guarded_server g({.admission = {.max_connections = 0}});
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
    guarded_server g({.admission = {.max_connections = 0}});
    g.come_many(2);
    g.subject.stop();
    g.sim.settle();  // no time passes
    EXPECT_EQ(g.sim.outcome(0), result<>());
}

TEST(ServerAdmission, IsCancelledWhileItWaitsForRoom)
{
    guarded_server g({.admission = {.max_connections = 0}});
    g.sim.cancel();
    g.sim.settle();
    EXPECT_TRUE(g.sim.outcome(0));
}

TEST(ServerAdmission, StopsWithAClientInItsHand)
{
    for (const bool cancelled : {false, true}) {
        guarded_server g({});
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
    guarded_server g({.admission = {.max_connections = 1}});
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

/// One allocation fails somewhere while clients come, are refused and go: a client may be lost, but
/// the counts are right, so that afterwards there is room for as many as before.
TEST(ServerAdmission, CountsRightWhateverThereIsNoMemoryFor)
{
    for (const auto with : {surplus::wait, surplus::refuse}) {
        const std::size_t steps = for_each_step([&](std::size_t n) {
            SCOPED_TRACE(n);
            guarded_server g({.admission = {.max_connections = 3, .max_per_address = 2},
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
