#include "support/lines.hpp"
#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/session/connect.hpp>
#include <libnet/session/server.hpp>
#include <libnet/testing/simulated_network.hpp>
#include <libnet/testing/simulation.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

/// Many at once in a simulated network, and everything that can happen in it in one trace.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(SimulatedCrowd, OfFiveThousandTalksForAMinute)
{
    simulation sim;
    sim.network().link_all({.delay = 20ms, .jitter = 10ms});
    server_options options;
    options.connection.framing = delimited("\n");
    server subject("10.0.0.1:9000", echo, options);
    sim.start(subject.run());
    std::size_t answers = 0;
    const auto client = [&](int n) -> task<> {
        const connect_options how = lines();
        co_await checked(sleep_for(n * 200us));
        auto peer = co_await checked(connect("10.0.0.1:9000", how));
        for (int i = 0; i < 4; ++i) {
            co_await checked(ask_within(2s, peer, "hello"));
            ++answers;
            co_await checked(sleep_for(15s));
        }
    };
    for (int n = 0; n < 5000; ++n) {
        sim.start(client(n));
    }
    sim.advance(62s);
    EXPECT_EQ(answers, 5000U * 4);
    EXPECT_EQ(subject.stats().accepted, 5000U);
}

TEST(SimulatedCrowd, FallsIntoTenThousandBlackHoles)
{
    simulation sim;
    simulated_network& net = sim.network();
    std::size_t timeouts = 0;
    const auto client = [&](std::string where) -> task<> {
        const connect_options how = lines(10s);
        const auto peer = co_await connect(where, how);
        timeouts += peer.has_error() && peer.error() == error::connect_timeout ? 1U : 0U;
    };
    for (int n = 0; n < 10'000; ++n) {
        const std::string address =
            "10.1." + std::to_string(n / 250) + '.' + std::to_string(n % 250);
        net.add_host(address, {address}).go_down();
        sim.start(client(address + ":9000"));
    }
    const time_point began = sim.now();
    sim.advance(11s);
    EXPECT_EQ(timeouts, 10'000U);
    EXPECT_EQ(sim.now() - began, 11s);
}

/// Everything at once, on a bad network.
std::string traced_run(std::uint64_t seed)
{
    simulation sim;
    sim.seed(seed);
    simulated_network& net = sim.network();
    net.keep_trace();
    net.link_all({.loss = 0.05, .delay = 10ms, .jitter = 5ms, .corrupt = 0.01, .rate = 1'000'000});
    simulated_host& shop = net.add_host("shop", {"10.0.0.1"});
    server_options options;
    options.connection.framing = delimited("\n");
    server subject("10.0.0.1:9000", echo, options);
    sim.start(subject.run());
    const auto client = [](int n) -> task<> {
        const connect_options how = lines(10s);
        for (int round = 0; round < 5; ++round) {
            auto peer = co_await checked(connect("shop:9000", how));
            for (int i = 0; i < 5; ++i) {
                co_await checked(ask(peer, std::to_string(n * 1000 + i)));
            }
            co_await checked(sleep_for(100ms));
        }
    };
    for (int n = 0; n < 10; ++n) {
        sim.start(client(n));
    }
    sim.advance(2s);
    shop.go_down();
    sim.advance(1s);
    shop.come_up();
    sim.advance(1s);
    net.cut_connections(net.here(), shop);
    sim.advance(60s);
    return net.trace();
}

TEST(SimulatedNetworkTrace, IsTheSameForOneSeed)
{
    const std::string one = traced_run(1);
    EXPECT_EQ(one, traced_run(1));
    EXPECT_NE(one, traced_run(2));
    EXPECT_THAT(one, HasSubstr("0.000000000 shop listens on 10.0.0.1:9000\n"));
    EXPECT_THAT(one, HasSubstr("2.000000000 shop goes down, silent\n"));
    EXPECT_THAT(one, HasSubstr("0.000000000 192.0.2.1:32768 > 10.0.0.1:9000 connects\n"));
    EXPECT_THAT(one, HasSubstr(" > 10.0.0.1:9000 sends 2 bytes, crc32c "));
    EXPECT_GT(one.size(), 10'000U);
}

}  // namespace
