#include "support/foreign_sessions.hpp"
#include "support/relay.hpp"
#include "support/sessions.hpp"
#include "support/tls_pair.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

/// Sessions that go on: how often, for how long, and that nobody else learns who it is.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

/// Connects again and again over one pair of contexts, in the time of one simulation.
class sessions {
public:
    sessions(const tls_client_options& client, const tls_server_options& server)
        : client_(tls_context::client(client)), server_(tls_context::server(server))
    {
    }

    void advance(duration by) { sim_.advance(by); }

    /// Whether it went on with an earlier session.
    bool resumes() { return resumes(1) == 1; }

    /// How many of as many that shake hands at the same time.
    std::size_t resumes(std::size_t at_once)
    {
        std::vector<shaken> all(at_once);
        for (shaken& both : all) {
            stream_pair between(sim_.home());
            sim_.start(tests::shake_hands(client_, between.take_left(), "localhost", both.client));
            sim_.start(tests::shake_hands(server_, between.take_right(), "", both.server));
        }
        sim_.settle();
        std::size_t resumed = 0;
        for (shaken& both : all) {
            EXPECT_TRUE(both.client && both.server);
            connection left(std::move(*both.client));
            connection right(std::move(*both.server));
            sim_.serve(right, echo);
            EXPECT_TRUE(sim_.run(left.send("hello")));
            EXPECT_TRUE(sim_.run(left.receive()));
            resumed += left.info().security->resumed ? 1 : 0;
            EXPECT_TRUE(sim_.run(left.close()));
            sim_.settle();
        }
        return resumed;
    }

private:
    simulation sim_;
    tls_context client_;
    tls_context server_;
};

tls_server_options newest_only()
{
    tls_server_options server = server_options_for();
    server.oldest = tls_version::v1_3;
    return server;
}

tls_server_options asking_for_certificates()
{
    tls_server_options server = newest_only();
    server.client_certificates = tls_server_options::clients::must_show;
    server.client_authorities = root().pem();
    return server;
}

/// That ends in two hours.
tls_certificate short_lived()
{
    certificate_request request;
    request.valid_for_days = 1;
    request.valid_for_hours = 2;
    return root().issue(request);
}

TEST(TlsResumption, EachBringsTheTicketForTheNext)
{
    sessions s(trusting_client(), newest_only());
    EXPECT_FALSE(s.resumes());
    for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(s.resumes()) << i;
    }
}

/// As many as are kept: more would be memory that a server decides on.
TEST(TlsResumption, FourAtOnceGoOn)
{
    sessions s(trusting_client(), newest_only());
    EXPECT_EQ(s.resumes(6), 0U);
    EXPECT_EQ(s.resumes(6), 4U);
    EXPECT_EQ(s.resumes(6), 4U);
}

/// What a client shows for its session: the identity in the extension at the end of its first message
/// (RFC 8446, 4.2.11).
///
///     | 00 29 | size 2 | size of identities 2 | size 2 | identity | age 4 | binders
std::string ticket_in(const std::string& hello)
{
    const std::size_t at = hello.rfind(std::string("\x00\x29", 2));
    const auto number = [&](std::size_t offset) {
        return static_cast<std::size_t>(static_cast<unsigned char>(hello.at(at + offset)) << 8 |
                                        static_cast<unsigned char>(hello.at(at + offset + 1)));
    };
    if (at == std::string::npos || at + 4 + number(2) != hello.size()) {
        return {};
    }
    return hello.substr(at + 8, number(6));
}

task<> ask_and_leave(connection& peer)
{
    co_await checked(peer.send("hello"));
    co_await checked(peer.receive());
    co_await checked(peer.close());
}

TEST(TlsResumption, NoTicketIsShownTwice)
{
    const auto client = tls_context::client(trusting_client());
    const auto server = tls_context::server(newest_only());
    std::multiset<std::string> shown;
    for (int i = 0; i < 6; ++i) {
        simulation sim;
        relay between(sim);
        shaken both;
        sim.start(tests::shake_hands(client, between.take_client(), "localhost", both.client));
        sim.start(tests::shake_hands(server, between.take_server(), "", both.server));
        const std::string hello = between.from_client();
        if (const std::string ticket = ticket_in(hello); !ticket.empty()) {
            EXPECT_EQ(shown.count(ticket), 0U);
            shown.insert(ticket);
        }
        between.to_server(hello);
        between.pass();
        ASSERT_TRUE(both.client && both.server);
        connection left(std::move(*both.client));
        connection right(std::move(*both.server));
        sim.serve(right, echo);
        sim.start(ask_and_leave(left));
        between.pass();
        EXPECT_EQ(left.info().messages_received, 1U);
    }
    EXPECT_EQ(shown.size(), 5U) << "all but the first";
}

/// Every session begets the next one: without an end a certificate would be looked at once, and never
/// again.
TEST(TlsResumption, EndsADayAfterTheCertificatesWereLookedAt)
{
    for (const tls_version version : {tls_version::v1_2, tls_version::v1_3}) {
        tls_server_options server = server_options_for();
        server.oldest = version;
        sessions s(trusting_client(), server);
        EXPECT_FALSE(s.resumes());
        int full = 0;
        for (int hour = 1; hour <= 50; ++hour) {
            s.advance(1h);
            full += s.resumes() ? 0 : 1;
        }
        EXPECT_EQ(full, 2) << "once a day";
    }
}

/// Begins with a full handshake and resumes after each `step`, until so much time has passed since then.
template <class Ours, class Theirs>
void expect_chain_of(duration whole, duration step, simulation& sim, Theirs& theirs,
                     const Ours& ours)
{
    EXPECT_FALSE(theirs.resumes(sim, ours));
    for (duration passed = step; passed < whole; passed += step) {
        sim.advance(step);
        ASSERT_TRUE(theirs.resumes(sim, ours)) << passed / 1s << " s";
    }
    sim.advance(step);
    EXPECT_FALSE(theirs.resumes(sim, ours));
}

TEST(TlsResumption, AServerEndsTheChainOfAClientThatNeverWould)
{
    simulation sim;
    foreign_client client;
    expect_chain_of(24h, 30min, sim, client, tls_context::server(newest_only()));
}

/// The certificate of the client is good for two hours: however often it goes on, then it is looked at.
TEST(TlsResumption, AServerLooksAtACertificateAgainThatHasExpired)
{
    simulation sim;
    foreign_client client(short_lived());
    expect_chain_of(2h, 15min, sim, client, tls_context::server(asking_for_certificates()));
}

TEST(TlsResumption, NoTicketSaysThatItIsGoodForLongerThanItsChain)
{
    simulation sim;
    foreign_client client(short_lived());
    const auto server = tls_context::server(asking_for_certificates());
    EXPECT_FALSE(client.resumes(sim, server));
    EXPECT_LE(client.announced_lifetime(), 2h);
    sim.advance(100min);
    EXPECT_TRUE(client.resumes(sim, server));
    EXPECT_LE(client.announced_lifetime(), 20min);
    EXPECT_GT(client.announced_lifetime(), 18min);
}

TEST(TlsResumption, AClientEndsTheChainOfAServerThatNeverWould)
{
    simulation sim;
    const foreign_server server(localhost());
    expect_chain_of(24h, 1h, sim, server, tls_context::client(trusting_client()));
}

TEST(TlsResumption, AClientLooksAtACertificateAgainThatHasExpired)
{
    simulation sim;
    const foreign_server server(short_lived());
    expect_chain_of(2h, 15min, sim, server, tls_context::client(trusting_client()));
}

/// It would only learn that the server has forgotten it, and tell who it is.
TEST(TlsResumption, AClientShowsNoTicketThatTheServerNoLongerKeeps)
{
    simulation sim;
    const foreign_server server(localhost(), 10min);
    const auto client = tls_context::client(trusting_client());
    EXPECT_FALSE(server.resumes(sim, client));
    sim.advance(9min);
    EXPECT_TRUE(server.resumes(sim, client));
    sim.advance(11min);
    EXPECT_FALSE(server.resumes(sim, client));
}

TEST(TlsResumption, TicketsRunOut)
{
    simulation sim;
    foreign_client client;
    const auto server = tls_context::server(newest_only());
    EXPECT_FALSE(client.resumes(sim, server));
    sim.advance(90min);
    EXPECT_TRUE(client.resumes(sim, server));
    sim.advance(3h + 1min);  // the key that was in use until an hour ago is gone
    EXPECT_FALSE(client.resumes(sim, server));
}

/// A ticket is good in the context that gave it, and in no other.
TEST(TlsResumption, AnotherContextKnowsNoTickets)
{
    tls_server_options asks = server_options_for();
    asks.client_certificates = tls_server_options::clients::may_show;
    asks.client_authorities = root().pem();
    const auto client = tls_context::client(trusting_client());
    const auto open_to_all = tls_context::server(server_options_for());
    const auto asking = tls_context::server(asks);
    for (const tls_context* server : {&open_to_all, &asking, &open_to_all}) {
        simulation sim;
        shaken both = shake_hands(sim, client, *server);
        ASSERT_TRUE(both.client && both.server);
        EXPECT_FALSE((*both.client)->security()->resumed);
        connection left(std::move(*both.client));
        connection right(std::move(*both.server));
        sim.serve(right, echo);
        EXPECT_TRUE(sim.run(left.send("hello")));
        EXPECT_TRUE(sim.run(left.receive()));
        EXPECT_TRUE(sim.run(left.close()));
    }
}

}  // namespace
