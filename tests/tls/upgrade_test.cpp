#include "support/sessions.hpp"
#include "support/tls_pair.hpp"

#include <libnet/framing/delimited.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/testing/for_each_fault.hpp>

#include <gtest/gtest.h>

/// STARTTLS: a connection that goes over to TLS while it lives.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

const tls_context& server_tls()
{
    static const auto made = tls_context::server(server_options_for());
    return made;
}

const tls_context& client_tls()
{
    static const auto made = [] {
        tls_client_options options = trusting_client();
        options.resumption = false;
        return tls_context::client(options);
    }();
    return made;
}

/// Answers every line; STARTTLS upgrades.
task<> mail_server(connection& peer)
{
    while (auto line = co_await peer.receive()) {
        if (as_text(*line) == "STARTTLS") {
            co_await checked(peer.send("220 go ahead"));
            co_await checked(peer.upgrade(server_tls()));
        } else {
            const std::string answer = "250 " + to_string(*line);
            co_await checked(peer.send(answer));
        }
    }
}

task<std::string> ask(connection& peer, std::string line)
{
    co_await checked(peer.send(line));
    co_return co_await receive_text(peer);
}

task<> mail_client(connection& peer, std::vector<std::string>& answers)
{
    answers.push_back(co_await checked(ask(peer, "hello")));
    answers.push_back(co_await checked(ask(peer, "STARTTLS")));
    co_await checked(peer.upgrade(client_tls(), "localhost"));
    answers.push_back(co_await checked(ask(peer, "secret")));
    co_await checked(peer.close());
}

const std::vector<std::string> expected{"250 hello", "220 go ahead", "250 secret"};

TEST(Upgrade, GoesOverToTlsAndGoesOn)
{
    simulation sim;
    auto [client, server] = sim.connect({.framing = delimited("\n")}, {.framing = delimited("\n")});
    sim.serve(server, mail_server);
    std::vector<std::string> answers;
    EXPECT_FALSE(client.info().security);
    const result<> outcome = sim.run(mail_client(client, answers));
    EXPECT_TRUE(outcome) << outcome.error().message();
    EXPECT_EQ(answers, expected);
    sim.settle();
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_EQ(server.ending().why, error::closed);
    EXPECT_EQ(client.info().security->peer->common_name, "localhost");
}

TEST(Upgrade, BytesBeforeItAreAnError)
{
    simulation sim;
    auto [client, server] = sim.connect({.framing = delimited("\n")}, {.framing = delimited("\n")});
    sim.serve(server, mail_server);
    // Somebody on the way has added a line to the client's.
    EXPECT_TRUE(sim.run(send_all(client, {"STARTTLS", "injected"})));
    sim.advance(5s);
    EXPECT_EQ(server.ended(), error::early_bytes);
    EXPECT_EQ(server.ending().who, connection_ending::party::peer);
    EXPECT_EQ(sim.running(), 0U);
}

TEST(Upgrade, BytesOfAReadThatWasTakenBackAreAnErrorToo)
{
    simulation sim;
    auto [client, server] = sim.connect({.framing = delimited("\n")}, {.framing = delimited("\n")});
    auto session = [](connection& peer) -> task<> {
        (void)co_await within(1s, peer.receive());  // leaves a read under way
        co_await checked(sleep_for(1s));
        co_await checked(peer.upgrade(server_tls()));
    };
    sim.serve(server, session);
    sim.advance(1500ms);
    EXPECT_TRUE(sim.run(client.send("early")));
    EXPECT_TRUE(sim.run(client.flush()));
    sim.advance(5s);
    EXPECT_EQ(server.ended(), error::early_bytes);
}

TEST(Upgrade, AReadThatWasTakenBackIsInNobodysWay)
{
    simulation sim;
    auto [client, server] = sim.connect();
    auto session = [](connection& peer) -> task<> {
        (void)co_await within(1s, peer.receive());
        co_await checked(peer.upgrade(server_tls()));
        co_await echo(peer);
    };
    sim.serve(server, session);
    sim.advance(1500ms);
    EXPECT_TRUE(sim.run(client.upgrade(client_tls(), "localhost")));
    EXPECT_EQ(sim.run(ask(client, "hello")).value(), "hello");
}

TEST(Upgrade, WhatIsSentMeanwhileLeavesOverIt)
{
    simulation sim;
    auto [client, server] = sim.connect();
    std::string heard;
    auto session = [&](connection& peer) -> task<> {
        co_await checked(peer.upgrade(server_tls()));
        heard = co_await checked(receive_text(peer));
    };
    sim.serve(server, session);
    sim.start(client.upgrade(client_tls(), "localhost"));
    EXPECT_TRUE(sim.run(client.send("secret")));
    sim.advance(1s);
    EXPECT_EQ(heard, "secret");
}

TEST(Upgrade, AFailedHandshakeEndsTheConnection)
{
    simulation sim;
    auto [client, server] = sim.connect();
    sim.serve(server, [](connection& peer) { return peer.upgrade(server_tls()); });
    EXPECT_EQ(sim.run(client.upgrade(client_tls(), "example.org")).error(),
              error::certificate_wrong_host);
    EXPECT_EQ(client.ended(), error::certificate_wrong_host);
    EXPECT_EQ(sim.run(client.send("x")).error(), error::certificate_wrong_host);
    EXPECT_TRUE(sim.run(client.close()));
    sim.advance(3s);
    EXPECT_EQ(server.ended(), error::certificate_refused);
    EXPECT_EQ(sim.running(), 0U);
}

TEST(Upgrade, CancellingItEndsTheConnection)
{
    simulation sim;
    auto [client, server] = sim.connect();
    sim.serve(server, [](connection& peer) { return peer.upgrade(server_tls()); });
    sim.settle();
    sim.cancel();
    sim.advance(1s);
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_EQ(server.ended(), error::cancelled);
    EXPECT_EQ(sim.run(client.receive()).error(), error::closed);
}

TEST(Upgrade, AConnectionMayEndMeanwhile)
{
    simulation sim;
    stream_pair between(sim.home());
    auto client = std::make_unique<connection>(between.take_left());
    connection server(between.take_right());
    sim.serve(server, [](connection& peer) { return peer.upgrade(server_tls()); });
    sim.settle();
    client.reset();
    sim.advance(15s);
    EXPECT_EQ(server.ended(), error::handshake_aborted);
    EXPECT_EQ(sim.running(), 0U);
}

TEST(Upgrade, EndsUnderEveryFault)
{
    for_each_fault(
        [&](const fault& f) {
            SCOPED_TRACE(f.describe());
            simulation sim;
            const connection_options options{.framing = delimited("\n"), .idle_timeout = 20s};
            auto [client, server] = sim.connect(options, options, f.forward, f.backward);
            sim.serve(server, mail_server);
            std::vector<std::string> answers;
            const result<> outcome = sim.run(mail_client(client, answers));
            sim.advance(1min);
            EXPECT_EQ(sim.running(), 0U);
            EXPECT_TRUE(answers.size() <= 3 &&
                        std::equal(answers.begin(), answers.end(), expected.begin()));
            if (!f.struck()) {
                EXPECT_TRUE(outcome) << outcome.error().message();
            }
            return !HasFailure();
        },
        {.every_byte_up_to = 64});
}

}  // namespace
