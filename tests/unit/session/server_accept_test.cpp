#include "support/allocations.hpp"
#include "support/memory_listener.hpp"
#include "support/sessions.hpp"

#include <libnet/session/server.hpp>
#include <libnet/testing/for_each_fault.hpp>

#include <gtest/gtest.h>

#include <new>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;
namespace errc = boost::system::errc;

struct accepting {
    explicit accepting(server::session session = echo)
        : backlog(sim),
          subject(backlog.listen(), std::move(session),
                  {.on_accept_error = [this](error_code, duration p) { pauses.push_back(p); }})
    {
        sim.start(subject.run());
        sim.settle();
    }

    simulation sim;
    memory_backlog backlog;
    std::vector<duration> pauses;
    libnet::server subject;
};

TEST(ServerAccept, BacksOffFromTenMillisecondsToHalfASecond)
{
    for (const auto trouble : {errc::too_many_files_open, errc::too_many_files_open_in_system,
                               errc::no_buffer_space, errc::not_enough_memory}) {
        accepting a;
        for (int i = 0; i < 9; ++i) {
            a.backlog.fail(make_error_code(trouble));
        }
        const time_point begin = a.sim.now();
        a.sim.settle();
        EXPECT_EQ(a.backlog.waiting(), 8U);
        a.sim.advance(10ms - 1ns);
        EXPECT_EQ(a.backlog.waiting(), 8U);
        a.sim.advance(1ns);
        EXPECT_EQ(a.backlog.waiting(), 7U);
        a.sim.advance(1min);
        EXPECT_EQ(a.backlog.waiting(), 0U);
        EXPECT_THAT(a.pauses, ::testing::ElementsAre(10ms, 20ms, 40ms, 80ms, 160ms, 320ms, 500ms,
                                                     500ms, 500ms));
        EXPECT_EQ(a.backlog.calls().back() - begin, 2130ms);
        EXPECT_EQ(a.subject.stats().accept_errors, 9U);
    }
}

TEST(ServerAccept, ASuccessForgetsTheTrouble)
{
    accepting a;
    a.backlog.fail(make_error_code(errc::too_many_files_open));
    a.backlog.fail(make_error_code(errc::too_many_files_open));
    const connection client = a.backlog.connect();
    a.backlog.fail(make_error_code(errc::too_many_files_open));
    a.sim.advance(1s);
    EXPECT_THAT(a.pauses, ::testing::ElementsAre(10ms, 20ms, 10ms));
}

/// Somebody has taken the socket away: better an end that a supervisor sees than a server that is deaf.
TEST(ServerAccept, EndsWhenItsSocketWillNeverListenAgain)
{
    simulation sim;
    memory_backlog backlog(sim);
    server subject(backlog.listen(), echo);
    const error_code not_listening(errc::invalid_argument, boost::system::system_category());
    for (int i = 0; i < 15; ++i) {  // as few may be those of connections
        backlog.fail(not_listening);
    }
    for (int i = 0; i < 40; ++i) {  // and so are these, which are not accept()'s own
        backlog.fail(make_error_code(errc::invalid_argument));
    }
    connection client = backlog.connect();
    for (int i = 0; i < 16; ++i) {
        backlog.fail(not_listening);
    }
    sim.start([](connection& c) -> task<> {
        co_await checked(c.send("Hello"));
        EXPECT_EQ(as_text(co_await checked(c.receive())), "Hello");
        co_await checked(c.close());
    }(client));
    try {
        (void)sim.run(subject.run());
        ADD_FAILURE() << "it goes on";
    } catch (const boost::system::system_error& ended) {
        EXPECT_EQ(ended.code(), errc::invalid_argument);
        EXPECT_THAT(ended.what(), ::testing::HasSubstr("no longer listening on"));
    }
    EXPECT_EQ(subject.stats().messages_received, 1U);
}

TEST(ServerAccept, TriesAgainWhenAConnectionEnds)
{
    accepting a;
    connection client = a.backlog.connect();
    for (int i = 0; i < 7; ++i) {
        a.backlog.fail(make_error_code(errc::too_many_files_open));
    }
    a.sim.advance(700ms);  // in the pause of half a second
    EXPECT_EQ(a.pauses.back(), 500ms);
    connection next = a.backlog.connect();
    a.sim.settle();
    EXPECT_EQ(a.backlog.waiting(), 1U);
    a.sim.start([](connection& c) -> task<> { co_await checked(c.close()); }(client));
    a.sim.settle();
    EXPECT_EQ(a.backlog.waiting(), 0U);
    EXPECT_EQ(a.subject.stats().accepted, 2U);
}

TEST(ServerAccept, SkipsWhatConcernsOneConnection)
{
    accepting a;
    for (const auto skipped : {errc::connection_aborted, errc::protocol_error, errc::interrupted,
                               errc::connection_reset, errc::network_down}) {
        a.backlog.fail(make_error_code(skipped));
    }
    const connection client = a.backlog.connect();
    a.sim.settle();  // no time passes
    EXPECT_EQ(a.subject.stats().accepted, 1U);
    EXPECT_EQ(a.subject.stats().accept_errors, 5U);
    EXPECT_TRUE(a.pauses.empty());
}

TEST(ServerAccept, DoesNotSpinOnThemEither)
{
    accepting a;
    for (int i = 0; i < 1000; ++i) {
        a.backlog.fail(make_error_code(errc::connection_aborted));
    }
    a.sim.settle();
    EXPECT_GT(a.backlog.waiting(), 900U);
}

TEST(ServerAccept, SurvivesWantOfMemory)
{
    accepting a;
    a.backlog.fail_with(std::make_exception_ptr(std::bad_alloc()));
    connection client = a.backlog.connect();
    a.sim.advance(1s);
    EXPECT_EQ(a.pauses.size(), 1U);
    EXPECT_EQ(a.subject.stats().accepted, 1U);
}

TEST(ServerAccept, StopsInAPause)
{
    accepting a;
    a.backlog.fail(make_error_code(errc::too_many_files_open));
    a.sim.settle();
    EXPECT_EQ(a.pauses.size(), 1U);
    a.subject.stop();
    a.sim.settle();  // no time passes
    EXPECT_EQ(a.sim.outcome(0), result<>());
}

TEST(ServerAccept, IsCancelledInAPause)
{
    accepting a;
    a.backlog.fail(make_error_code(errc::too_many_files_open));
    a.sim.settle();
    a.sim.cancel();
    a.sim.settle();
    EXPECT_TRUE(a.sim.outcome(0));
}

task<> ask_twice(connection& client, int& replies)
{
    for (int i = 0; i < 2; ++i) {
        result<> sent = make_error_code(error::no_value);
        {
            const unlimited_memory mine;
            sent = co_await client.send("Hello");
        }
        if (!sent) {
            co_return;
        }
        auto reply = co_await client.receive();
        if (!reply) {
            co_return;
        }
        ++replies;
    }
}

/// One allocation fails somewhere in the server, or in a client: one connection ends, or one waits
/// a little longer. The next client is served as if nothing had been.
TEST(ServerAccept, WantOfMemoryAnywhereEndsOneSessionAtMost)
{
    const std::size_t steps = for_each_step([](std::size_t n) {
        SCOPED_TRACE(n);
        accepting a;
        std::array<int, 3> replies{};
        std::vector<connection> clients;
        for (std::size_t i = 0; i < replies.size(); ++i) {
            clients.push_back(a.backlog.connect({.idle_timeout = 5s}));
        }
        for (std::size_t i = 0; i < replies.size(); ++i) {
            a.sim.start(ask_twice(clients[i], replies[i]));
        }
        bool struck = false;
        {
            const failing_allocation failing(n);
            a.sim.settle();
            a.sim.advance(50ms);
            struck = failing.struck();
        }
        clients.clear();
        a.sim.advance(1min);
        EXPECT_EQ(a.subject.stats().active, 0U);
        int whole = 0;
        for (const int got : replies) {
            whole += got == 2 ? 1 : 0;
        }
        EXPECT_GE(whole, struck ? 2 : 3);

        connection next = a.backlog.connect();
        int more = 0;
        a.sim.start(ask_twice(next, more));
        a.sim.settle();
        EXPECT_EQ(more, 2);
        EXPECT_EQ(a.sim.running(), 1U);  // the server
        return struck && !::testing::Test::HasFailure();
    });
    EXPECT_GT(steps, 5U);
}

}  // namespace
