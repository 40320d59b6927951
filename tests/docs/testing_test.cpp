#include <libnet/libnet.hpp>
#include <libnet/testing/for_each_fault.hpp>
#include <libnet/testing/simulation.hpp>

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
