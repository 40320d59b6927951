#include "support/memory_listener.hpp"
#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/session/server.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

/// A server in a simulation, and what it reported.
struct world {
    explicit world(server::session session, server_options options = {})
        : backlog(sim), subject(backlog.listen(), std::move(session), watched(std::move(options)))
    {
        sim.start(subject.run());
        sim.settle();
    }

    server_options watched(server_options options)
    {
        if (!options.on_close) {
            options.on_close = [this](const session_report& r) { reports.push_back(r); };
        }
        return options;
    }

    simulation sim;
    memory_backlog backlog;
    std::vector<session_report> reports;
    libnet::server subject;
};

task<std::string> ask(connection& client, std::string question)
{
    co_await checked(client.send(question));
    const bytes reply = co_await checked(client.receive());
    co_return to_string(reply);
}

task<> close(connection& client)
{
    co_await checked(client.close());
}

TEST(Server, RunsASessionForEachConnection)
{
    world w(echo);
    std::vector<connection> clients;
    for (int i = 0; i < 5; ++i) {
        clients.push_back(w.backlog.connect());
    }
    for (connection& client : clients) {
        EXPECT_EQ(w.sim.run(ask(client, "Hello")).value(), "Hello");
    }
    EXPECT_EQ(w.subject.stats().accepted, 5U);
    EXPECT_EQ(w.subject.stats().active, 5U);
    for (connection& client : clients) {
        EXPECT_TRUE(w.sim.run(close(client)));
    }
    EXPECT_EQ(w.subject.stats().active, 0U);
    EXPECT_EQ(w.subject.stats().messages_received, 5U);
    EXPECT_EQ(w.subject.stats().messages_sent, 5U);
    EXPECT_EQ(w.subject.stats().bytes_received, 45U);
    EXPECT_EQ(w.subject.stats().bytes_sent, 45U);
}

TEST(Server, ReportsWhyEachConnectionEnded)
{
    struct row {
        const char* name;
        std::function<task<>(connection&)> client;
        pipe_options there;
        error_code reason;
        const char* code;
    };
    const auto write = [](const char* text, std::size_t size) {
        return [=](connection& c) -> task<> {
            co_await checked(c.send(std::string_view(text, size)));
            co_await checked(c.close());
        };
    };
    const std::vector<row> rows{
        {"in order", write("\0\0\0\1x", 5), {}, error::closed, "Pi"},
        {"cut off", write("\0\0\0\5x", 5), {}, error::truncated_frame, "Pr"},
        {"too large", write("\x7F\0\0\0", 4), {}, error::frame_too_large, "Lr"},
        {"reset",
         write("\0\0\0\1x", 5),
         {.reset_after = 2},
         make_error_code(boost::system::errc::connection_reset),
         "Pr"},
        {"silent",
         [](connection& c) -> task<> { (void)co_await c.receive(); },
         {},
         error::first_frame_timeout,
         "Lo"},
        {"silent at last",
         [](connection& c) -> task<> {
             co_await checked(c.send(std::string_view("\0\0\0\1x", 5)));
             while (co_await c.receive()) {}
         },
         {},
         error::idle_timeout,
         "Li"},
        {"half a frame",
         [](connection& c) -> task<> {
             co_await checked(c.send(std::string_view("\0\0\0\1", 4)));
             while (co_await c.receive()) {}
         },
         {},
         error::frame_timeout,
         "Lr"},
    };
    for (const row& r : rows) {
        SCOPED_TRACE(r.name);
        world w(echo);
        connection client = w.backlog.connect({.framing = raw{}}, r.there);
        w.sim.start(r.client(client));
        w.sim.advance(2min);
        ASSERT_EQ(w.reports.size(), 1U);
        EXPECT_EQ(w.reports[0].reason, r.reason);
        EXPECT_EQ(w.reports[0].ending.why, r.reason);
        EXPECT_EQ(w.reports[0].ending.code(), r.code);
        EXPECT_EQ(w.reports[0].info.peer, "left");
        EXPECT_FALSE(w.reports[0].exception);
        EXPECT_EQ(w.reports[0].text(), r.reason.message());
        EXPECT_EQ(w.subject.stats().active, 0U);
    }
}

TEST(Server, AnExceptionEndsItsOwnSessionAlone)
{
    world w([](connection& peer) -> task<> {
        const bytes frame = co_await checked(peer.receive());
        if (as_text(frame) == "throw") {
            co_await checked(peer.send("goodbye"));
            throw std::runtime_error("no more");
        }
        co_await checked(echo(peer));
    });
    connection good = w.backlog.connect();
    connection bad = w.backlog.connect();
    EXPECT_EQ(w.sim.run(ask(bad, "throw")).value(), "goodbye");
    EXPECT_EQ(w.sim.run(receive_text(bad)).error(), error::closed);
    EXPECT_TRUE(w.sim.run(close(bad)));
    ASSERT_EQ(w.reports.size(), 1U);
    EXPECT_TRUE(w.reports[0].exception);
    EXPECT_EQ(w.reports[0].text(), "the session threw: no more");
    EXPECT_TRUE(w.sim.run(send_all(good, {"first"})));
    EXPECT_EQ(w.sim.run(ask(good, "second")).value(), "second");
}

TEST(Server, AnErrorOfASessionIsItsReason)
{
    world w([](connection&) -> task<> { co_await fail(error::limit_reached); });
    connection client = w.backlog.connect();
    w.sim.start(swallow(client));
    w.sim.advance(10s);
    ASSERT_EQ(w.reports.size(), 1U);
    EXPECT_EQ(w.reports[0].reason, error::limit_reached);
}

TEST(Server, StoppingLetsSessionsFinishWhatTheyHaveBegun)
{
    world w([](connection& peer) -> task<> {
        while (auto frame = co_await peer.receive()) {
            const std::string kept = to_string(*frame);
            co_await checked(sleep_for(5s));
            co_await checked(peer.send(kept));
        }
    });
    connection idle = w.backlog.connect();
    connection busy = w.backlog.connect();
    w.sim.start(swallow(idle));
    std::string reply;
    auto client = [&]() -> task<> {
        reply = co_await checked(ask(busy, "work"));
        co_await checked(busy.close());
    };
    w.sim.start(client());
    w.sim.settle();
    w.subject.stop();
    w.sim.settle();
    EXPECT_TRUE(w.backlog.closed());
    w.sim.advance(10s);
    EXPECT_EQ(reply, "work");
    ASSERT_EQ(w.sim.outcome(0), result<>());  // run() has returned
    ASSERT_EQ(w.reports.size(), 2U);
    EXPECT_EQ(w.reports[0].reason, error::draining);
}

TEST(Server, DrainingHasAnEnd)
{
    world w([](connection& peer) -> task<> {
        for (;;) {
            co_await checked(sleep_for(1s));
            if (peer.ended()) {
                co_await fail(peer.ended());
            }
        }
    });
    connection client = w.backlog.connect();
    w.sim.settle();
    w.subject.stop();
    w.sim.settle();
    w.sim.advance(30s - 1ms);
    EXPECT_FALSE(w.sim.outcome(0));
    EXPECT_TRUE(w.reports.empty());
    w.sim.start(swallow(client));
    w.sim.advance(4s);
    EXPECT_TRUE(w.sim.outcome(0));
    ASSERT_EQ(w.reports.size(), 1U);
    EXPECT_EQ(w.reports[0].reason, error::drain_timeout);
}

TEST(Server, CancellingIsStopping)
{
    world w(echo);
    connection client = w.backlog.connect();
    EXPECT_EQ(w.sim.run(ask(client, "Hello")).value(), "Hello");
    w.sim.cancel();
    w.sim.start(serve(client, swallow(client)));
    w.sim.advance(10s);
    ASSERT_TRUE(w.sim.outcome(0));
    EXPECT_EQ(w.reports.size(), 1U);
}

/// accept() never has to wait: the server must notice by itself that it was cancelled.
TEST(Server, CancellingEndsAlsoAServerThatIsFlooded)
{
    simulation sim;
    struct flood final : listener {
        explicit flood(loop& h) : home(h) {}
        task<std::unique_ptr<stream>> accept() override
        {
            ++accepted;
            if (accepted == 10000) {
                on_many();
            }
            stream_pair pair(home);
            co_return pair.take_right();
        }
        void close() noexcept override {}
        std::string local() const override { return "flood"; }
        loop& home;
        int accepted = 0;
        std::function<void()> on_many;
    };
    auto source = std::make_unique<flood>(sim.home());
    flood& flooding = *source;
    flooding.on_many = [&] { sim.cancel(); };
    server flooded(std::move(source), swallow);
    sim.start(flooded.run());
    for (int i = 0; i < 100000 && sim.running() != 0 && flooding.accepted < 20000; ++i) {
        sim.step();
    }
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_LT(flooding.accepted, 20000);
}

TEST(Server, StoppingBeforeItRunsEndsItAtOnce)
{
    simulation sim;
    memory_backlog backlog(sim);
    server s(backlog.listen(), echo);
    s.stop();
    connection client = backlog.connect();
    sim.start(s.run());
    sim.settle();
    EXPECT_EQ(sim.outcome(0), result<>());
    EXPECT_EQ(s.stats().accepted, 0U);
}

TEST(Server, AHookThatThrowsEndsTheServer)
{
    for (const std::string hook : {"listening", "open", "close", "accept error"}) {
        SCOPED_TRACE(hook);
        const auto thrower = [&](const char* name) {
            return [&hook, name](auto&&...) {
                if (hook == name) {
                    throw std::runtime_error("hook");
                }
            };
        };
        world w(echo, {.on_listening = thrower("listening"),
                       .on_open = thrower("open"),
                       .on_close = thrower("close"),
                       .on_accept_error = thrower("accept error")});
        connection client = w.backlog.connect();
        w.backlog.fail(make_error_code(boost::system::errc::too_many_files_open));
        w.sim.start(send_all(client, {"Hello"}));
        w.sim.start(close(client));
        w.sim.advance(1min);
        EXPECT_THROW((void)w.sim.outcome(0), std::runtime_error);
        EXPECT_EQ(w.subject.stats().active, 0U);
    }
}

/// A session that is no coroutine may throw before there is a task.
TEST(Server, ASessionThatThrowsWhenItIsCalledEndsItsConnectionOnly)
{
    std::vector<std::string> told;
    bool throws = true;
    const auto session = [&](connection& peer) -> task<> {
        if (std::exchange(throws, false)) {
            throw std::runtime_error("no task");
        }
        return echo(peer);
    };
    world w(session, {.on_close = [&](const session_report& r) { told.push_back(r.text()); }});
    connection first = w.backlog.connect();
    connection second = w.backlog.connect();
    EXPECT_EQ(w.sim.run(first.receive()).error(), error::closed);
    w.sim.start(close(first));
    w.sim.advance(1s);
    EXPECT_THAT(told, ::testing::ElementsAre(::testing::HasSubstr("no task")));
    EXPECT_EQ(w.subject.stats().active, 1U);
    w.sim.start(send_all(second, {"Hello"}));
    EXPECT_EQ(as_text(w.sim.run(second.receive()).value()), "Hello");
}

TEST(Server, RefusesTextThatIsNoEndpoint)
{
    try {
        server s("nonsense", echo);
        FAIL();
    } catch (const boost::system::system_error& e) {
        EXPECT_EQ(e.code(), error::invalid_endpoint);
        EXPECT_THAT(e.what(), ::testing::HasSubstr("nonsense"));
    }
}

/// A session that does not look at what send() answers must not lose a message without a word.
TEST(Server, TellsOfMessagesThatTheFramingRefused)
{
    const auto session = [](std::size_t count) {
        return [count](connection& peer) -> task<> {
            while (auto frame = co_await peer.receive()) {
                for (std::size_t i = 0; i < count; ++i) {
                    co_await peer.send("two\nlines");
                }
                co_await peer.send("one");
            }
        };
    };
    for (const std::size_t count : {1, 2}) {
        server_options options;
        options.connection.framing = delimited("\n");
        world w(session(count), options);
        connection client = w.backlog.connect({.framing = delimited("\n")});
        w.sim.start(send_all(client, {"x"}));
        EXPECT_EQ(w.sim.run(receive_text(client)).value(), "one");
        EXPECT_TRUE(w.sim.run(client.close()));
        w.sim.settle();
        ASSERT_EQ(w.reports.size(), 1U);
        EXPECT_EQ(w.reports[0].info.messages_refused, count);
        EXPECT_EQ(w.reports[0].info.refusal, error::refused_payload);
        EXPECT_EQ(w.reports[0].text(),
                  "closed in order; " +
                      std::string(count == 1 ? "1 message was" : "2 messages were") +
                      " not sent: " + make_error_code(error::refused_payload).message());
    }
}

}  // namespace
