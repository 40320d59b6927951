#include <libnet/libnet.hpp>
#include <libnet/testing/simulation.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <sstream>
#include <string>

namespace {

using namespace libnet;
using namespace libnet::literals;
using libnet::testing::simulation;

// [within]
task<std::string> first_line_of(connection& peer)
{
    // One deadline for all that is awaited inside, however many awaits that are.
    const bytes line = co_await checked(within(5s, peer.receive()));
    co_return to_string(line);
}
// [end]

// [shielded]
task<> serve_until_cancelled(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
    // When we are cancelled, every await answers `cancelled` at once; but not in here.
    const auto goodbye = [](connection& to) -> task<> {
        co_await checked(to.send("goodbye"));
        co_await checked(to.flush());
    };
    co_await shielded(1s, goodbye(peer));
}
// [end]

// [group]
task<> say_something_now_and_then(connection& peer)
{
    for (;;) {
        co_await checked(sleep_for(10s));
        co_await checked(peer.send("still here"));
    }
}

task<> echo(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

task<> echo_and_more(connection& peer)
{
    auto side_by_side = [&](group& tasks) -> task<> {
        tasks.start(say_something_now_and_then(peer));
        co_await checked(echo(peer));  // when it ends, the other is cancelled
    };
    co_await checked(with_group(side_by_side));  // both have ended when it returns
}
// [end]

// [offload]
std::string lookup(const std::string& name);  // blocks

task<> answer_lookups(connection& peer)
{
    while (auto name = co_await peer.receive()) {
        // What the work needs is handed over: the task may be cancelled, and gone, before it ends.
        const std::string found = co_await checked(offload(lookup, to_string(*name)));
        co_await peer.send(found);
    }
}
// [end]

// [stall]
task<> tell_of_stalls()
{
    loop& here = co_await this_loop();
    here.on_stall([](const stall_report& stall) { std::clog << stall.text() << '\n'; });
}
// [end]

std::string lookup(const std::string& name)
{
    return name + " is not here";
}

// [gcc12]
task<connection> dial(std::string_view where)
{
    connect_options options;  // named first: no aggregate with strings inside a co_await
    options.connection.framing = delimited("\n");
    options.connect_timeout = 1s;
    auto peer = co_await checked(connect(where, options));

    std::string hello = "hello from ";  // and no lambda that captures it by value, either
    hello += peer.info().local;
    co_await checked(peer.send(hello));
    co_return std::move(peer);
}
// [end]

// [handle]
struct announcer {
    connection_handle client;

    // From any thread, also when the client has gone.
    bool announce(std::string_view news) const { return client.send(news).has_value(); }
};
// [end]

TEST(Tasks, HaveDeadlines)
{
    simulation sim;
    auto [left, right] = sim.connect();
    EXPECT_EQ(sim.run(first_line_of(right)).error(), error::timeout);
    EXPECT_FALSE(right.ended());
}

TEST(Tasks, CanBeShielded)
{
    simulation sim;
    auto [left, right] = sim.connect();
    sim.start(serve_until_cancelled(right));
    sim.settle();
    sim.cancel();
    EXPECT_EQ(sim.run(first_line_of(left)).value(), "goodbye");
}

TEST(Tasks, RunInGroups)
{
    simulation sim;
    auto [client, peer] = sim.connect();
    sim.start(echo_and_more(peer));
    sim.advance(20s);
    const auto talk = [](connection& server) -> task<> {
        co_await checked(server.send("hello"));
        for (const char* expected : {"still here", "still here", "hello"}) {
            const bytes frame = co_await checked(server.receive());
            EXPECT_EQ(as_text(frame), expected);
        }
    };
    EXPECT_TRUE(sim.run(talk(client)));
    {
        const connection gone = std::move(client);
    }
    sim.settle();
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_TRUE(sim.outcome(0).value().has_value());
}

TEST(Tasks, OffloadWhatBlocks)
{
    simulation sim;
    auto [client, peer] = sim.connect();
    sim.serve(peer, answer_lookups);
    EXPECT_TRUE(sim.run(client.send("Alice")));
    EXPECT_EQ(sim.run(first_line_of(client)).value(), "Alice is not here");
}

TEST(Tasks, AreNamedWhenTheyKeepTheLoop)
{
    manual_clock clock;
    simulation sim;
    sim.home().use_clock(clock);
    auto [client, peer] = sim.connect();
    sim.serve(peer, [&](connection&) -> task<> {
        co_await checked(yield());
        clock.step(clock.now() + 40ms);  // so long does it block
    });
    std::ostringstream log;
    std::streambuf* const usual = std::clog.rdbuf(log.rdbuf());
    sim.start(tell_of_stalls());
    sim.settle();
    std::clog.rdbuf(usual);
    EXPECT_THAT(log.str(), ::testing::StartsWith(peer.peer() + " kept the loop for 40 ms, from "));
    EXPECT_THAT(log.str(), ::testing::HasSubstr("tasks_test.cpp:"));
}

TEST(Tasks, NameWhatTheyOwn)
{
    simulation sim;
    EXPECT_EQ(sim.run(dial("nowhere")).error(), error::invalid_endpoint);
}

TEST(Handles, SendFromAnywhere)
{
    simulation sim;
    auto [left, right] = sim.connect();
    const announcer news{right.handle()};
    EXPECT_TRUE(news.announce("snow"));
    EXPECT_EQ(sim.run(first_line_of(left)).value(), "snow");
    {
        const connection gone = std::move(right);
    }
    EXPECT_FALSE(news.announce("more snow"));
}

}  // namespace
