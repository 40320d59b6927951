#include "support/allocations.hpp"
#include "support/datagram_network.hpp"

#include <libnet/policy/address_cookie.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/session/udp_server.hpp>
#include <libnet/testing/simulation.hpp>

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <malloc.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::literals;
using namespace libnet::testing;
using namespace libnet::tests;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

task<> echo(udp_peer& peer)
{
    while (auto message = co_await peer.receive()) {
        peer.send(*message);
    }
}

class UdpServer : public ::testing::Test {
protected:
    UdpServer() { script.largest_segment = 0; }  // each datagram shows alone

    template <class Session>
    void serve(Session session, udp_server_options options = {})
    {
        options.on_close = [this](const udp_peer_report& r) { reports.push_back(r); };
        server.emplace("127.0.0.1:0", std::move(session), std::move(options));
        sim.start(server->run());
        sim.settle();
    }
    void arrive(std::string payload, const socket_address& from = host(1))
    {
        script.arrive(std::move(payload), from);
        sim.settle();
    }

    channel_script script;
    simulation sim;
    datagram_network net{sim.home(), script};
    std::optional<udp_server> server;
    std::vector<udp_peer_report> reports;
};

TEST_F(UdpServer, RunsOneSessionForTheWholeSocket)
{
    std::string where;
    serve(
        [](udp_socket& socket) -> task<> {
            while (auto received = co_await socket.receive()) {
                socket.reply(*received, received->payload());
            }
        },
        {.on_listening = [&](const std::string& local) { where = local; }});
    EXPECT_EQ(where, "192.0.2.254:9000");
    arrive("one", host(1));
    arrive("two", host(2));
    EXPECT_THAT(script.payloads(), ElementsAre("one", "two"));
    EXPECT_EQ(server->stats().socket.received, 2U);
    server->stop();
    sim.settle();
    EXPECT_TRUE(sim.outcome(0)->has_value());
    EXPECT_TRUE(script.closed);
    EXPECT_EQ(server->stats().socket.sent, 2U);
}

TEST_F(UdpServer, EndsWithWhatTheOneSessionEndsWith)
{
    serve([](udp_socket&) -> task<> { co_await fail(error::malformed_frame); });
    EXPECT_EQ(sim.outcome(0)->error(), error::malformed_frame);
    script.closed = false;
    serve([](udp_socket&) -> task<> { throw std::runtime_error("boom"); });
    EXPECT_THROW((void)sim.outcome(1), std::runtime_error);
}

TEST_F(UdpServer, ASocketSessionThatDoesNotEndIsCancelled)
{
    serve([](udp_socket&) -> task<> { co_await checked(sleep_for(1h)); }, {.drain_timeout = 5s});
    server->stop();
    sim.settle();
    sim.advance(4s);
    EXPECT_EQ(sim.running(), 1U);
    sim.advance(1s);
    EXPECT_EQ(sim.running(), 0U);
}

TEST_F(UdpServer, RunsASessionForEachPeer)
{
    std::vector<std::string> opened;
    serve(echo, {.on_open = [&](const udp_peer& p) { opened.push_back(p.address().to_string()); }});
    arrive("one", host(1));
    arrive("two", host(2));
    arrive("three", host(1));
    arrive("", host(2));
    EXPECT_THAT(opened, ElementsAre("192.0.2.1:5000", "192.0.2.2:5000"));
    EXPECT_THAT(script.payloads(), ElementsAre("one", "two", "three", ""));
    EXPECT_EQ(script.sent[2].to, host(1));
    EXPECT_EQ(server->stats().active, 2U);
    server->stop();
    sim.settle();
    EXPECT_TRUE(sim.outcome(0)->has_value());
    ASSERT_THAT(reports, SizeIs(2));
    EXPECT_EQ(reports[0].reason, error::draining);
    EXPECT_EQ(reports[0].received, 2U);
    EXPECT_EQ(reports[0].bytes_sent, 8U);
}

/// The kernel has it, and nobody has looked.
TEST_F(UdpServer, WhatHasComeBeforeTheEndIsAnsweredForTheWholeSocket)
{
    serve([](udp_socket& socket) -> task<> {
        while (auto received = co_await socket.receive()) {
            socket.reply(*received, received->payload());
        }
    });
    for (unsigned i = 0; i < 100; ++i) {  // more than one fetch
        script.arriving.push_back({.payload = "hello", .from = host(i)});
    }
    server->stop();
    sim.settle();
    EXPECT_THAT(script.payloads(), SizeIs(100));
    EXPECT_TRUE(script.closed);
    EXPECT_TRUE(sim.outcome(0)->has_value());
}

TEST_F(UdpServer, WhatHasComeBeforeTheEndIsAnsweredForEachPeer)
{
    serve(echo);
    arrive("one", host(1));
    script.arriving.push_back({.payload = "two", .from = host(1)});
    script.arriving.push_back({.payload = "stranger", .from = host(2)});
    server->stop();
    sim.settle();
    EXPECT_THAT(script.payloads(), ElementsAre("one", "two", "stranger"));
    EXPECT_TRUE(sim.outcome(0)->has_value());
    ASSERT_THAT(reports, SizeIs(2));
    EXPECT_EQ(reports[0].reason, error::draining);
    EXPECT_EQ(reports[1].reason, error::draining);
}

TEST_F(UdpServer, AnswersFromTheAddressThatItsPeerKnows)
{
    serve(echo);
    for (int round = 0; round < 2; ++round) {
        for (const auto& [payload, who, own] :
             {std::tuple("a", 1U, 101U), std::tuple("b", 2U, 102U), std::tuple("c", 3U, 101U)}) {
            script.arriving.push_back(
                {.payload = payload, .from = host(who), .to = host(own).address});
            script.look();
            sim.settle();
            EXPECT_EQ(script.sent.back().from, host(own).address);
            EXPECT_EQ(script.sent.back().to, host(who));
        }
        sim.advance(60s);  // they go, and the next round finds their numbers free
        EXPECT_THAT(reports, SizeIs(3 * (round + 1)));
    }
}

TEST_F(UdpServer, WhatComesTogetherLeavesTogether)
{
    serve(echo);
    for (unsigned i = 0; i < 60; ++i) {
        script.arriving.push_back({.payload = "hello", .from = host(i)});
    }
    script.look();
    sim.settle();
    EXPECT_THAT(script.sends_of_a_call, ElementsAre(60));
}

TEST_F(UdpServer, ForgetsASilentPeerToTheTick)
{
    serve(echo, {.peers = {.idle_timeout = 60s}});
    arrive("hello", host(1));
    sim.advance(30s);
    arrive("hello", host(2));
    arrive("still here", host(1));
    sim.advance(60s - duration(1));
    EXPECT_THAT(reports, IsEmpty());
    sim.advance(duration(1));
    ASSERT_THAT(reports, SizeIs(2));
    EXPECT_EQ(reports[0].peer, host(2));
    EXPECT_EQ(reports[0].reason, error::idle_timeout);
    arrive("back again", host(1));
    EXPECT_EQ(server->stats().accepted, 3U);
}

TEST_F(UdpServer, LetsInNoMoreThanItsLimits)
{
    std::vector<peer_table::decision> refused;
    serve(echo, {.peers = {.max_peers = 3, .new_peers_per_second = 2},
                 .on_refused = [&](const socket_address&, peer_table::decision limit) {
                     refused.push_back(limit);
                 }});
    arrive("a", host(1));
    arrive("b", host(2));
    arrive("c", host(3));
    EXPECT_THAT(refused, ElementsAre(peer_table::decision::new_peers_per_second));
    sim.advance(1s);
    arrive("c", host(3));
    arrive("d", host(4));
    EXPECT_THAT(refused, SizeIs(2));
    EXPECT_EQ(refused[1], peer_table::decision::max_peers);
    EXPECT_THAT(script.payloads(), ElementsAre("a", "b", "c"));
    EXPECT_EQ(server->stats().refused, 2U);
    arrive("a again", host(1));
    EXPECT_THAT(script.payloads(), SizeIs(4));
}

// A session that goes on after its peer has expired still counts, or they would gather.
TEST_F(UdpServer, SessionsThatDoNotEndCountAsWell)
{
    serve(
        [](udp_peer& peer) -> task<> {
            (void)co_await peer.receive();
            co_await checked(sleep_for(1h));
        },
        {.peers = {.max_peers = 1, .idle_timeout = 1s}});
    arrive("a", host(1));
    sim.advance(2s);
    arrive("b", host(2));
    EXPECT_EQ(server->stats().accepted, 1U);
    EXPECT_EQ(server->stats().refused, 1U);
    server->stop();
    sim.settle();
    EXPECT_EQ(sim.running(), 1U);
    sim.advance(5s);
    EXPECT_EQ(sim.running(), 0U) << "it is cancelled like those of peers who are still there";
    EXPECT_EQ(reports.at(0).reason, error::idle_timeout);
}

TEST_F(UdpServer, TheInboxOfAPeerIsBounded)
{
    serve(
        [](udp_peer& peer) -> task<> {
            co_await checked(sleep_for(1s));
            co_await checked(echo(peer));
        },
        {.inbox_size = 10 * (100 + 16)});
    for (int i = 0; i < 15; ++i) {
        arrive(std::string(100, static_cast<char>('a' + i)));
    }
    arrive("not affected", host(2));
    EXPECT_EQ(server->stats().overflowed, 5U);
    EXPECT_GT(server->stats().waiting, 1000U);
    sim.advance(1s);
    EXPECT_THAT(script.payloads(), SizeIs(11));
    EXPECT_EQ(server->stats().waiting, 0U);
}

TEST_F(UdpServer, AllInboxesTogetherAreBounded)
{
    serve([](udp_peer&) -> task<> { co_await checked(sleep_for(1s)); },
          {.memory_budget = 10 * (100 + 16)});
    for (unsigned i = 0; i < 15; ++i) {
        arrive(std::string(100, 'x'), host(i));
    }
    EXPECT_EQ(server->stats().overflowed, 5U);
    sim.advance(1s);  // sessions that never received give their memory back
    EXPECT_EQ(server->stats().waiting, 0U);
}

// 4096 datagrams of one peer can come in one call.
TEST_F(UdpServer, ABatchOfOnePeerFitsAnInboxThatIsSmaller)
{
    serve(echo);
    for (int i = 0; i < 64; ++i) {
        script.arriving.push_back({.payload = std::string(6400, 'x'), .segment = 100});
    }
    script.look();
    sim.settle();
    EXPECT_EQ(server->stats().overflowed, 0U);
    EXPECT_EQ(server->stats().socket.sent, 4096U);
}

TEST_F(UdpServer, APeerThatCannotBeReachedEndsItsOwnSession)
{
    serve(echo);
    arrive("one", host(1));
    arrive("two", host(2));
    const auto refused = make_error_code(boost::system::errc::connection_refused);
    script.errors = {{.peer = host(1), .why = refused}, {.peer = host(9), .why = refused}};
    script.receive_errors = {refused};
    script.look();
    sim.settle();
    ASSERT_THAT(reports, SizeIs(1));
    EXPECT_EQ(reports[0].peer, host(1));
    EXPECT_EQ(reports[0].reason, refused);
    arrive("two again", host(2));
    EXPECT_THAT(script.payloads(), SizeIs(3));
}

TEST_F(UdpServer, AnExceptionEndsOneSession)
{
    serve([](udp_peer& peer) -> task<> {
        const auto message = co_await peer.receive();
        if (as_text(*message) == "throw") {
            throw std::runtime_error("thrown");
        }
        peer.send(*message);
        co_await checked(echo(peer));
    });
    arrive("throw", host(1));
    arrive("fine", host(2));
    ASSERT_THAT(reports, SizeIs(1));
    EXPECT_THROW(std::rethrow_exception(reports[0].exception), std::runtime_error);
    EXPECT_THAT(script.payloads(), ElementsAre("fine"));
}

TEST_F(UdpServer, SessionsThatDoNotEndAreCancelled)
{
    serve([](udp_peer&) -> task<> { co_await checked(sleep_for(1h)); }, {.drain_timeout = 2s});
    arrive("hello");
    sim.cancel();
    sim.settle();
    sim.advance(2s - duration(1));
    EXPECT_EQ(sim.running(), 1U);
    sim.advance(duration(1));
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_EQ(reports[0].reason, error::draining);
}

TEST_F(UdpServer, WhatCameBeforeTheStopIsStillAnswered)
{
    serve([](udp_peer& peer) -> task<> {
        co_await checked(sleep_for(1s));
        co_await checked(echo(peer));
    });
    arrive("one");
    arrive("two");
    server->stop();
    sim.settle();
    sim.advance(1s);
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_THAT(script.payloads(), ElementsAre("one", "two"));
}

TEST_F(UdpServer, SendsNoMoreThanThreeTimesWhatCameFromAnUnprovenAddress)
{
    std::size_t refused = 0;
    serve([&](udp_peer& peer) -> task<> {
        while (auto message = co_await peer.receive()) {
            if (as_text(*message) == "i got your number") {
                peer.prove();
            }
            for (int i = 0; i < 5; ++i) {
                refused += peer.send(std::string(message->size(), 'x')) ? 0 : 1;
            }
        }
    });
    arrive(std::string(100, 'a'));
    EXPECT_EQ(refused, 2U);
    arrive("i got your number");
    EXPECT_EQ(refused, 2U);
}

TEST_F(UdpServer, AsksForACookieAndKeepsNothingBefore)
{
    serve(echo, {.cookie = true});
    arrive("hello, who are you?");
    EXPECT_EQ(server->stats().active, 0U);
    EXPECT_EQ(server->stats().challenged, 1U);
    ASSERT_THAT(script.sent, SizeIs(1));
    const std::string challenge = script.sent[0].payload;
    EXPECT_TRUE(address_cookie::is_challenge(as_bytes(challenge)));
    arrive("short");  // 16 bytes would be more than three times as much
    EXPECT_THAT(script.sent, SizeIs(1));

    const auto head = address_cookie::answer(as_bytes(challenge));
    const std::string proof = std::string(as_text(head)) + "hello";
    arrive(proof, host(2));  // not the address that it was made for
    EXPECT_EQ(server->stats().active, 0U);
    arrive(proof, host(1));
    EXPECT_EQ(server->stats().active, 1U);
    EXPECT_EQ(script.payloads().back(), "hello");
    arrive(proof, host(1));  // sent again, since the answer was lost
    arrive("plain", host(1));
    EXPECT_EQ(script.payloads().back(), "plain");
    EXPECT_EQ(server->stats().accepted, 1U);
}

// A million where the compiler optimises, as in the release build of --soak.
/// Bytes of the heap in use, of large blocks too; 0 where nobody can tell.
std::size_t heap_in_use()
{
#if !defined(LIBNET_ASIO_ADDRESS_SANITIZER) && defined(__GLIBC__)
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
#else
    return 0;
#endif
}

TEST_F(UdpServer, MadeUpAddressesFillNoMemoryAndGetNoMoreThanThreeTimesTheirBytes)
{
#if defined(__OPTIMIZE__)
    constexpr unsigned addresses = 1'000'000;
#else
    constexpr unsigned addresses = 5'000;
#endif
    constexpr unsigned first = 1'000;  // after them there is all that there will ever be
    for (const bool cookie : {true, false}) {
        script.closed = false;
        serve(echo, {.peers = {.max_peers = 100}, .cookie = cookie});
        std::size_t came = 0;
        std::size_t left = 0;
        std::size_t before = 0;
        for (unsigned i = 0; i < addresses; ++i) {
            const std::string payload(i % 40, 'x');
            came += payload.size();
            arrive(payload, host(i % 200, static_cast<std::uint16_t>(1000 + i)));
            for (const auto& departure : script.sent) {
                left += departure.payload.size();
            }
            script.sent.clear();
            script.sends_of_a_call.clear();
            if (i == first) {
                before = heap_in_use();
            }
        }
        EXPECT_LE(heap_in_use(), before + 16 * 1024);
        EXPECT_LE(left, 3 * came);
        EXPECT_EQ(server->stats().active, cookie ? 0U : 100U);
        server->stop();
        sim.settle();
    }
}

TEST_F(UdpServer, WhatIsTooLongIsCountedAndNotHandedOut)
{
    serve(echo, {.socket = {.max_datagram = 10}});
    arrive(std::string(11, 'x'));
    arrive("short");
    EXPECT_THAT(script.payloads(), ElementsAre("short"));
    EXPECT_EQ(server->stats().truncated, 1U);
}

TEST_F(UdpServer, EndsIfItsSocketFails)
{
    serve(echo);
    arrive("hello");
    const auto bad = make_error_code(boost::system::errc::bad_file_descriptor);
    script.receive_errors.assign(100, bad);
    script.look();
    sim.settle();
    EXPECT_EQ(sim.outcome(0)->error(), bad);
    EXPECT_THAT(reports, SizeIs(1));
}

TEST_F(UdpServer, ThrowsForWhatIsNoPort)
{
    const auto refusal_of = [](std::string_view where) {
        try {
            udp_server(where, echo);
        } catch (const boost::system::system_error& refused) {
            return refused.code();
        }
        return error_code();
    };
    EXPECT_EQ(refusal_of("nonsense"), error::invalid_endpoint);
    EXPECT_EQ(refusal_of("unix:/tmp/x"), error::not_supported);
}

TEST_F(UdpServer, WhatASessionStartsWorksForItsPeerToo)
{
    std::vector<std::string> names;
    auto note = [&]() -> task<> {
        names.push_back((co_await libnet::detail::fiber_await{}).description());
    };
    serve([&](udp_peer& peer) -> task<> {
        co_await checked(note());
        auto others = [&](group& all) -> task<> {
            all.start(note());
            co_await checked(all.join());
        };
        co_await checked(with_group(others));
        co_await checked(echo(peer));
    });
    arrive("here", host(1));
    sim.settle();
    EXPECT_EQ(names, std::vector<std::string>(2, host(1).to_string()));
}

TEST_F(UdpServer, TheLoopMayEndUnderIt)
{
    serve([](udp_peer& peer) -> task<> {
        co_await checked(echo(peer));
        co_await checked(sleep_for(1h));
    });
    arrive("expired", host(1));
    sim.advance(60s);
    arrive("there", host(2));
    // The simulation destroys the tasks where they stand.
}

#if !defined(LIBNET_ASIO_ADDRESS_SANITIZER) && defined(__GLIBC__)

// All that there is of a peer that says nothing: its entry, its task, and the frame of its session.
TEST_F(UdpServer, ManyPeersExpireToTheTickAndGiveTheirMemoryBack)
{
#if defined(__OPTIMIZE__)
    constexpr std::size_t count = 100'000;
#else
    constexpr std::size_t count = 10'000;
#endif
    std::size_t closed = 0;
    udp_server_options options;
    options.peers = {.max_peers = count,
                     .new_peers_per_second = count,
                     .idle_timeout = std::chrono::seconds(60)};
    options.on_close = [&](const udp_peer_report&) { ++closed; };
    server.emplace("127.0.0.1:0", udp_server::peer_session(echo), std::move(options));
    sim.start(server->run());
    sim.settle();
    const auto all_arrive = [&] {
        for (unsigned i = 0; i < count; i += 1'000) {
            for (unsigned j = i; j < i + 1'000; ++j) {
                script.arriving.push_back(
                    {.payload = "x",
                     .from = host(j / 60'000, static_cast<std::uint16_t>(j % 60'000))});
            }
            script.look();
            sim.settle();
            script.sent.clear();
            script.sent.shrink_to_fit();
            script.sends_of_a_call.clear();
        }
    };
    all_arrive();  // so that what the pools keep is there
    sim.advance(60s);
    ASSERT_EQ(closed, count);

    const std::size_t before = heap_in_use();
    all_arrive();
    EXPECT_EQ(server->stats().active, count);
    const std::size_t each = (heap_in_use() - before) / count;
    RecordProperty("bytes_of_an_idle_peer", std::to_string(each));
#if defined(__clang__) || __GNUC__ != 12
    EXPECT_LE(each, 600U);  // others lay out frames otherwise
#else
    EXPECT_LE(each, 512U);
#endif
    sim.advance(60s - duration(1));
    EXPECT_EQ(closed, count);
    sim.advance(duration(1));
    EXPECT_EQ(closed, 2 * count);
    EXPECT_EQ(server->stats().active, 0U);
    EXPECT_LE(heap_in_use(), before + 64 * 1024);
}

#endif

TEST_F(UdpServer, AllocatesNothingOnceItsPeersAreThere)
{
#if defined(LIBNET_ASIO_ADDRESS_SANITIZER)
    GTEST_SKIP() << "frames are not pooled under AddressSanitizer";
#endif
    serve(echo);
    script.sent.reserve(10'000);
    script.sends_of_a_call.reserve(10'000);
    const auto round = [&] {
        for (unsigned i = 0; i < 64; ++i) {
            script.arriving.push_back({.payload = "0123456789", .from = host(i % 8)});
        }
        const std::size_t before = allocations();
        script.look();
        sim.settle();
        return allocations() - before;
    };
    round();
    round();
    EXPECT_EQ(round(), 0U);
    EXPECT_THAT(script.sent, SizeIs(3 * 64));
}

}  // namespace
