#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/session/connect.hpp>
#include <libnet/session/server.hpp>
#include <libnet/testing/simulation.hpp>
#include <libnet/testing/tcp_relay.hpp>

#include <boost/system/system_error.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;
using namespace std::chrono_literals;
namespace errc = boost::system::errc;

/// An echo behind a relay, in the simulated network; so the line is in virtual time.
struct TcpRelay : ::testing::Test {
    TcpRelay()
    {
        server_options options;
        options.connection.framing = delimited("\n");
        subject = std::make_unique<server>("10.0.0.1:9000", echo, std::move(options));
        sim.start(subject->run());
        sim.settle();
        how.connection.framing = delimited("\n");
    }

    void relay(relay_options options)
    {
        line = std::make_unique<tcp_relay>("10.0.0.2:9000", "10.0.0.1:9000", std::move(options));
        sim.start(line->run());
        sim.settle();
    }

    connection client() { return sim.run(connect("10.0.0.2:9000", how)).value(); }

    result<std::string> ask(connection& peer, std::string question, duration limit = 1h)
    {
        const auto asking = [](connection& p, std::string q) -> task<std::string> {
            co_await checked(p.send(q));
            co_return co_await checked(receive_text(p));
        };
        const auto bounded = [&](std::string q) -> task<std::string> {
            co_return co_await within(limit, asking(peer, std::move(q)));
        };
        return sim.run(bounded(std::move(question)));
    }

    simulation sim;
    std::unique_ptr<server> subject;
    std::unique_ptr<tcp_relay> line;
    connect_options how;
};

TEST_F(TcpRelay, LetsEverythingThrough)
{
    relay({});
    auto peer = client();
    EXPECT_EQ(ask(peer, "hello").value(), "hello");
    const std::string much = some_text(900'000);
    EXPECT_EQ(ask(peer, much).value(), much);
    EXPECT_TRUE(sim.run(peer.close()));
    sim.settle();
    const relay_stats stats = line->stats();
    EXPECT_EQ(stats.peers, 1U);
    EXPECT_EQ(stats.active, 0U);
    EXPECT_EQ(stats.there.bytes, 900'000U + 7);
    EXPECT_EQ(stats.back.bytes, stats.there.bytes);
}

TEST_F(TcpRelay, DelaysEachWay)
{
    relay({.there = {.delay = 30ms}, .back = {.delay = 20ms}});
    auto peer = client();
    const time_point began = sim.now();
    EXPECT_TRUE(ask(peer, "hello"));
    EXPECT_EQ(sim.now() - began, 50ms);
}

TEST_F(TcpRelay, LimitsTheRate)
{
    relay({.there = {.rate = 10'000}});
    auto peer = client();
    const time_point began = sim.now();
    EXPECT_TRUE(ask(peer, some_text(9'999)));
    EXPECT_EQ(sim.now() - began, 1s);
}

TEST_F(TcpRelay, HoldsABoundedAmount)
{
    relay({.there = {.delay = 1s}, .under_way = 10'000});
    how.connection.high_water_mark = 64_KiB;
    auto peer = client();
    const time_point began = sim.now();
    EXPECT_TRUE(ask(peer, some_text(99'999)));
    EXPECT_GE(sim.now() - began, 6s) << "16 KiB, which is one read, at a time";
}

TEST_F(TcpRelay, CutsAfterSoManyBytes)
{
    relay({.there = {.cut_after = 12}});
    auto peer = client();
    EXPECT_TRUE(ask(peer, "hello"));
    EXPECT_FALSE(ask(peer, "again")) << "the twelfth byte is the last";
    EXPECT_EQ(line->stats().cut, 1U);
    EXPECT_EQ(line->stats().active, 0U);
    EXPECT_EQ(subject->stats().active, 0U);
}

TEST_F(TcpRelay, FallsSilentAndTellsNobody)
{
    relay({.there = {.silent_after = 6}});
    auto peer = client();
    EXPECT_TRUE(ask(peer, "hello"));
    EXPECT_EQ(ask(peer, "again", 60s).error(), error::timeout);
    EXPECT_EQ(line->stats().active, 1U);
    EXPECT_EQ(subject->stats().active, 1U);
    sim.advance(10s);
    EXPECT_EQ(subject->stats().active, 0U) << "its own idle timeout";
}

TEST_F(TcpRelay, DamagesBits)
{
    relay({.there = {.corrupt = 1}});
    auto peer = client();
    EXPECT_NE(ask(peer, "oooooooo").value(), "oooooooo");
    EXPECT_EQ(line->stats().there.corrupted, 1U);
}

TEST_F(TcpRelay, SaysHowManyCouldNotBeConnected)
{
    sim.network().host("10.0.0.1").go_down(outage::refused);
    relay({});
    auto peer = client();
    EXPECT_FALSE(ask(peer, "hello"));
    EXPECT_EQ(line->stats().unreachable, 1U);
}

TEST_F(TcpRelay, PassesAResetOn)
{
    relay({});
    auto peer = client();
    EXPECT_TRUE(ask(peer, "hello"));
    sim.network().host("10.0.0.1").cut_connections();
    EXPECT_FALSE(sim.run(peer.receive()));
    EXPECT_EQ(line->stats().active, 0U);
}

TEST_F(TcpRelay, LetsOthersWaitWhenItIsFull)
{
    relay({.max_peers = 1});
    auto first = client();
    EXPECT_TRUE(ask(first, "hello"));
    auto second = client();
    EXPECT_EQ(ask(second, "hello", 5s).error(), error::timeout);
    EXPECT_TRUE(sim.run(first.close()));
    EXPECT_EQ(sim.run(receive_text(second)).value(), "hello");
}

TEST_F(TcpRelay, EndsWhenItIsCancelled)
{
    relay({});
    auto peer = client();
    EXPECT_TRUE(ask(peer, "hello"));
    sim.cancel();
    EXPECT_EQ(sim.run(peer.receive()).error(), error::closed);
    EXPECT_EQ(line->stats().active, 0U);
}

TEST_F(TcpRelay, RefusesWhatIsNoEndpoint)
{
    EXPECT_THROW(tcp_relay("here", "10.0.0.1:9000"), boost::system::system_error);
    EXPECT_THROW(tcp_relay("10.0.0.2:9000", ""), boost::system::system_error);
    EXPECT_THROW(tcp_relay(":1", ":2", {.there = {.loss = -1}}), std::invalid_argument);
}

}  // namespace
