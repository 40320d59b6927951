// [test]
#include <libnet/libnet.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

using namespace libnet::literals;

libnet::task<> echo(libnet::connection& peer);

TEST(EchoServer, SendsLinesBack)
{
    libnet::testing::simulation sim;
    const libnet::connection_options lines{.framing = libnet::delimited("\n")};
    auto [client, peer] = sim.connect(lines, lines);
    sim.serve(peer, echo);
    EXPECT_TRUE(sim.run(client.send("hello")));
    EXPECT_EQ(libnet::as_text(sim.run(client.receive()).value()), "hello");
}

TEST(EchoServer, LetsASilentClientGo)
{
    libnet::testing::simulation sim;
    auto [client, peer] = sim.connect({}, {.idle_timeout = 10s});
    sim.serve(peer, echo);
    sim.advance(9s);
    EXPECT_FALSE(peer.ended());
    sim.advance(1s);
    EXPECT_EQ(peer.ended(), libnet::error::idle_timeout);
}
// [end]
