#include "support/memory_listener.hpp"
#include "support/sessions.hpp"

#include <libnet/session/server.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <optional>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;
using ::testing::IsEmpty;

struct world {
    explicit world(server_options options = {}) : backlog(sim)
    {
        options.on_close = [this](const session_report& r) { reports.push_back(r); };
        subject.emplace(backlog.listen(), echo, std::move(options));
    }

    void run()
    {
        sim.start(subject->run());
        sim.settle();
    }

    connection& come()
    {
        clients.push_back(backlog.connect());
        EXPECT_TRUE(sim.run(send_all(clients.back(), {"hello"})));
        EXPECT_EQ(sim.run(receive_text(clients.back())).value(), "hello");
        return clients.back();
    }

    simulation sim;
    memory_backlog backlog;
    std::vector<session_report> reports;
    std::deque<connection> clients;
    std::optional<server> subject;
};

TEST(ServerReconfigure, ChangesTheTimeoutsOfWhoIsThereAndOfWhoComes)
{
    world w;
    w.run();
    w.come();
    w.sim.advance(10s);
    w.subject->reconfigure({.connection = {.idle_timeout = 20s}});
    w.sim.settle();
    w.sim.advance(5s);
    w.come();
    w.sim.advance(5s - 1ms);
    EXPECT_THAT(w.reports, IsEmpty());
    w.sim.advance(4s);  // and the time for closing
    ASSERT_EQ(w.reports.size(), 1U);
    EXPECT_EQ(w.reports[0].reason, error::idle_timeout);
    w.sim.advance(15s);
    ASSERT_EQ(w.reports.size(), 2U);
    EXPECT_EQ(w.reports[1].reason, error::idle_timeout);
}

TEST(ServerReconfigure, ALongerTimeoutHoldsForWhoIsThere)
{
    world w({.connection = {.idle_timeout = 10s}});
    w.run();
    w.come();
    w.subject->reconfigure({.connection = {.idle_timeout = 1min}});
    w.sim.settle();
    w.sim.advance(59s);
    EXPECT_THAT(w.reports, IsEmpty());
    w.sim.advance(5s);
    ASSERT_EQ(w.reports.size(), 1U);
    EXPECT_EQ(w.reports[0].reason, error::idle_timeout);
}

TEST(ServerReconfigure, ChangesWhoIsLetIn)
{
    world w({.admission = {.max_connections = 1}});
    w.run();
    w.come();
    connection second = w.backlog.connect();
    w.sim.settle();
    EXPECT_EQ(w.subject->stats().active, 1U);
    w.subject->reconfigure({.admission = {.max_connections = 2}});
    w.sim.settle();
    EXPECT_EQ(w.subject->stats().active, 2U);
}

TEST(ServerReconfigure, ChangesHowLongDrainingTakes)
{
    world w({.drain_timeout = 1h});
    w.run();
    connection half = w.backlog.connect({.framing = raw{}});
    EXPECT_TRUE(w.sim.run(send_all(half, {std::string("\0\0", 2)})));  // of a frame: waited for
    w.subject->reconfigure({.connection = {.frame_timeout = never}, .drain_timeout = 2s});
    w.sim.settle();
    w.subject->stop();
    w.sim.advance(2s - 1ms);
    EXPECT_THAT(w.reports, IsEmpty());
    w.sim.advance(501ms);
    ASSERT_EQ(w.reports.size(), 1U);
    EXPECT_EQ(w.reports[0].reason, error::drain_timeout);
}

/// What both sides have agreed on cannot change under way.
TEST(ServerReconfigure, KeepsFramingAndHeartbeat)
{
    world w({.connection = {.heartbeat = heartbeat{.interval = 10s, .timeout = 30s}}});
    w.run();
    w.subject->reconfigure({.connection = {.framing = raw{}}});
    w.sim.settle();
    w.come();  // in frames
    w.sim.advance(35s);
    ASSERT_EQ(w.reports.size(), 1U);
    EXPECT_EQ(w.reports[0].reason, error::heartbeat_timeout);
}

TEST(ServerReconfigure, BeforeItRuns)
{
    world w({.connection = {.idle_timeout = 1h}});
    w.subject->reconfigure({.connection = {.idle_timeout = 10s}});
    w.run();
    w.come();
    w.sim.advance(14s);
    ASSERT_EQ(w.reports.size(), 1U);
    EXPECT_EQ(w.reports[0].reason, error::idle_timeout);
}

/// Whoever has not been accepted is the other process's.
TEST(ServerHandOver, DrainsAndLeavesTheSocketToOthers)
{
    struct shared final : listener {
        explicit shared(std::unique_ptr<listener> l, std::vector<std::string>& c)
            : inner(std::move(l)), calls(c)
        {
        }
        task<std::unique_ptr<stream>> accept() override { return inner->accept(); }
        bool end_arrivals() noexcept override
        {
            calls.emplace_back("end");
            return listener::end_arrivals();
        }
        void leave_to_others() noexcept override { calls.emplace_back("leave"); }
        void close() noexcept override { inner->close(); }
        std::string local() const override { return inner->local(); }
        int native_handle() const noexcept override { return 42; }
        std::unique_ptr<listener> inner;
        std::vector<std::string>& calls;
    };
    simulation sim;
    memory_backlog backlog(sim);
    std::vector<std::string> calls;
    server subject(std::make_unique<shared>(backlog.listen(), calls), echo);
    sim.start(subject.run());
    sim.settle();
    EXPECT_EQ(subject.native_handle(), 42);
    connection client = backlog.connect();
    EXPECT_TRUE(sim.run(send_all(client, {"last"})));
    subject.hand_over();
    EXPECT_EQ(sim.run(receive_text(client)).value(), "last");
    EXPECT_EQ(sim.run(receive_text(client)).error(), error::closed);
    EXPECT_TRUE(sim.run(client.close()));
    sim.settle();
    EXPECT_THAT(calls, ::testing::ElementsAre("leave", "end"));
    EXPECT_EQ(sim.outcome(0), result<>());
}

}  // namespace
