#include "support/guarded_server.hpp"

#include <libnet/framing/delimited.hpp>

#include <boost/system/system_error.hpp>

#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;
namespace errc = boost::system::errc;

server_options apologetic()
{
    return {.connection = {.framing = delimited("\n")},
            .admission = {.max_connections = 0},
            .surplus = surplus::refuse,
            .refusal = "come back later"};
}

const connection_options lines{.framing = delimited("\n")};

TEST(ServerRefusal, ARefusedClientGetsALastMessage)
{
    guarded_server g(apologetic());
    connection& client = g.come(office, lines);
    EXPECT_EQ(g.hears(client), "come back later");
    EXPECT_EQ(g.hears(client), "closed in order");
}

TEST(ServerRefusal, AMessageThatTheFramingCannotCarryIsRefusedAtOnce)
{
    simulation sim;
    memory_backlog backlog(sim);
    EXPECT_THROW(server(backlog.listen(), echo,
                        {.connection = {.framing = delimited("\n")}, .refusal = "two\nlines"}),
                 boost::system::system_error);
}

TEST(ServerRefusal, WhatARefusedClientSaysIsReadBeforeItIsClosed)
{
    guarded_server g(apologetic());
    const auto calls = std::make_shared<stream_calls>();
    connection client = g.backlog.connect_from(office, lines, calls);
    EXPECT_TRUE(g.sim.run(client.send("a request")));
    g.sim.settle();
    ASSERT_EQ(calls->order.substr(0, 2), "wh");
    EXPECT_EQ(calls->order.find('c'), std::string::npos) << "it has a second";
    g.sim.advance(1s - 1ns);
    EXPECT_EQ(calls->order.find('c'), std::string::npos);
    g.sim.advance(1ns);
    EXPECT_EQ(calls->order.back(), 'c');
    EXPECT_GT(calls->reads, 1U);
}

TEST(ServerRefusal, OnlySoManyRefusedClientsHaveTime)
{
    guarded_server g(apologetic());
    std::vector<std::shared_ptr<stream_calls>> calls;
    for (int i = 0; i < 100; ++i) {
        calls.push_back(std::make_shared<stream_calls>());
        g.clients.push_back(g.backlog.connect_from(office, lines, calls.back()));
    }
    g.sim.settle();
    std::size_t closed = 0;
    for (const auto& c : calls) {
        closed += c->order.find('c') != std::string::npos ? 1 : 0;
    }
    EXPECT_EQ(closed, 100U - 64U);
    EXPECT_EQ(g.hears(g.clients.back()), "come back later") << "closed at once, but not unheard";
    EXPECT_EQ(g.refused.size(), 100U);

    g.sim.advance(1s);
    calls.push_back(std::make_shared<stream_calls>());
    g.clients.push_back(g.backlog.connect_from(office, lines, calls.back()));
    g.sim.settle();
    EXPECT_EQ(calls.back()->order.find('c'), std::string::npos) << "there is time again";
}

TEST(ServerRefusal, AClientThatDoesNotReadHoldsNobodyUp)
{
    guarded_server g(apologetic());
    g.clients.push_back(g.backlog.connect(lines, {}, {.capacity = 3}));
    EXPECT_EQ(g.hears(g.come(neighbour, lines)), "come back later");
    g.subject.stop();
    g.sim.advance(1s);
    EXPECT_TRUE(g.sim.outcome(0));
}

TEST(ServerRefusal, OneThatHasLingeredFreesADescriptor)
{
    guarded_server g(apologetic());
    g.come(office, lines);
    for (int i = 0; i < 9; ++i) {
        g.backlog.fail(make_error_code(errc::too_many_files_open));
    }
    g.sim.advance(960ms);  // in a pause of half a second, from 630 ms on
    const std::size_t calls = g.backlog.calls().size();
    g.sim.advance(40ms);
    EXPECT_EQ(g.backlog.calls().size(), calls + 1);
}

}  // namespace
