#include "support/sessions.hpp"
#include "support/tls_pair.hpp"

#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/session/client.hpp>
#include <libnet/session/pool.hpp>
#include <libnet/session/server.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

/// Pools and clients whose connections are behind TLS, in the simulated network.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

const tls_certificate& shop_certificate()
{
    static const tls_certificate made =
        root().issue({.common_name = "shop", .names = {"DNS:shop"}});
    return made;
}

/// For the same name, by somebody whom nobody here trusts.
const tls_certificate& impostor()
{
    static const authority other("Another Root");
    static const tls_certificate made = other.issue({.common_name = "shop", .names = {"DNS:shop"}});
    return made;
}

/// A shop behind TLS, which can be closed and opened again, and whoever calls there.
class TlsShop : public ::testing::Test {
protected:
    TlsShop()
    {
        sim.network().link_all({.delay = 5ms});
        open();
    }

    /// A server that knows nothing of those before it.
    void open(const tls_certificate& own = shop_certificate())
    {
        server_options options;
        options.layer = tls_context::server(server_options_for(own));
        options.on_open = [this](const connection& peer) {
            (peer.info().security->resumed ? resumed : full) += 1;
        };
        shop = std::make_unique<server>("10.0.0.1:9000", echo, options);
        sim.start(on(host, shop->run()));
        sim.settle();
    }

    void restart(const tls_certificate& own)
    {
        shop->stop();
        host.cut_connections();
        sim.advance(15s);
        open(own);
    }

    connect_options through_tls()
    {
        connect_options options;
        options.layer = tls_context::client(trusting_client());
        return options;
    }

    task<> ask(pool& servers)
    {
        auto peer = co_await checked(servers.borrow());
        co_await checked(peer->send("hello"));
        const bytes answer = co_await checked(peer->receive());
        EXPECT_EQ(as_text(answer), "hello");
    }

    error_code outcome_of_asking(pool& servers)
    {
        const auto outcome = sim.run(ask(servers));
        return outcome ? error_code() : outcome.error();
    }

    /// So many at the same time, each with a connection of its own.
    void borrow_together(pool& servers, int count)
    {
        const auto hold = [&]() -> task<> {
            auto peer = co_await checked(servers.borrow());
            co_await checked(peer->send("hello"));
            co_await checked(peer->receive());
            co_await checked(sleep_for(1s));
        };
        for (int i = 0; i < count; ++i) {
            sim.start(hold());
        }
        sim.advance(2s);
    }

    simulation sim;
    simulated_host& host = sim.network().add_host("shop", {"10.0.0.1"});
    std::unique_ptr<server> shop;
    int full = 0;  // handshakes
    int resumed = 0;
};

class TlsPool : public TlsShop {
protected:
    std::unique_ptr<pool> make(pool_options options = {})
    {
        options.connect = through_tls();
        auto made = std::make_unique<pool>("shop:9000", options);
        sim.start(made->run());
        sim.advance(1s);
        return made;
    }

    pool_endpoint shop_of(const pool& servers) { return servers.endpoints()[0]; }
};

// A whole handshake is good for two more connections, each of its tickets for one (RFC 8446, C.4).
TEST_F(TlsPool, ItsConnectionsShareTheTicketsThatOneWasGiven)
{
    const auto servers = make();
    EXPECT_EQ(outcome_of_asking(*servers), error_code());
    EXPECT_EQ(full, 1);
    borrow_together(*servers, 8);
    EXPECT_EQ(servers->stats().created, 8U);
    EXPECT_EQ(full + resumed, 8);
    EXPECT_GE(resumed, 2);
}

TEST_F(TlsPool, ConnectionsThatReplaceLostOnesResume)
{
    const auto servers = make();
    EXPECT_EQ(outcome_of_asking(*servers), error_code());
    host.cut_connections();
    sim.advance(1s);
    EXPECT_EQ(outcome_of_asking(*servers), error_code());
    EXPECT_EQ(servers->stats().lost, 1U);
    EXPECT_EQ(full, 1);
    EXPECT_EQ(resumed, 1);
}

// What an open circuit is for: nobody waits for handshakes that fail anyway.
TEST_F(TlsPool, ACertificateThatIsNotTrustedOpensTheCircuitAndTheRightOneClosesIt)
{
    const auto servers = make();
    EXPECT_EQ(outcome_of_asking(*servers), error_code());
    restart(impostor());
    sim.advance(40s);
    EXPECT_EQ(shop_of(*servers).last_failure, error::certificate_untrusted);
    EXPECT_EQ(shop_of(*servers).size, 0U);
    EXPECT_NE(shop_of(*servers).state, circuit::closed);
    EXPECT_GE(servers->stats().failed, 5U);
    const time_point asked = sim.now();
    EXPECT_EQ(outcome_of_asking(*servers), error::circuit_open);
    EXPECT_LT(sim.now() - asked, 100ms);

    restart(shop_certificate());
    sim.advance(40s);
    EXPECT_EQ(shop_of(*servers).state, circuit::closed);
    EXPECT_EQ(outcome_of_asking(*servers), error_code());
    EXPECT_EQ(servers->stats().broken, 0U);
}

TEST_F(TlsPool, ANewCertificateOfTheSameAuthorityIsNoFailure)
{
    const auto servers = make();
    EXPECT_EQ(outcome_of_asking(*servers), error_code());
    restart(root().issue({.common_name = "shop", .names = {"DNS:shop"}}));
    sim.advance(40s);
    EXPECT_EQ(outcome_of_asking(*servers), error_code());
    EXPECT_EQ(shop_of(*servers).state, circuit::closed);
    EXPECT_EQ(full, 2) << "the new server knows nothing of the old one's sessions";
}

// After each number of bytes in turn the line to the client falls silent.
TEST_F(TlsPool, ABlackHoleInTheHandshakeEndsInTime)
{
    for (const std::uint64_t passing : {1U, 200U, 700U}) {
        SCOPED_TRACE(passing);
        sim.network().link_one_way(host, sim.network().here(),
                                   {.delay = 5ms, .silent_after = passing});
        const auto servers = make();
        const time_point asked = sim.now();
        EXPECT_EQ(outcome_of_asking(*servers), error::pool_exhausted);
        EXPECT_EQ(sim.now() - asked, 5s);
        sim.advance(6s);  // the handshake began a second before
        EXPECT_EQ(shop_of(*servers).last_failure, error::handshake_timeout);
        sim.advance(2min);
        EXPECT_NE(shop_of(*servers).state, circuit::closed);
        EXPECT_LE(servers->stats().opening, 1U) << "one at a time while it fails";

        sim.network().link_one_way(host, sim.network().here(), {.delay = 5ms});
        sim.advance(1min);
        EXPECT_EQ(outcome_of_asking(*servers), error_code());
        servers->drain();
        sim.advance(1s);
    }
}

class TlsClient : public TlsShop {
protected:
    /// Says hello and stays.
    static task<> stay(connection& peer)
    {
        co_await checked(peer.send("hello"));
        while (auto answer = co_await peer.receive()) {}
    }

    void start(client_options options = {})
    {
        options.connect = through_tls();
        options.on_event = [this](const client_event& e) { events.push_back(e); };
        line = std::make_unique<client>("shop:9000", stay, options);
        sim.start(line->run());
        sim.advance(1s);
    }

    std::size_t failures(error why) const
    {
        return static_cast<std::size_t>(std::ranges::count_if(events, [why](const auto& e) {
            return e.what == client_event::kind::failed && e.why == why;
        }));
    }

    std::unique_ptr<client> line;
    std::vector<client_event> events;
};

TEST_F(TlsClient, ResumesWhenItConnectsAgain)
{
    start();
    for (int i = 0; i < 3; ++i) {
        host.cut_connections();
        sim.advance(1min);
    }
    EXPECT_TRUE(line->stats().connected);
    EXPECT_EQ(full + resumed, 4);
    EXPECT_GE(resumed, 2);
}

TEST_F(TlsClient, DoesNotTalkToAnImpostorAndComesBackToTheRightOne)
{
    start();
    restart(impostor());
    sim.advance(1min);
    EXPECT_GE(failures(error::certificate_untrusted), 3U);
    EXPECT_FALSE(line->stats().connected);
    EXPECT_EQ(full, 1);
    restart(shop_certificate());
    sim.advance(1min);
    EXPECT_TRUE(line->stats().connected);
    EXPECT_EQ(full, 2);
}

TEST_F(TlsClient, LeavesABlackHoleInTheHandshakeInTime)
{
    sim.network().link_one_way(host, sim.network().here(), {.delay = 5ms, .silent_after = 300});
    start();
    sim.advance(8s);
    EXPECT_EQ(failures(error::handshake_timeout), 0U);
    sim.advance(3s);  // 10 s for the handshake, and one for the goodbye
    EXPECT_EQ(failures(error::handshake_timeout), 1U)
        << (events.empty() ? "nothing" : events.back().text());
    sim.network().link_one_way(host, sim.network().here(), {.delay = 5ms});
    sim.advance(1min);
    EXPECT_TRUE(line->stats().connected);
}

}  // namespace
