#include <libnet/libnet.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <charconv>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace libnet;
using namespace libnet::literals;

// [ask]
task<std::string> ask(pool& servers, std::string_view question)
{
    auto peer = co_await checked(servers.borrow());
    co_await checked(peer->send(question));
    const bytes answer = co_await checked(peer->receive());
    co_return to_string(answer);
}  // given back here, however it ends
// [end]

// [options]
task<> ping(connection& peer)
{
    co_await checked(peer.send("PING"));
    co_await checked(peer.receive());
}

pool_options eight_lines()
{
    pool_options options;
    options.connect.connection.framing = delimited("\n");
    options.lending.max_size = 8;
    options.lending.min_idle = 2;  // ready before anybody asks
    options.check = ping;          // after 10 s without use
    return options;
}
// [end]

// [run]
task<std::string> two_answers(pool& servers)
{
    std::string both;
    auto beside = [&](group& g) -> task<> {
        g.start(servers.run());  // makes connections, checks them, replaces them
        both = co_await checked(ask(servers, "one"));
        both += co_await checked(ask(servers, "two"));
        servers.drain();
        co_await checked(g.join());
    };
    co_await checked(with_group(beside));
    co_return both;
}
// [end]

// [notify]
task<> notify(pool& servers, std::string_view news)
{
    auto peer = co_await checked(servers.borrow());
    co_await checked(peer->send(news));
    peer.keep();  // no answer will come: it may be lent again all the same
}
// [end]

// [retry]
task<std::string> ask_again(pool& servers, retry_budget& budget, std::string_view question)
{
    loop& here = co_await this_loop();
    backoff pauses({.give_up_after = 4});
    budget.call(here.now());
    for (;;) {
        auto answer = co_await ask(servers, question);
        if (answer) {
            co_return std::move(*answer);
        }
        const auto pause = pauses.failed(here.now(), here.random());
        if (!pause || !budget.take(here.now())) {
            co_await fail(answer.error());
        }
        co_await checked(sleep_for(*pause));
    }
}
// [end]

// [breaker]
task<> call_unless_it_fails_anyway(connection& peer, circuit_breaker& breaker)
{
    loop& here = co_await this_loop();
    const auto ticket = breaker.ask(here.now());
    if (!ticket) {
        co_await fail(error::circuit_open);
    }
    const auto outcome = co_await within(1s, ping(peer));
    if (outcome) {
        breaker.succeeded(*ticket, here.now());
    } else if (outcome.error() == error::cancelled) {
        breaker.abandoned(*ticket);
    } else {
        breaker.failed(*ticket, here.now(), here.random());
        co_await fail(outcome.error());
    }
}
// [end]

task<std::string> look_up(std::string question)
{
    co_await checked(sleep_for(question.ends_with("slowly") ? 10s : 10ms));
    co_return "found " + question;
}

// [shed]
task<> answer_or_say_busy(connection& peer, limiter& at_once)
{
    while (auto question = co_await peer.receive()) {
        auto turn = co_await within(200ms, at_once.acquire());  // nobody waits longer than that
        if (!turn) {
            co_await peer.send("busy");
            continue;
        }
        const auto answer = co_await within(1s, look_up(to_string(*question)));
        if (answer) {
            turn->done();
        } else {
            turn->overloaded();
        }
        co_await peer.send(answer ? std::string_view(*answer) : "busy");
    }
}
// [end]

// [deadline]
task<> ask_in_time(connection& peer, std::string_view question)
{
    const duration left = co_await time_left();  // of the `within` around us
    const std::uint32_t budget = time_budget(left, 5ms);
    if (budget == 0) {
        co_await fail(error::timeout);  // nobody would wait for the answer
    }
    std::string request = std::to_string(budget) + ' ';
    request += question;
    co_await checked(peer.send(request));
}

task<> answer_in_time(connection& peer)
{
    while (auto request = co_await peer.receive()) {
        const std::string_view text = as_text(*request);
        std::uint32_t budget = no_time_budget;
        const auto [rest, failed] = std::from_chars(text.data(), text.data() + text.size(), budget);
        std::string question(rest, text.data() + text.size());
        const duration granted = time_granted(budget, 10s);  // at most what is ours to give
        const auto answer = co_await within(granted, look_up(std::move(question)));
        if (answer) {
            co_await peer.send(*answer);
        }
    }
}
// [end]

/// Servers in memory: each connection gets a session of its own.
struct servers_in_memory {
    pool_options options(std::function<task<>(connection&)> session)
    {
        pool_options all = eight_lines();
        all.connector = [this, session](std::string_view) -> task<connection> {
            ++connected;
            if (down != 0) {
                --down;
                co_await fail(error::connect_timeout);
            }
            auto [client, peer] =
                sim.connect(eight_lines().connect.connection, eight_lines().connect.connection);
            sim.serve(peer, session);
            co_return std::move(client);
        };
        return all;
    }

    int connected = 0;
    int down = 0;
    libnet::testing::simulation sim;
};

task<> echo(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

TEST(PoolPage, AnswersAndDrains)
{
    servers_in_memory world;
    pool servers("memory", world.options(echo));
    EXPECT_EQ(*world.sim.run(two_answers(servers)), "onetwo");
    EXPECT_EQ(servers.stats().size, 0U);
    EXPECT_EQ(servers.stats().lent, 2U);
    EXPECT_GE(world.connected, 2);
}

TEST(PoolPage, KeepsAConnectionWithoutAnAnswer)
{
    servers_in_memory world;
    pool servers("memory", world.options([](connection& peer) -> task<> {
        while (auto frame = co_await peer.receive()) {}
    }));
    world.sim.start(servers.run());
    EXPECT_TRUE(world.sim.run(notify(servers, "news")));
    EXPECT_EQ(servers.stats().discarded, 0U);
    servers.drain();
    world.sim.settle();
}

TEST(FailingWellPage, TriesAgainWithinItsBudget)
{
    servers_in_memory world;
    int fail = 2;  // so many ask, and get no answer
    auto session = [&](connection& peer) -> task<> {
        while (auto frame = co_await peer.receive()) {
            if (fail != 0) {
                --fail;
                co_return;
            }
            co_await peer.send(*frame);
        }
    };
    pool servers("memory", world.options(session));
    world.sim.start(servers.run());
    retry_budget budget;
    EXPECT_EQ(*world.sim.run(ask_again(servers, budget, "hello")), "hello");
    EXPECT_EQ(servers.stats().broken, 2U);
    servers.drain();
    world.sim.settle();
}

TEST(FailingWellPage, GivesUpWhereTheBudgetIsUsedUp)
{
    servers_in_memory world;
    world.down = 1'000'000;
    pool servers("memory", world.options(echo));
    world.sim.start(servers.run());
    retry_budget none({.percent = 0, .at_least_per_second = 0});
    world.sim.advance(5s);
    EXPECT_EQ(world.sim.run(ask_again(servers, none, "hello")).error(), error::circuit_open);
    servers.drain();
    world.sim.settle();
}

TEST(FailingWellPage, BreaksTheCircuit)
{
    libnet::testing::simulation sim;
    auto [client, silent] = sim.connect();
    circuit_breaker breaker({.consecutive_failures = 2});
    for (int i = 0; i != 2; ++i) {
        EXPECT_EQ(sim.run(call_unless_it_fails_anyway(client, breaker)).error(), error::timeout);
    }
    EXPECT_EQ(sim.run(call_unless_it_fails_anyway(client, breaker)).error(), error::circuit_open);
    sim.serve(silent, echo);
    sim.advance(1s);
    EXPECT_TRUE(sim.run(call_unless_it_fails_anyway(client, breaker)));
    EXPECT_EQ(breaker.state(), circuit::closed);
}

TEST(FailingWellPage, ShedsLoad)
{
    libnet::testing::simulation sim;
    limiter at_once(sim.home(), {.limit = {.limit = 1, .max_waiting = 0}});
    auto session = [&](connection& peer) { return answer_or_say_busy(peer, at_once); };
    auto one = sim.connect();
    auto two = sim.connect();
    sim.serve(one.right, session);
    sim.serve(two.right, session);
    auto both = [&]() -> task<std::string> {
        co_await checked(one.left.send("x"));
        co_await checked(one.left.flush());
        co_await checked(sleep_for(1ms));
        co_await checked(two.left.send("y"));
        const std::string second = to_string(co_await checked(two.left.receive()));
        const std::string first = to_string(co_await checked(one.left.receive()));
        co_return second + ", " + first;
    };
    EXPECT_EQ(*sim.run(both()), "busy, found x");
    EXPECT_EQ(at_once.stats().running, 0U);
}

TEST(FailingWellPage, PassesADeadlineOn)
{
    libnet::testing::simulation sim;
    auto [client, peer] = sim.connect();
    sim.serve(peer, answer_in_time);
    auto call = [](connection& to, std::string_view question) -> task<std::string> {
        co_await checked(ask_in_time(to, question));
        co_return to_string(co_await checked(to.receive()));
    };
    auto limited = [&](std::string_view question) -> task<std::string> {
        co_return co_await checked(within(1s, call(client, question)));
    };
    EXPECT_EQ(*sim.run(limited("fast")), "found  fast");
    EXPECT_EQ(sim.run(limited("slowly")).error(), error::timeout);
    EXPECT_EQ(*sim.run(limited("again")), "found  again");  // it gave up with us, and is free
}

}  // namespace
