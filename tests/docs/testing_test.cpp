#include <libnet/libnet.hpp>
#include <libnet/testing/for_each_fault.hpp>
#include <libnet/testing/simulation.hpp>
#include <libnet/testing/tcp_relay.hpp>

#include <gtest/gtest.h>

#include <string>

// [ten_lines]
using namespace libnet;
using namespace libnet::literals;
using libnet::testing::simulation;

task<> echo(connection& peer);  // the session under test

task<std::string> ask(connection& server, std::string_view question)
{
    co_await checked(server.send(question));
    const bytes answer = co_await checked(server.receive());
    co_return to_string(answer);
}

TEST(Echo, AnswersWhatItWasSent)
{
    simulation sim;
    auto [client, peer] = sim.connect();
    sim.serve(peer, echo);
    EXPECT_EQ(sim.run(ask(client, "hello")).value(), "hello");
    EXPECT_TRUE(sim.run(client.close()));  // the session sees the end, and its side closes too
}
// [end]

task<> echo(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

// [manual_time]
TEST(Echo, LetsAnIdleClientGoAfter65Seconds)
{
    simulation sim;
    auto [client, peer] = sim.connect({}, {.idle_timeout = 65s});
    sim.start(echo(peer));
    sim.advance(64s);
    EXPECT_EQ(sim.running(), 1U);
    sim.advance(2s);
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_EQ(peer.ended(), error::idle_timeout);
}
// [end]

// [pieces]
TEST(Echo, WorksThroughTheEyeOfANeedle)
{
    const libnet::testing::pipe_options needle{.capacity = 5, .largest_read = 1};
    simulation sim;
    auto [client, peer] = sim.connect({}, {}, needle, needle);
    sim.serve(peer, echo);
    EXPECT_EQ(sim.run(ask(client, "a longer text")).value(), "a longer text");
}
// [end]

// [faults]
TEST(Echo, EndsWhateverGoesWrong)
{
    libnet::testing::for_each_fault([](const libnet::testing::fault& fault) {
        SCOPED_TRACE(fault.describe());
        simulation sim;
        const connection_options patient{.idle_timeout = 65s};
        auto [client, peer] = sim.connect(patient, patient, fault.forward, fault.backward);
        sim.serve(peer, echo);
        const result<std::string> answer = sim.run(ask(client, "hello"));
        EXPECT_TRUE(!answer || *answer == "hello");
        sim.advance(2min);  // longer than every deadline
        EXPECT_EQ(sim.running(), 0U);
    });
}
// [end]

// [every_step]
TEST(Echo, CanBeCancelledAnywhere)
{
    const std::size_t steps = libnet::testing::for_each_step([](std::size_t n) {
        SCOPED_TRACE(n);
        simulation sim;
        auto [client, peer] = sim.connect();
        sim.start(echo(peer));
        const auto talk = [](connection& server) -> task<> {
            co_await checked(ask(server, "hello"));
            co_await checked(server.close());
        };
        sim.start(talk(client));
        while (n > 0 && sim.step()) {
            --n;
        }
        sim.cancel();
        sim.settle();
        EXPECT_EQ(sim.running(), 0U);
        return n == 0;  // there was still something to cancel
    });
    EXPECT_GT(steps, 5U);
}
// [end]

// [network]
task<std::string> ask_at(std::string_view where, std::string_view question)
{
    auto server = co_await checked(connect(where));
    std::string answer = co_await checked(ask(server, question));
    co_await checked(server.close());
    co_return answer;
}

TEST(Echo, ServesOverABadNetwork)
{
    simulation sim;
    auto& shop = sim.network().add_host("shop", {"10.0.0.1", "2001:db8:1::1"});
    sim.network().link_all({.loss = 0.02, .delay = 20ms, .jitter = 5ms});
    libnet::server subject(":9000", echo);
    sim.start(on(shop, subject.run()));
    EXPECT_EQ(sim.run(ask_at("shop:9000", "hello")).value(), "hello");
}
// [end]

// [outage]
TEST(Client, GivesASilentServerUpAfterThreeSeconds)
{
    simulation sim;
    auto& shop = sim.network().add_host("shop", {"10.0.0.1"});
    libnet::server subject(":9000", echo);
    sim.start(on(shop, subject.run()));

    shop.go_down(libnet::testing::outage::silent);
    const time_point began = sim.now();
    EXPECT_EQ(sim.run(ask_at("shop:9000", "hello")).error(), error::connect_timeout);
    EXPECT_EQ(sim.now() - began, 3s);

    shop.come_up();
    EXPECT_TRUE(sim.run(ask_at("shop:9000", "hello")));
}
// [end]

// [one_seed]
std::string trace_of(std::uint64_t seed)
{
    simulation sim;
    sim.seed(seed);
    sim.network().keep_trace();
    sim.network().link_all({.loss = 0.1, .delay = 20ms, .jitter = 5ms});
    libnet::server subject("10.0.0.1:9000", echo);
    sim.start(subject.run());
    for (int clients = 0; clients < 10; ++clients) {
        sim.start([]() -> task<> { (void)co_await ask_at("10.0.0.1:9000", "hello"); }());
    }
    sim.advance(1min);
    return sim.network().trace();
}

TEST(Echo, IsTheSameInEveryRun)
{
    EXPECT_EQ(trace_of(1), trace_of(1));
    EXPECT_NE(trace_of(1), trace_of(2));
}
// [end]

// [relay]
TEST(Echo, IsReachedThroughASlowLine)
{
    simulation sim;
    libnet::server subject("10.0.0.1:9000", echo);
    sim.start(subject.run());
    libnet::testing::tcp_relay line("10.0.0.2:9000", "10.0.0.1:9000",
                                    {.there = {.delay = 300ms}, .back = {.delay = 50ms}});
    sim.start(line.run());
    const time_point began = sim.now();
    EXPECT_EQ(sim.run(ask_at("10.0.0.2:9000", "hello")).value(), "hello");
    EXPECT_GE(sim.now() - began, 350ms);
}
// [end]
