#include "support/addresses.hpp"
#include "support/memory_listener.hpp"
#include "support/proxy_headers.hpp"
#include "support/sessions.hpp"

#include <libnet/framing/raw.hpp>
#include <libnet/session/server.hpp>
#include <libnet/testing/for_each_split.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <stdexcept>

namespace {

using namespace libnet;
using namespace std::string_literals;
using namespace libnet::testing;
using namespace libnet::tests;

const ip_address balancer = v4(10, 0, 0, 5);
const ip_address stranger = v4(198, 51, 100, 66);
const std::string hello = "\0\0\0\5hello"s;  // as a frame

server_options behind_a_balancer(proxy_protocol::use headers)
{
    server_options options;
    options.proxy.headers = headers;
    options.proxy.trusted = {ip_network(balancer, 24)};
    return options;
}

/// A server of which the test knows who its clients are, and clients that are bytes.
struct world {
    explicit world(proxy_protocol::use headers) : world(behind_a_balancer(headers)) {}
    explicit world(server_options options)
        : backlog(sim),
          subject(
              backlog.listen(), [this](connection& peer) { return answer(peer); },
              watched(std::move(options)))
    {
        sim.start(subject.run());
        sim.settle();
    }

    /// What the server listens to goes before the simulation does.
    ~world()
    {
        sim.cancel();
        sim.settle();
    }
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    server_options watched(server_options options)
    {
        options.on_open = [this](const connection& peer) { opened.push_back(peer.info()); };
        options.on_close = [this](const session_report& r) { ended.push_back(r); };
        options.on_refused = [this](const refusal_report& r) { refused.push_back(r); };
        return options;
    }

    task<> answer(connection& peer)
    {
        while (auto frame = co_await peer.receive()) {
            heard.push_back(to_string(*frame));
            co_await peer.send(peer.peer());
        }
    }

    connection& come(const ip_address& from)
    {
        clients.push_back(backlog.connect_from(from, {.framing = raw()}));
        sim.settle();
        return clients.back();
    }

    void write(connection& client, bytes piece)
    {
        (void)client.transport().try_write({&piece, 1});
        sim.settle();
    }
    void write(connection& client, std::string_view text) { write(client, as_bytes(text)); }

    connection& come_with(const ip_address& from, std::string_view text)
    {
        connection& client = come(from);
        write(client, text);
        return client;
    }

    void end(connection& client)
    {
        (void)client.transport().shutdown_send();
        sim.settle();
    }

    void forget()
    {
        for (connection& client : clients) {
            client.transport().close();
        }
        sim.settle();
        sim.advance(5s);
        clients.clear();
        opened.clear();
        ended.clear();
        heard.clear();
    }

    simulation sim;
    memory_backlog backlog;
    std::vector<connection_info> opened;
    std::vector<session_report> ended;
    std::vector<refusal_report> refused;
    std::vector<std::string> heard;
    libnet::server subject;
    std::deque<connection> clients;
};

void expect_refused(world& w, const error_code& why, const char* code = "Ph")
{
    ASSERT_EQ(w.ended.size(), 1U);
    EXPECT_EQ(w.ended[0].reason, why) << w.ended[0].reason.message();
    EXPECT_EQ(w.ended[0].ending.code(), code);
    EXPECT_EQ(w.ended[0].ending.during, connection_ending::phase::handshake);
    EXPECT_TRUE(w.opened.empty()) << "a session began";
    EXPECT_TRUE(w.heard.empty());
    EXPECT_EQ(w.subject.stats().active, 0U);
}

// ---- the header arrives -------------------------------------------------------------------------

TEST(ServerProxy, ThePeerIsTheClientWhomTheBalancerNames)
{
    for (const auto use : {proxy_protocol::required, proxy_protocol::optional}) {
        for (const std::string& header : {proxy_v1_ipv4, proxy_v2_ipv4(tlv(2, "example.org"))}) {
            world w(use);
            for_each_split(header + hello,
                           [&](std::span<const bytes> pieces) {
                               connection& client = w.come(balancer);
                               for (const bytes piece : pieces) {
                                   w.write(client, piece);
                               }
                               ASSERT_EQ(w.opened.size(), 1U) << describe_split(pieces);
                               EXPECT_EQ(w.opened[0].peer, proxied_client);
                               EXPECT_EQ(w.heard, std::vector{"hello"s});
                               w.forget();
                           },
                           {.random_splits = 4});
        }
    }
}

TEST(ServerProxy, TheBalancerAndItsTlvsAreKept)
{
    world w(proxy_protocol::required);
    connection& client =
        w.come_with(balancer, proxy_v2_ipv4(tlv(2, "example.org") + tlv(0xE1, "mine")));
    const proxy_info& proxy = w.opened.at(0).proxy.value();
    EXPECT_EQ(proxy.balancer, "left");
    EXPECT_EQ(proxy.header.destination.to_string(), "192.0.2.1:443");
    EXPECT_EQ(as_text(proxy.header.tlvs.find(proxy_tlv::type::authority).value()), "example.org");
    EXPECT_EQ(as_text(proxy.header.tlvs.find(proxy_tlv::type{0xE1}).value()), "mine");

    w.end(client);
    ASSERT_EQ(w.ended.size(), 1U);
    EXPECT_EQ(w.ended[0].info.peer, proxied_client);
    EXPECT_EQ(w.ended[0].info.proxy.value().balancer, "left");
    EXPECT_EQ(w.ended[0].reason, error::closed);
}

TEST(ServerProxy, TheClientIsAnsweredAsEver)
{
    world w(proxy_protocol::required);
    connection& client = w.come_with(balancer, proxy_v1_ipv4 + hello);
    EXPECT_EQ(w.sim.run(receive_text(client)).value(), "\0\0\0\x10"s + proxied_client);
    w.write(client, hello);
    EXPECT_EQ(w.sim.run(receive_text(client)).value(), "\0\0\0\x10"s + proxied_client);
    w.sim.advance(2s);  // it has been parked since
    w.write(client, hello);
    EXPECT_EQ(w.sim.run(receive_text(client)).value(), "\0\0\0\x10"s + proxied_client);
}

TEST(ServerProxy, BalancersMayComeForThemselvesOrForNobody)
{
    for (const std::string& header :
         {proxy_v2(0x20, 0x00, ""), proxy_v2(0x20, 0x11, ipv4_addresses), "PROXY UNKNOWN\r\n"s,
          proxy_v2(0x21, 0x00, tlv(5, "id"))}) {
        world w(proxy_protocol::required);
        w.come_with(balancer, header + hello);
        ASSERT_EQ(w.opened.size(), 1U);
        EXPECT_EQ(w.opened[0].peer, "left");
        EXPECT_FALSE(w.opened[0].proxy.value().header.names_client());
        EXPECT_EQ(w.heard, std::vector{"hello"s});
    }
}

TEST(ServerProxy, AUnixSocketIsTrustedInSoManyWords)
{
    world w(proxy_protocol::required);
    w.come_with(ip_address(), proxy_v1_ipv4);
    expect_refused(w, proxy_error::untrusted_source);

    auto options = behind_a_balancer(proxy_protocol::required);
    options.proxy.trusted = {ip_network()};
    world trusting(options);
    trusting.come_with(ip_address(), proxy_v1_ipv4);
    ASSERT_EQ(trusting.opened.size(), 1U);
    EXPECT_EQ(trusting.opened[0].peer, proxied_client);
}

TEST(ServerProxy, NeedsSomebodyWhoIsTrusted)
{
    simulation sim;
    memory_backlog backlog(sim);
    server_options options;
    options.proxy.headers = proxy_protocol::optional;
    EXPECT_THROW(libnet::server(backlog.listen(), echo, options), std::invalid_argument);
}

// ---- or something else --------------------------------------------------------------------------

TEST(ServerProxy, ABadHeaderIsRefusedForItsOwnReasonAtEverySplit)
{
    for (const auto use : {proxy_protocol::required, proxy_protocol::optional}) {
        world w(use);
        for (const auto& [name, wire, why] : bad_proxy_headers()) {
            SCOPED_TRACE(name);
            for (std::size_t cut = 0; cut < wire.size();
                 cut += use == proxy_protocol::required ? 1 : 5) {
                connection& client = w.come(balancer);
                w.write(client, std::string_view(wire).substr(0, cut));
                w.write(client, std::string_view(wire).substr(cut));
                expect_refused(w, why);
                w.forget();
            }
        }
    }
}

TEST(ServerProxy, AHeaderThatEndsInTheMiddleIsTruncated)
{
    world w(proxy_protocol::required);
    for (const std::string& header : {proxy_v1_ipv4, proxy_v2_ipv4(tlv(2, "example.org"))}) {
        for (std::size_t cut = 1; cut < header.size(); ++cut) {
            w.end(w.come_with(balancer, std::string_view(header).substr(0, cut)));
            expect_refused(w, proxy_error::truncated);
            w.forget();
        }
    }
    w.end(w.come(balancer));  // somebody looks whether the port is open
    expect_refused(w, error::closed);
}

TEST(ServerProxy, AHeaderThatIsRequiredIsMissed)
{
    world w(proxy_protocol::required);
    for_each_split(hello,
                   [&](std::span<const bytes> pieces) {
                       connection& client = w.come(balancer);
                       for (const bytes piece : pieces) {
                           w.write(client, piece);
                       }
                       expect_refused(w, proxy_error::missing);
                       w.forget();
                   },
                   {.random_splits = 0});
}

TEST(ServerProxy, ASpoofedHeaderIsRefusedAtEverySplit)
{
    world w(proxy_protocol::optional);
    for (const std::string& header :
         {proxy_v1_ipv4, proxy_v2_ipv4(), proxy_v2(0x20, 0, ""), "PROXY nonsense\r\n"s}) {
        for (std::size_t cut = 0; cut < header.size(); ++cut) {
            connection& client = w.come(stranger);
            w.write(client, std::string_view(header).substr(0, cut));
            w.write(client, std::string_view(header).substr(cut));
            expect_refused(w, proxy_error::spoofed);
            EXPECT_EQ(w.ended[0].info.peer, "left");
            w.forget();
        }
    }
}

TEST(ServerProxy, WhereAHeaderIsRequiredStrangersAreNotEvenHeard)
{
    world w(proxy_protocol::required);
    w.come(stranger);
    expect_refused(w, proxy_error::untrusted_source);
}

TEST(ServerProxy, WhereAHeaderIsOptionalOthersComeWithout)
{
    world w(proxy_protocol::optional);
    for (const ip_address& from : {balancer, stranger}) {
        for_each_split(hello,
                       [&](std::span<const bytes> pieces) {
                           connection& client = w.come(from);
                           for (const bytes piece : pieces) {
                               w.write(client, piece);
                           }
                           ASSERT_EQ(w.opened.size(), 1U);
                           EXPECT_EQ(w.opened[0].peer, "left");
                           EXPECT_FALSE(w.opened[0].proxy);
                           EXPECT_EQ(w.heard, std::vector{"hello"s});
                           w.forget();
                       },
                       {.random_splits = 0});
    }
}

// ---- in time ------------------------------------------------------------------------------------

TEST(ServerProxy, ASlowHeaderIsCutAtItsDeadline)
{
    for (const auto use : {proxy_protocol::required, proxy_protocol::optional}) {
        for (const std::string& header : {proxy_v1_ipv4, proxy_v2_ipv4()}) {
            world w(use);
            connection& client = w.come(balancer);
            for (std::size_t second = 0; second < 3; ++second) {
                w.write(client, std::string_view(header).substr(second, 1));
                EXPECT_TRUE(w.ended.empty()) << "after " << second << " s";
                w.sim.advance(second < 2 ? 1s : 999ms);
            }
            EXPECT_TRUE(w.ended.empty());
            w.sim.advance(1ms);
            expect_refused(w, proxy_error::timeout, "Lh");
            EXPECT_EQ(w.ended[0].reason, condition::timeout);
            EXPECT_EQ(w.ended[0].info.age, 3s);
        }
    }
}

TEST(ServerProxy, WhoHasToSendOneMayNotBeSilent)
{
    world w(proxy_protocol::required);
    w.come(balancer);
    w.sim.advance(3s);
    expect_refused(w, proxy_error::timeout, "Lh");
}

TEST(ServerProxy, WhereItIsOptionalSilenceIsNoHeader)
{
    world w(proxy_protocol::optional);
    connection& client = w.come(stranger);
    w.sim.advance(3s - 1ms);
    EXPECT_TRUE(w.opened.empty());
    w.sim.advance(1ms);
    ASSERT_EQ(w.opened.size(), 1U);
    w.write(client, hello);
    EXPECT_EQ(w.heard, std::vector{"hello"s});
    EXPECT_EQ(w.sim.run(receive_text(client)).value(), "\0\0\0\4left"s);

    w.come(balancer);  // and nothing, ever
    w.sim.advance(3s + server_options::default_first_frame_timeout + 3s);  // and it is closed
    EXPECT_EQ(w.ended.at(0).reason, error::first_frame_timeout);
}

TEST(ServerProxy, TheDeadlineIsYours)
{
    auto options = behind_a_balancer(proxy_protocol::required);
    options.proxy.header_timeout = 250ms;
    options.proxy.max_header = 100;
    world w(options);
    w.come(balancer);
    w.sim.advance(250ms);
    expect_refused(w, proxy_error::timeout, "Lh");
    w.forget();
    w.come_with(balancer, proxy_v2_ipv4(tlv(4, std::string(100, 'x'))));
    expect_refused(w, proxy_error::v2_too_large);
}

TEST(ServerProxy, AServerThatStopsWaitsForNoHeaderBeyondItsDeadline)
{
    world w(proxy_protocol::required);
    w.come_with(balancer, "PROXY");
    w.subject.stop();
    w.sim.advance(2s);
    EXPECT_FALSE(w.sim.outcome(0));
    w.sim.advance(1s);
    EXPECT_TRUE(w.sim.outcome(0));
    expect_refused(w, proxy_error::timeout, "Lh");
}

TEST(ServerProxy, MayBeCancelledAtAnyStep)
{
    for (int steps = 0; steps < 60; ++steps) {
        world w(proxy_protocol::required);
        w.clients.push_back(w.backlog.connect_from(balancer, {.framing = raw()}));
        const std::string text = proxy_v1_ipv4 + hello;
        const bytes all = as_bytes(text);
        (void)w.clients.back().transport().try_write({&all, 1});
        for (int i = 0; i < steps && w.sim.step(); ++i) {}
        w.sim.cancel();
        w.sim.advance(40s);  // it drains
        EXPECT_TRUE(w.sim.outcome(0)) << "after " << steps << " steps";
        EXPECT_EQ(w.subject.stats().active, 0U) << "after " << steps << " steps";
    }
}

// ---- who counts ---------------------------------------------------------------------------------

server_options two_per_address(proxy_protocol::use headers)
{
    auto options = behind_a_balancer(headers);
    options.admission.max_per_address = 2;
    return options;
}

TEST(ServerProxy, CountsTheClientAndNotTheBalancer)
{
    world w(two_per_address(proxy_protocol::required));
    for (int last = 1; last <= 5; ++last) {
        w.come_with(balancer,
                    "PROXY TCP4 203.0.113." + std::to_string(last) + " 192.0.2.1 1 2\r\n");
    }
    EXPECT_EQ(w.opened.size(), 5U);

    connection& second = w.come_with(balancer, "PROXY TCP4 203.0.113.1 192.0.2.1 2 2\r\n");
    EXPECT_EQ(w.opened.size(), 6U);
    w.come_with(balancer, "PROXY TCP4 203.0.113.1 192.0.2.1 3 2\r\n");
    EXPECT_EQ(w.opened.size(), 6U);
    ASSERT_EQ(w.refused.size(), 1U);
    EXPECT_EQ(w.refused[0].peer, "203.0.113.1:3");
    EXPECT_EQ(w.refused[0].limit, admission::decision::max_per_address);
    EXPECT_TRUE(w.ended.empty()) << "one who is refused has no report of an end";
    EXPECT_EQ(w.subject.stats().accepted, 6U);
    EXPECT_EQ(w.subject.stats().active, 6U);
    EXPECT_EQ(w.subject.stats().refused, 1U);

    w.end(second);
    w.come_with(balancer, "PROXY TCP4 203.0.113.1 192.0.2.1 4 2\r\n");
    EXPECT_EQ(w.opened.size(), 7U) << "its place is free again";
    EXPECT_EQ(w.refused.size(), 1U);
}

TEST(ServerProxy, BalancersOnTheirWayAreNotCountedByAddress)
{
    world w(two_per_address(proxy_protocol::required));
    for (int i = 0; i < 5; ++i) {
        w.come(balancer);
    }
    EXPECT_EQ(w.subject.stats().active, 5U);
    for (int i = 0; i < 5; ++i) {
        w.come_with(balancer, proxy_v2(0x20, 0, ""));  // health checks
        w.come_with(balancer, "PROXY UNKNOWN\r\n");
    }
    EXPECT_EQ(w.opened.size(), 10U);
    EXPECT_TRUE(w.refused.empty());
}

TEST(ServerProxy, StillCountsThoseWhoComeWithout)
{
    world w(two_per_address(proxy_protocol::optional));
    for (const ip_address& from : {balancer, stranger}) {
        for (int i = 0; i < 3; ++i) {
            w.come_with(from, hello);
        }
    }
    EXPECT_EQ(w.opened.size(), 4U);
    EXPECT_EQ(w.refused.size(), 2U);
}

TEST(ServerProxy, TellsAClientOfTheBalancerWhyItIsRefused)
{
    auto options = two_per_address(proxy_protocol::required);
    options.admission.max_per_address = 0;
    options.refusal = "too many of you";
    world w(options);
    connection& client = w.come_with(balancer, proxy_v1_ipv4);
    EXPECT_EQ(w.sim.run(receive_text(client)).value(), "\0\0\0\x0Ftoo many of you"s);
}

}  // namespace
