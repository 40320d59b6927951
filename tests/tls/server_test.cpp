#include "support/memory_listener.hpp"
#include "support/openssl_peer.hpp"
#include "support/proxy_headers.hpp"
#include "support/sessions.hpp"
#include "support/tls_pair.hpp"

#include <libnet/runtime/within.hpp>
#include <libnet/session/server.hpp>

#include <gtest/gtest.h>

/// A server whose layer is TLS: who is counted when, what is told of those who never come through.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

struct secured {
    explicit secured(server_options options = {})
        : clients(sim), subject(clients.listen(), echo, [&] {
              options.layer = tls_context::server(server_options_for());
              options.on_open = [this](const connection&) { ++opened; };
              options.on_close = [this](const session_report& r) { reports.push_back(r); };
              return options;
          }())
    {
        sim.start(subject.run());
        sim.settle();
    }

    /// What the server listens to goes before the simulation does.
    ~secured()
    {
        sim.cancel();
        sim.settle();
    }
    secured(const secured&) = delete;
    secured& operator=(const secured&) = delete;

    /// A client that has shaken hands.
    std::unique_ptr<connection> connect()
    {
        static const auto context = tls_context::client(trusting_client());
        auto pair = clients.connect_stream();
        result<std::unique_ptr<stream>> made = error::no_value;
        EXPECT_TRUE(sim.run(tests::shake_hands(context, std::move(pair), "localhost", made)));
        EXPECT_TRUE(made);
        return std::make_unique<connection>(std::move(*made));
    }

    simulation sim;
    memory_backlog clients;
    int opened = 0;
    std::vector<session_report> reports;
    server subject;
};

TEST(TlsServer, RunsTheSameSession)
{
    secured s;
    auto client = s.connect();
    EXPECT_TRUE(s.sim.run(client->send("hello")));
    EXPECT_EQ(as_text(s.sim.run(client->receive()).value()), "hello");
    EXPECT_EQ(s.opened, 1);
    EXPECT_EQ(s.subject.stats().active, 1U);
    EXPECT_TRUE(s.sim.run(client->close()));
    s.sim.settle();
    EXPECT_EQ(s.subject.stats().active, 0U);
    ASSERT_EQ(s.reports.size(), 1U);
    EXPECT_EQ(s.reports[0].reason, error::closed);
    EXPECT_EQ(s.reports[0].info.security->protocol, "TLSv1.3");
}

/// The header and the first message of TLS come in one piece, or in any two.
TEST(TlsServer, TheHeaderOfABalancerComesBeforeTls)
{
    server_options options;
    options.proxy = {.headers = proxy_protocol::required, .trusted = {ip_network()}};
    secured s(options);
    static const auto context = tls_context::client(trusting_client());
    const std::string header = proxy_v2_ipv4(tlv(2, "localhost"));
    const std::string text = header.substr(0, 20);
    auto pair = s.clients.connect_stream();
    for (const bytes piece : {as_bytes(text), as_bytes(header).subspan(20)}) {
        ASSERT_EQ(pair->try_write({&piece, 1}).value(), piece.size());
    }
    result<std::unique_ptr<stream>> made = error::no_value;
    EXPECT_TRUE(s.sim.run(tests::shake_hands(context, std::move(pair), "localhost", made)));
    ASSERT_TRUE(made);
    connection client(std::move(*made));
    EXPECT_TRUE(s.sim.run(client.send("hello")));
    EXPECT_EQ(as_text(s.sim.run(client.receive()).value()), "hello");
    EXPECT_TRUE(s.sim.run(client.close()));
    s.sim.settle();
    ASSERT_EQ(s.reports.size(), 1U);
    EXPECT_EQ(s.reports[0].info.peer, proxied_client);
    EXPECT_EQ(s.reports[0].info.proxy.value().balancer, "left");
    EXPECT_EQ(s.reports[0].info.security.value().protocol, "TLSv1.3");
}

TEST(TlsServer, AHandshakeThatFailsBehindABalancerIsTheClients)
{
    server_options options;
    options.proxy = {.headers = proxy_protocol::required, .trusted = {ip_network()}};
    secured s(options);
    auto pair = s.clients.connect_stream();
    const std::string text = proxy_v1_ipv4 + "GET / HTTP/1.1\r\n\r\n";
    const bytes all = as_bytes(text);
    ASSERT_EQ(pair->try_write({&all, 1}).value(), all.size());
    s.sim.advance(5s);
    ASSERT_EQ(s.reports.size(), 1U);
    EXPECT_EQ(s.reports[0].reason, error::plain_http);
    EXPECT_EQ(s.reports[0].info.peer, proxied_client);
    EXPECT_EQ(s.reports[0].info.proxy.value().balancer, "left");
}

TEST(TlsServer, ASilentClientKeepsNobodyWaitingAndIsLetGo)
{
    secured s;
    auto silent = s.clients.connect_stream();
    auto client = s.connect();
    EXPECT_EQ(s.subject.stats().active, 2U);
    EXPECT_EQ(s.opened, 1) << "the session of one has begun";
    s.sim.advance(9s);
    EXPECT_EQ(s.reports.size(), 0U);
    s.sim.advance(2s);
    ASSERT_GE(s.reports.size(), 1U);
    EXPECT_EQ(s.reports[0].reason, error::handshake_timeout);
    EXPECT_EQ(s.reports[0].ending.code(), "Lh");
    EXPECT_EQ(s.reports[0].info.peer, "left");
    EXPECT_GE(s.reports[0].info.age, 10s);
    EXPECT_EQ(s.subject.stats().accepted, 2U);
}

TEST(TlsServer, TellsOfWhoDidNotComeThrough)
{
    secured s;
    auto browser = s.clients.connect_stream();
    const std::array<bytes, 1> request{as_bytes("GET / HTTP/1.1\r\n\r\n")};
    EXPECT_TRUE(browser->try_write(request));
    s.sim.advance(2s);
    ASSERT_EQ(s.reports.size(), 1U);
    EXPECT_EQ(s.reports[0].reason, error::plain_http);
    EXPECT_EQ(s.reports[0].ending.code(), "Ph");
    EXPECT_EQ(s.reports[0].text(), error_code(error::plain_http).message());
    EXPECT_EQ(s.opened, 0);
    EXPECT_EQ(s.subject.stats().active, 0U);
}

TEST(TlsServer, HandshakesCountAgainstTheLimit)
{
    server_options options;
    options.admission.max_connections = 2;
    secured s(options);
    auto one = s.clients.connect_stream();
    auto two = s.clients.connect_stream();
    auto three = s.clients.connect_stream();
    s.sim.settle();
    EXPECT_EQ(s.subject.stats().accepted, 2U);
    s.sim.advance(11s);
    EXPECT_EQ(s.subject.stats().accepted, 3U);
}

TEST(TlsServer, StopsWhileSomebodyShakesHands)
{
    secured s;
    auto silent = s.clients.connect_stream();
    auto client = s.connect();
    s.subject.stop();
    s.sim.advance(1s);
    EXPECT_EQ(s.sim.running(), 1U) << "one is still given its time";
    s.sim.advance(12s);
    EXPECT_EQ(s.sim.running(), 0U);
    EXPECT_EQ(s.reports.size(), 2U);
}

TEST(TlsServer, WhoComesThroughAfterTheStopIsTurnedAwayInOrder)
{
    secured s;
    auto late = s.clients.connect_stream();
    s.sim.settle();
    s.subject.stop();
    s.sim.settle();
    static const auto context = tls_context::client(trusting_client());
    result<std::unique_ptr<stream>> made = error::no_value;
    EXPECT_TRUE(s.sim.run(tests::shake_hands(context, std::move(late), "localhost", made)));
    ASSERT_TRUE(made);
    connection client(std::move(*made));
    EXPECT_EQ(s.sim.run(client.receive()).error(), error::closed);
    EXPECT_TRUE(s.sim.run(client.close()));
    s.sim.settle();
    EXPECT_EQ(s.sim.running(), 0U);
}

TEST(TlsServer, WhatTheLayerThrowsEndsOneConnection)
{
    simulation sim;
    memory_backlog clients(sim);
    std::vector<session_report> reports;
    server_options options;
    options.layer = [](std::unique_ptr<stream>, endpoint) -> task<std::unique_ptr<stream>> {
        throw std::runtime_error("no such luck");
        co_return nullptr;
    };
    options.on_close = [&](const session_report& r) { reports.push_back(r); };
    server subject(clients.listen(), echo, options);
    sim.start(subject.run());
    auto client = clients.connect_stream();
    sim.settle();
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].text(), "the session threw: no such luck");
    EXPECT_EQ(subject.stats().active, 0U);
    EXPECT_EQ(sim.running(), 1U);
    subject.stop();
    sim.settle();
    EXPECT_EQ(sim.running(), 0U);
}

TEST(TlsServer, TheBudgetCountsWhatTlsHolds)
{
    server_options options;
    options.memory_budget = 10_MiB;
    options.connection.send_timeout = never;
    secured s(options);
    auto client = s.connect();
    s.sim.start([](connection& peer) -> task<> {
        const std::string text = some_text(60000);
        for (;;) {
            co_await checked(peer.send(text));
        }
    }(*client));
    s.sim.advance(1s);  // it reads none of the answers
    EXPECT_GT(s.subject.stats().memory, 128_KiB);
    EXPECT_LT(s.subject.stats().memory, 1_MiB);
}

}  // namespace
