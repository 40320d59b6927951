#include "support/memory_listener.hpp"
#include "support/sessions.hpp"

#include <libnet/session/server.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <optional>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

/// A server with a budget, in a simulation.
struct world {
    world(server::session session, std::size_t budget)
        : backlog(sim),
          subject(
              backlog.listen(), std::move(session),
              {.connection = {.frame_timeout = 30s,
                              .send_timeout = never,
                              .high_water_mark = 256_KiB},
               .memory_budget = budget,
               .on_close = [this](const session_report& r) { reports.push_back(r); },
               .on_memory_pressure = [this](const memory_pressure& p) { pressure.push_back(p); }})
    {
        sim.start(subject.run());
        sim.settle();
    }

    connection& client(connection_options options = {})
    {
        return clients.emplace_back(backlog.connect(std::move(options)));
    }

    simulation sim;
    memory_backlog backlog;
    std::vector<session_report> reports;
    std::vector<memory_pressure> pressure;
    std::deque<connection> clients;
    libnet::server subject;
};

task<std::string> ask(connection& client, std::string question)
{
    co_await checked(client.send(question));
    const bytes reply = co_await checked(client.receive());
    co_return to_string(reply);
}

/// Offers 1 MiB to whoever says something that is not a question.
task<> push_or_echo(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        if (as_text(*frame) != "push") {
            co_await checked(peer.send(*frame));
            continue;
        }
        const std::string piece = some_text(8_KiB);
        for (int i = 0; i < 128; ++i) {
            co_await checked(peer.send(piece));
        }
    }
}

TEST(MemoryBudget, StalledReadersHoldNoMoreThanItAndHonestClientsAreServed)
{
    constexpr std::size_t budget = 2_MiB;
    world w(push_or_echo, budget);
    for (int i = 0; i < 100; ++i) {
        w.sim.start(send_all(w.client(), {"push"}));
        w.sim.settle();
        EXPECT_LE(w.subject.stats().memory, budget);
    }
    EXPECT_GE(w.subject.stats().memory, budget / 2);  // it was tight indeed
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(w.sim.run(ask(w.client(), "Hello")).value(), "Hello");
    }
    EXPECT_LE(w.subject.stats().memory, budget);
}

TEST(MemoryBudget, UnfinishedFramesHoldNoMoreThanIt)
{
    constexpr std::size_t budget = 1_MiB;
    world w(push_or_echo, budget);
    for (int i = 0; i < 100; ++i) {
        connection& client = w.client({.framing = raw{}});
        w.sim.start(send_all(client, {std::string("\0\x0F\0\0", 4) + some_text(200'000)}));
        w.sim.settle();
        EXPECT_LE(w.subject.stats().memory, budget);
    }
    EXPECT_EQ(w.sim.run(ask(w.client(), "Hello")).value(), "Hello");
}

TEST(MemoryBudget, WhoWasSlowedDownGoesOnWhenOthersHaveGone)
{
    world w(push_or_echo, 1_MiB);
    connection& patient = w.client({.send_timeout = never});
    EXPECT_EQ(w.sim.run(ask(patient, "Hello")).value(), "Hello");
    for (int i = 0; i < 20; ++i) {
        w.sim.start(send_all(w.client({.framing = raw{}}),
                             {std::string("\0\x0F\0\0", 4) + some_text(200'000)}));
        w.sim.settle();
    }
    w.sim.advance(25s);
    const std::string large = some_text(150'000);
    w.sim.start([](connection& c, const std::string& text) -> task<> {
        EXPECT_EQ((co_await ask(c, text)).value().size(), text.size());
        co_await checked(c.send("done"));
    }(patient, large));
    w.sim.settle();
    EXPECT_FALSE(w.sim.outcome(22));  // it holds more than its share
    w.sim.advance(15s);               // the others never finish their frames
    EXPECT_TRUE(w.sim.outcome(22));
}

TEST(MemoryBudget, WhereNothingElseHelpsTheGreatestEnd)
{
    world w(push_or_echo, 256_KiB);
    connection& great = w.client({.framing = raw{}});
    w.sim.start(send_all(great, {std::string("\0\x0F\0\0", 4) + some_text(100'000)}));
    w.sim.settle();
    EXPECT_EQ(w.subject.stats().shed, 0U);
    for (int i = 0; i < 100; ++i) {  // the connections themselves take 2 KiB each, and a buffer
        w.client();
        w.sim.settle();
    }
    ASSERT_GT(w.subject.stats().shed, 0U);
    ASSERT_FALSE(w.reports.empty());
    EXPECT_EQ(w.reports[0].reason, error::limit_reached);
    EXPECT_GT(w.reports[0].info.bytes_received, 50'000U);  // the first to go
    EXPECT_EQ(w.reports.size(), w.subject.stats().shed);
    EXPECT_LE(w.subject.stats().memory, 256_KiB);
}

/// What a connection holds empty from better times does not count against it.
TEST(MemoryBudget, AnHonestClientGivesItsEmptyBuffersUpAndIsServed)
{
    world w(push_or_echo, 1_MiB);
    connection& honest = w.client({.send_timeout = never});
    EXPECT_EQ(w.sim.run(ask(honest, some_text(150'000))).value().size(), 150'000U);
    for (int i = 0; i < 20; ++i) {
        w.sim.start(send_all(w.client({.framing = raw{}}),
                             {std::string("\0\x0F\0\0", 4) + some_text(200'000)}));
        w.sim.settle();
    }
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(w.sim.run(ask(honest, "Hello")).value(), "Hello");
    }
}

TEST(MemoryBudget, TellsWhenItIsTightAndWhenNoLonger)
{
    world w(push_or_echo, 1_MiB);
    EXPECT_TRUE(w.pressure.empty());
    for (int i = 0; i < 20; ++i) {
        w.sim.start(send_all(w.client({.framing = raw{}}),
                             {std::string("\0\x0F\0\0", 4) + some_text(200'000)}));
        w.sim.settle();
    }
    ASSERT_EQ(w.pressure.size(), 1U);
    EXPECT_TRUE(w.pressure[0].is_tight);
    EXPECT_EQ(w.pressure[0].limit, 1_MiB);
    EXPECT_GE(w.pressure[0].used, 768_KiB);
    w.sim.advance(40s);  // the frames never become whole
    ASSERT_EQ(w.pressure.size(), 2U);
    EXPECT_FALSE(w.pressure[1].is_tight);
    EXPECT_LT(w.pressure[1].used, 640_KiB);
}

TEST(MemoryBudget, AHookThatThrowsEndsTheServer)
{
    simulation sim;
    memory_backlog backlog(sim);
    server subject(backlog.listen(), push_or_echo,
                   {.memory_budget = 64_KiB, .on_memory_pressure = [](const memory_pressure&) {
                        throw std::runtime_error("no room in the log");
                    }});
    std::deque<connection> clients;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(backlog.connect());
        sim.start(send_all(clients.back(), {"push"}));
    }
    EXPECT_THROW((void)sim.run(subject.run()), std::runtime_error);
}

/// Takes all that it is given, and keeps it: TLS over a connection that takes nothing.
class keeping_stream final : public counting_stream {
public:
    explicit keeping_stream(std::unique_ptr<stream> inner)
        : counting_stream(std::move(inner), std::make_shared<stream_calls>())
    {
    }

    std::string peer() const override { return "keeps"; }
    bool holds_output() const noexcept override { return true; }
    void write_some(std::span<const bytes>, stream_events& events) override
    {
        writer_ = events_reference(events);
    }
    void close() noexcept override
    {
        counting_stream::close();
        const events_reference nobody = std::move(writer_);
    }

private:
    events_reference writer_;
};

TEST(MemoryBudget, AStreamThatKeepsOutputHasItsSendTimeoutUnderPressure)
{
    simulation sim;
    memory_backlog backlog(sim);
    std::optional<error_code> ended;
    const auto session = [](connection& peer) -> task<> {
        if (peer.peer() != "keeps") {
            co_await checked(push_or_echo(peer));
        } else {  // receives nothing
            co_await checked(peer.send("Hello"));
            co_await checked(peer.flush());
        }
    };
    server subject(backlog.listen(), session,
                   {.connection = {.send_timeout = 10s},
                    .memory_budget = 1_MiB,
                    .on_close = [&](const session_report& r) {
                        if (r.info.peer == "keeps") {
                            ended = r.reason;
                        }
                    }});
    sim.start(subject.run());
    connection kept = backlog.connect_over(
        [](auto end) { return std::make_unique<keeping_stream>(std::move(end)); });
    sim.advance(1s);
    std::deque<connection> stalled;
    for (int i = 0; i < 20; ++i) {
        stalled.push_back(backlog.connect());
        sim.start(send_all(stalled.back(), {"push", "push"}));
    }
    sim.advance(2s);
    EXPECT_GT(subject.stats().memory, 768_KiB);
    EXPECT_FALSE(ended);
    sim.advance(1min);
    EXPECT_EQ(ended, error::send_timeout);
    subject.stop();  // or the simulation would end it, when the backlog has gone
    sim.advance(1min);
    EXPECT_EQ(sim.running(), 0U);
}

TEST(MemoryBudget, IsGivenBack)
{
    world w(push_or_echo, 1_MiB);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(w.sim.run(ask(w.client(), some_text(10'000))).value().size(), 10'000U);
    }
    EXPECT_GT(w.subject.stats().memory, 100'000U);
    w.sim.advance(2s);  // buffers of idle connections
    EXPECT_EQ(w.subject.stats().memory, 10 * 3072U);
    w.clients.clear();
    w.sim.advance(10s);
    EXPECT_EQ(w.subject.stats().memory, 0U);
}

}  // namespace
