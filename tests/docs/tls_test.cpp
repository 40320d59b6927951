#include <libnet/libnet.hpp>
#include <libnet/testing/simulation.hpp>
#include <libnet/testing/stream_pair.hpp>
#include <libnet/tls.hpp>

#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <string>
#include <unistd.h>

namespace {

using namespace libnet;
using namespace libnet::testing;

task<> echo(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

// [server]
server_options over_tls(const std::string& chain, const std::string& key)
{
    tls_server_options tls;
    tls.certificates = {{chain, key}};  // PEM files
    server_options options;
    options.layer = tls_context::server(tls);
    return options;
}
// [end]

// [client]
connect_options to_a_server_of(const std::string& authority)
{
    tls_client_options tls;
    tls.authorities = authority;  // without it: whom the system trusts
    connect_options options;
    options.layer = tls_context::client(tls);
    return options;
}
// [end]

// [mutual]
tls_server_options for_known_clients(const tls_certificate& own, const std::string& authority)
{
    tls_server_options tls;
    tls.certificates = {own};
    tls.client_certificates = tls_server_options::clients::must_show;
    tls.client_authorities = authority;
    return tls;
}

task<> greet(connection& peer)
{
    const auto security = peer.info().security;  // verified, or there would be no session
    const std::string greeting = "hello, " + security->peer->common_name;
    co_await peer.send(greeting);
}
// [end]

// [known_client]
connect_options as_a_known_client(const tls_certificate& own, const std::string& authority)
{
    tls_client_options tls;
    tls.certificate = own;
    tls.authorities = authority;
    connect_options options;
    options.layer = tls_context::client(tls);
    return options;
}
// [end]

// [failures]
tls_server_options with_a_log(tls_server_options tls)
{
    tls.on_failure = [](const tls_failure& failed) {
        std::cerr << "no handshake with " + failed.peer + ": " + failed.text + '\n';
    };
    return tls;
}
// [end]

// [reload]
void renew(tls_context& context)
{
    try {
        context.reload();  // connections from now on
    } catch (const std::exception& failure) {
        std::cerr << std::string("the old certificate stays: ") + failure.what() + '\n';
    }
}
// [end]

// [upgrade]
task<> mail(connection& peer, const tls_context& tls)
{
    while (auto line = co_await peer.receive()) {
        if (as_text(*line) == "STARTTLS") {
            co_await checked(peer.send("220 go ahead"));
            co_await checked(peer.upgrade(tls));
        } else {
            co_await checked(peer.send(peer.info().security ? "250 in private" : "530 STARTTLS?"));
        }
    }
}
// [end]

task<std::string> ask(connection& peer, std::string question)
{
    co_await checked(peer.send(question));
    const bytes answer = co_await checked(peer.receive());
    co_return to_string(answer);
}

task<std::unique_ptr<connection>> over(stream_layer layer, std::unique_ptr<stream> below)
{
    endpoint where;
    where.host = "localhost";
    auto building = layer(std::move(below), std::move(where));
    auto ready = co_await checked(std::move(building));
    co_return std::make_unique<connection>(std::move(ready));
}

task<> serve_over(stream_layer layer, std::unique_ptr<stream> below, task<> (*session)(connection&))
{
    const auto peer = co_await checked(over(std::move(layer), std::move(below)));
    co_await session(*peer);
    (void)co_await peer->close();
}

std::string in_a_file(const std::string& name, const std::string& content)
{
    std::string path = ::testing::TempDir() + "libnet-docs-" + std::to_string(::getpid()) + name;
    std::ofstream(path) << content;
    return path;
}

TEST(TlsPage, ServesAndConnects)
{
    const auto own = tls_certificate::self_signed();
    const std::string chain = in_a_file("chain.pem", own.chain);
    const std::string key = in_a_file("key.pem", own.key);
    simulation sim;
    stream_pair between(sim.home());
    sim.start(serve_over(over_tls(chain, key).layer, between.take_right(), echo));
    auto client = sim.run(over(to_a_server_of(chain).layer, between.take_left())).value();
    EXPECT_EQ(sim.run(ask(*client, "hello")).value(), "hello");
}

TEST(TlsPage, KnowsItsClients)
{
    const auto own = tls_certificate::self_signed();
    const auto alice = tls_certificate::self_signed({"alice"});
    tls_client_options client_options;
    client_options.pinned = {own.fingerprint()};
    client_options.certificate = alice;
    simulation sim;
    stream_pair between(sim.home());
    auto context = tls_context::server(with_a_log(for_known_clients(own, alice.chain)));
    renew(context);
    sim.start(serve_over(context, between.take_right(), greet));
    auto client = sim.run(over(tls_context::client(client_options), between.take_left())).value();
    EXPECT_EQ(as_text(sim.run(client->receive()).value()), "hello, alice");
}

// [in_a_test]
TEST(Greeting, NamesTheClient)
{
    const auto own = tls_certificate::self_signed();  // for localhost, 127.0.0.1 and ::1
    const auto alice = tls_certificate::self_signed({"alice"});
    server_options options;
    options.layer = tls_context::server(for_known_clients(own, alice.chain));
    server greeter("127.0.0.1:9443", greet, options);
    simulation sim;
    sim.start(greeter.run());
    const connect_options dialling = as_a_known_client(alice, own.chain);
    auto client = sim.run(connect("127.0.0.1:9443", dialling)).value();
    EXPECT_EQ(as_text(sim.run(client.receive()).value()), "hello, alice");
}
// [end]

TEST(TlsPage, Upgrades)
{
    const auto own = tls_certificate::self_signed();
    tls_server_options options;
    options.certificates = {own};
    const auto tls = tls_context::server(options);
    tls_client_options client_options;
    client_options.pinned = {own.fingerprint()};
    simulation sim;
    auto [client, server] = sim.connect({.framing = delimited("\n")}, {.framing = delimited("\n")});
    sim.serve(server, [&](connection& peer) { return mail(peer, tls); });
    EXPECT_EQ(sim.run(ask(client, "hello")).value(), "530 STARTTLS?");
    EXPECT_EQ(sim.run(ask(client, "STARTTLS")).value(), "220 go ahead");
    EXPECT_TRUE(sim.run(client.upgrade(tls_context::client(client_options))));
    EXPECT_EQ(sim.run(ask(client, "hello")).value(), "250 in private");
}

}  // namespace
