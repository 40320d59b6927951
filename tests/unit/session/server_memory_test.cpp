#include "support/allocations.hpp"
#include "support/memory_listener.hpp"
#include "support/sessions.hpp"

#include <libnet/session/server.hpp>
#include <libnet/testing/for_each_fault.hpp>

#include <gtest/gtest.h>

#include <array>
#include <functional>

/// Each allocation of a server with several clients fails, one after another: in accepting, starting
/// a session, receiving, sending and closing. The session that is concerned ends, and no other.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

/// Small and large, one by one and several at once: buffers grow on the way in and on the way out,
/// and large messages leave past them.
const std::vector<std::vector<std::string>>& questions()
{
    static const std::vector<std::vector<std::string>> all{
        {"Hello"},
        {some_text(3000)},
        {some_text(6000, 1), some_text(6000, 2), some_text(17'000, 3)},
        {some_text(66'000)},
        {"Goodbye"}};
    return all;
}

task<> ask_all(connection& client, std::size_t& answered)
{
    for (const auto& together : questions()) {
        for (const std::string& question : together) {
            co_await checked(client.send(question));
        }
        for (const std::string& question : together) {
            const bytes answer = co_await checked(client.receive());
            if (as_text(answer) != question) {
                ADD_FAILURE() << "another answer";
                co_return;
            }
        }
        ++answered;
    }
    co_await checked(client.close());
}

struct scene {
    explicit scene(server_options options)
        : backlog(sim), subject(backlog.listen(), echo, std::move(options))
    {
        sim.start(subject.run());
        sim.settle();
    }

    void come()
    {
        calls.push_back(std::make_shared<stream_calls>());
        clients.push_back(backlog.connect_from({}, {.idle_timeout = 5s}, calls.back()));
    }

    /// Those who got every answer.
    std::size_t served() const
    {
        return static_cast<std::size_t>(std::ranges::count(answered, questions().size()));
    }

    /// The server's ends of connections that are still there; they may wait in the backlog.
    std::size_t kept() const
    {
        return static_cast<std::size_t>(
            std::ranges::count_if(calls, [](const auto& c) { return c.use_count() != 1; }));
    }

    simulation sim;
    memory_backlog backlog;
    server subject;
    std::vector<std::shared_ptr<stream_calls>> calls;
    std::vector<connection> clients;
    std::array<std::size_t, 3> answered{};
};

/// `more` happens when half of the talking is done.
std::size_t at_every_allocation(const server_options& options, bool everybody_is_served,
                                const std::function<void(scene&)>& more)
{
    return for_each_step([&](std::size_t n) {
        SCOPED_TRACE(n);
        scene s(options);
        for (std::size_t i = 0; i < s.answered.size(); ++i) {
            s.come();
        }
        for (std::size_t i = 0; i < s.answered.size(); ++i) {
            s.sim.start(ask_all(s.clients[i], s.answered[i]));
        }
        bool struck = false;
        {
            const failing_allocation failing(n);
            for (int i = 0; i < 100 && s.sim.step(); ++i) {}
            more(s);
            s.sim.advance(1s);
            struck = failing.struck();
        }
        if (everybody_is_served) {
            EXPECT_GE(s.served(), s.answered.size() - (struck ? 1 : 0));
        }
        s.clients.clear();
        s.sim.advance(1min);
        EXPECT_EQ(s.subject.stats().active, 0U);
        EXPECT_EQ(s.kept(), s.backlog.waiting());
        EXPECT_EQ(s.sim.running(), s.backlog.closed() ? 0U : 1U);

        if (!s.backlog.closed()) {
            std::size_t next = 0;
            s.come();
            (void)s.sim.run(ask_all(s.clients.back(), next));
            EXPECT_EQ(next, questions().size());
        }
        return struck && !::testing::Test::HasFailure();
    });
}

void nothing_more(scene&) {}

TEST(ServerMemory, OneFailedAllocationEndsOneSession)
{
    EXPECT_GT(at_every_allocation({}, true, nothing_more), 30U);
}

TEST(ServerMemory, AlsoWhereABudgetKeepsTheBooks)
{
    EXPECT_GT(at_every_allocation({.memory_budget = 1_MiB}, true, nothing_more), 30U);
}

TEST(ServerMemory, AlsoWhereHeartbeatsAreTakenOut)
{
    const heartbeat often{.interval = 100ms, .timeout = 3s};
    EXPECT_GT(at_every_allocation({.connection = {.heartbeat = often}}, true, nothing_more), 30U);
}

TEST(ServerMemory, AStoppingServerStillComesToItsEnd)
{
    const auto stop = [](scene& s) {
        const unlimited_memory mine;  // who stops it hears himself if there is none
        s.subject.stop();
    };
    EXPECT_GT(at_every_allocation({}, false, stop), 30U);
}

/// The surplus is told to come back later, and one of them perhaps is not.
TEST(ServerMemory, RefusingCostsNobodyElse)
{
    const server_options two{.admission = {.max_connections = 2},
                             .surplus = surplus::refuse,
                             .refusal = "come back later"};
    const std::size_t steps = for_each_step([&](std::size_t n) {
        SCOPED_TRACE(n);
        scene s(two);
        for (int i = 0; i < 4; ++i) {
            s.come();
        }
        for (std::size_t i = 0; i < 2; ++i) {
            s.sim.start(ask_all(s.clients[i], s.answered[i]));
        }
        bool struck = false;
        {
            const failing_allocation failing(n);
            s.sim.advance(2s);
            struck = failing.struck();
        }
        EXPECT_GE(s.served(), struck ? 1U : 2U);
        s.clients.clear();
        s.sim.advance(1min);
        EXPECT_EQ(s.kept(), 0U);
        std::size_t next = 0;
        s.come();
        (void)s.sim.run(ask_all(s.clients.back(), next));
        EXPECT_EQ(next, questions().size());
        return struck && !::testing::Test::HasFailure();
    });
    EXPECT_GT(steps, 30U);
}

TEST(ServerMemory, AHeartbeatLeavesNoBuffersWithAnIdleConnection)
{
    heartbeat beats{.interval = 30s, .timeout = 90s, .ping = "ping", .pong = "pong"};
    scene s({.connection = {.heartbeat = beats}, .memory_budget = 1024_KiB});
    beats.interval = beats.timeout = 3h;  // the client asks nothing, and answers
    s.clients.push_back(s.backlog.connect({.heartbeat = beats}));
    s.sim.start(swallow(s.clients.back()));
    s.sim.start(send_all(s.clients.back(), {"hello"}));
    s.sim.advance(29s);
    const std::uint64_t idle = s.subject.stats().memory;
    s.sim.advance(1s);
    EXPECT_GE(s.subject.stats().memory, idle + 4_KiB) << "it has just heard of the client";
    s.sim.advance(1s);
    EXPECT_EQ(s.subject.stats().memory, idle);
    EXPECT_EQ(s.subject.stats().active, 1U);
}

task<> swallow_batches(connection& peer)
{
    while (auto frames = co_await peer.receive_batch()) {}
}

TEST(ServerMemory, AnIdleConnectionThatReceivesInBatchesHoldsNoBuffers)
{
    simulation sim;
    memory_backlog backlog(sim);
    server subject(backlog.listen(), swallow_batches, {.memory_budget = 1024_KiB});
    sim.start(subject.run());
    connection client = backlog.connect();
    sim.advance(2s);
    const std::uint64_t idle = subject.stats().memory;
    sim.start(send_all(client, std::vector<std::string>(200, "hello")));
    sim.settle();
    EXPECT_GE(subject.stats().memory, idle + 4_KiB);
    sim.advance(2s);
    EXPECT_EQ(subject.stats().memory, idle);
    EXPECT_EQ(subject.stats().active, 1U);
    sim.cancel();
    sim.settle();
}

}  // namespace
