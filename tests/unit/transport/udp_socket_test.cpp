#include "support/allocations.hpp"
#include "support/scripted_channel.hpp"

#include <libnet/runtime/within.hpp>
#include <libnet/testing/simulation.hpp>
#include <libnet/transport/udp_socket.hpp>

#include <boost/system/errc.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;
using ::testing::ElementsAre;
using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const error_code refused = make_error_code(boost::system::errc::connection_refused);

task<> echo(udp_socket& socket)
{
    while (auto received = co_await socket.receive()) {
        socket.reply(*received, received->payload());
    }
}

task<> flush(udp_socket& socket)
{
    co_await checked(socket.flush());
}

class UdpSocket : public ::testing::Test {
protected:
    udp_socket open(udp_options options = {})
    {
        return udp_socket(std::make_unique<scripted_channel>(sim.home(), script),
                          std::move(options));
    }

    std::string receive(udp_socket& socket)
    {
        const auto received = sim.run(socket.receive());
        return received ? to_string(received->payload()) : received.error().message();
    }

    channel_script script;  // outlives the channel, whose last reference the loop may have
    simulation sim;
};

TEST_F(UdpSocket, HandsOutOneByOneWhatOneCallHasFetched)
{
    udp_socket socket = open();
    for (const char* text : {"one", "two", "three"}) {
        script.arriving.push_back({.payload = text, .from = host(7, 77)});
    }
    const auto first = sim.run(socket.receive());
    ASSERT_TRUE(first);
    EXPECT_EQ(as_text(first->payload()), "one");
    EXPECT_EQ(first->from(), host(7, 77));
    EXPECT_FALSE(first->truncated());
    EXPECT_EQ(receive(socket), "two");
    EXPECT_EQ(receive(socket), "three");
    EXPECT_EQ(script.receive_calls, 1U);
    EXPECT_EQ(socket.stats().received, 3U);
}

TEST_F(UdpSocket, HandsOutEmptyDatagrams)
{
    udp_socket socket = open();
    script.arriving = {{.payload = ""}, {.payload = "x"}, {.payload = ""}};
    EXPECT_EQ(receive(socket), "");
    EXPECT_EQ(receive(socket), "x");
    EXPECT_EQ(receive(socket), "");
}

TEST_F(UdpSocket, TakesApartWhatTheKernelHasPutTogether)
{
    udp_socket socket = open();
    script.arriving = {{.payload = "aaabbbcc", .segment = 3}, {.payload = "d", .from = host(2)}};
    EXPECT_EQ(receive(socket), "aaa");
    EXPECT_EQ(receive(socket), "bbb");
    const auto last = sim.run(socket.receive());
    EXPECT_EQ(as_text(last->payload()), "cc");
    EXPECT_EQ(last->size(), 2U);
    EXPECT_EQ(last->from(), host(1));
    EXPECT_EQ(receive(socket), "d");
}

TEST_F(UdpSocket, SaysWhatIsMissing)
{
    udp_socket socket = open({.max_datagram = 4});
    script.arriving = {{.payload = "12345678", .segment = 5}, {.payload = "1234", .whole = 9}};
    const auto cut_here = sim.run(socket.receive());
    EXPECT_EQ(as_text(cut_here->payload()), "1234");
    EXPECT_TRUE(cut_here->truncated());
    EXPECT_EQ(cut_here->size(), 5U);
    const auto whole = sim.run(socket.receive());
    EXPECT_EQ(as_text(whole->payload()), "678");
    EXPECT_FALSE(whole->truncated());
    const auto cut_there = sim.run(socket.receive());
    EXPECT_TRUE(cut_there->truncated());
    EXPECT_EQ(cut_there->size(), 9U);
}

TEST_F(UdpSocket, FetchesAgainAtOnceIfABatchWasFull)
{
    udp_socket socket = open();
    for (int i = 0; i < 70; ++i) {
        script.arriving.push_back({.payload = std::to_string(i)});
    }
    for (int i = 0; i < 70; ++i) {
        EXPECT_EQ(receive(socket), std::to_string(i));
    }
    EXPECT_EQ(script.receive_calls, 2U);
}

TEST_F(UdpSocket, RepliesLeaveInOneCallWhenTheBatchIsWorkedOff)
{
    udp_socket socket = open();
    sim.start(echo(socket));
    sim.settle();
    for (unsigned i = 1; i <= 5; ++i) {
        script.arriving.push_back({.payload = std::to_string(i), .from = host(i)});
    }
    script.look();
    sim.settle();
    EXPECT_THAT(script.payloads(), ElementsAre("1", "2", "3", "4", "5"));
    EXPECT_EQ(script.sent[4].to, host(5));
    EXPECT_THAT(script.sends_of_a_call, ElementsAre(5));
    EXPECT_TRUE(script.waits_to_read);
}

TEST_F(UdpSocket, WhatNobodyWaitsBehindLeavesAtTheEndOfTheTurn)
{
    udp_socket socket = open();
    EXPECT_TRUE(socket.send_to(host(1), "hello"));
    EXPECT_THAT(script.sent, IsEmpty());
    sim.settle();
    EXPECT_THAT(script.payloads(), ElementsAre("hello"));
}

TEST_F(UdpSocket, DatagramsOfOneSizeToOnePeerBecomeOneSend)
{
    udp_socket socket = open();
    for (const char* text : {"aa", "bb", "c", "dd", "e"}) {
        ASSERT_TRUE(socket.send_to(host(1), text));
    }
    ASSERT_TRUE(socket.send_to(host(2), "ff"));
    ASSERT_TRUE(socket.send_to(host(2), ""));
    ASSERT_TRUE(socket.send_to(host(2), ""));
    sim.settle();
    EXPECT_THAT(script.payloads(), ElementsAre("aabbc", "dde", "ff", "", ""));
    EXPECT_EQ(script.sent[0].segment, 2U);
    EXPECT_EQ(socket.stats().sent, 8U);
}

TEST_F(UdpSocket, NoMoreThanTheKernelTakesBecomeOneSend)
{
    script.largest_segment = 1000;
    udp_socket socket = open();
    const std::string ten(10, 'x');
    const std::string kilobyte(1000, 'y');
    const std::string larger(1001, 'z');
    for (int i = 0; i < 65; ++i) {
        socket.send_to(host(1), ten);
    }
    for (int i = 0; i < 66; ++i) {
        socket.send_to(host(2), kilobyte);
    }
    for (int i = 0; i < 2; ++i) {
        socket.send_to(host(3), larger);
    }
    sim.settle();
    ASSERT_THAT(script.sent, SizeIs(6));
    EXPECT_THAT(script.sent[0].payload, SizeIs(640));
    EXPECT_THAT(script.sent[1].payload, SizeIs(10));
    EXPECT_THAT(script.sent[2].payload, SizeIs(64'000));  // 64, though 65,507 bytes hold 65
    EXPECT_THAT(script.sent[4].payload, SizeIs(1001));
}

TEST_F(UdpSocket, TheQueueIsBounded)
{
    script.takes = 0;
    udp_socket socket = open();
    int accepted = 0;
    while (accepted < 1000 && socket.send_to(host(accepted % 2), "x")) {
        ++accepted;
    }
    EXPECT_EQ(accepted, 64);
    EXPECT_EQ(socket.send_to(host(2), "x").error(), error::limit_reached);
    sim.settle();
    EXPECT_TRUE(script.waits_to_write);
    script.take_more(SIZE_MAX);
    sim.settle();
    EXPECT_THAT(script.sent, SizeIs(64));
    EXPECT_TRUE(socket.send_to(host(1), "x"));
}

TEST_F(UdpSocket, TheQueueIsBoundedInBytes)
{
    script.takes = 0;
    udp_socket socket = open();
    const std::string large(65'507, 'x');
    int accepted = 0;
    while (accepted < 1000 && socket.send_to(host(1), large)) {
        ++accepted;
    }
    EXPECT_EQ(accepted, 4);
    EXPECT_EQ(socket.send_to(host(1), std::string(65'508, 'x')).error(), error::frame_too_large);
}

TEST_F(UdpSocket, FlushWaitsUntilAllHasLeft)
{
    script.takes = 1;
    udp_socket socket = open();
    socket.send_to(host(1), "one");
    socket.send_to(host(2), "two");
    sim.start(flush(socket));
    sim.start(flush(socket));
    sim.settle();
    EXPECT_THAT(script.payloads(), ElementsAre("one"));
    EXPECT_EQ(sim.running(), 2U);
    script.take_more(5);
    sim.settle();
    EXPECT_THAT(script.payloads(), ElementsAre("one", "two"));
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_TRUE(sim.run(socket.flush()));
}

// Whoever echoes would otherwise have to throw replies away.
TEST_F(UdpSocket, NothingIsReceivedWhileOutputIsStuck)
{
    script.takes = 0;
    udp_socket socket = open();
    sim.start(echo(socket));
    script.arrive("one");
    sim.settle();
    EXPECT_TRUE(script.waits_to_write);
    EXPECT_FALSE(script.waits_to_read);
    script.arrive("two");
    sim.settle();
    EXPECT_THAT(script.arriving, SizeIs(1));
    script.take_more(SIZE_MAX);
    sim.settle();
    EXPECT_THAT(script.payloads(), ElementsAre("one", "two"));
}

TEST_F(UdpSocket, NoReplyIsLostThoughTheKernelTakesFewAtATime)
{
    script.takes = 0;
    udp_socket socket = open();
    std::size_t refusals = 0;
    auto count_refusals = [&]() -> task<> {
        while (auto received = co_await socket.receive()) {
            refusals += socket.reply(*received, received->payload()) ? 0 : 1;
        }
    };
    sim.start(count_refusals());
    std::vector<std::string> expected;
    for (int i = 0; i < 300; ++i) {
        expected.push_back(std::to_string(1000 + i));
        script.arriving.push_back(
            {.payload = expected.back(), .from = host(static_cast<unsigned>(i) % 7)});
    }
    script.look();
    for (int i = 0; i < 100 && script.sent.size() < expected.size(); ++i) {
        sim.settle();
        script.take_more(7);
    }
    EXPECT_EQ(script.payloads(), expected);
    EXPECT_EQ(refusals, 0U);
}

TEST_F(UdpSocket, WhatAPeerAnsweredIsToldAndReceivingGoesOn)
{
    std::vector<datagram_error> told;
    udp_socket socket = open({.on_error = [&](const datagram_error& e) { told.push_back(e); }});
    script.receive_errors = {refused};
    script.errors = {{.peer = host(3), .why = refused}, {.peer = host(4), .why = refused}};
    script.arriving = {{.payload = "all is well"}};
    EXPECT_EQ(receive(socket), "all is well");
    ASSERT_THAT(told, SizeIs(2));
    EXPECT_EQ(told[1].peer, host(4));
    EXPECT_EQ(told[1].why, boost::system::errc::connection_refused);
    EXPECT_EQ(socket.stats().errors, 2U);
}

TEST_F(UdpSocket, WhatAPeerAnsweredDoesNotKeepTheNextFromLeaving)
{
    udp_socket socket = open();
    script.send_errors = {refused};
    script.errors = {{.peer = host(3), .why = refused}};
    socket.send_to(host(1), "one");
    sim.settle();
    EXPECT_THAT(script.payloads(), ElementsAre("one"));
    EXPECT_EQ(socket.stats().unsent, 0U);
}

TEST_F(UdpSocket, WhatTheKernelWillNotSendIsToldAndTheRestLeaves)
{
    std::vector<datagram_error> told;
    udp_socket socket = open({.on_error = [&](const datagram_error& e) { told.push_back(e); }});
    const auto unreachable = make_error_code(boost::system::errc::network_unreachable);
    script.send_errors = {unreachable, unreachable};
    socket.send_to(host(1), "one");
    socket.send_to(host(2), "two");
    sim.settle();
    EXPECT_THAT(script.payloads(), ElementsAre("two"));
    ASSERT_THAT(told, SizeIs(1));
    EXPECT_EQ(told[0].peer, host(1));
    EXPECT_EQ(told[0].why, unreachable);
    EXPECT_EQ(socket.stats().unsent, 1U);
}

TEST_F(UdpSocket, AnErrorOfTheSocketItselfEndsReceiving)
{
    udp_socket socket = open();
    const auto bad = make_error_code(boost::system::errc::bad_file_descriptor);
    script.receive_errors.assign(100, bad);
    EXPECT_EQ(sim.run(socket.receive()).error(), bad);
    EXPECT_EQ(sim.run(socket.receive()).error(), bad);
    EXPECT_EQ(socket.send_to(host(1), "x").error(), bad);
    EXPECT_EQ(sim.run(socket.flush()).error(), bad);
}

TEST_F(UdpSocket, ACancelledReceiveLosesNothing)
{
    udp_socket socket = open();
    auto wait = [](udp_socket& s) -> task<> {
        auto nothing = co_await within(std::chrono::seconds(1), s.receive());
        EXPECT_EQ(nothing.error(), error::timeout);
    };
    EXPECT_TRUE(sim.run(wait(socket)));
    script.arrive("late");
    sim.settle();
    EXPECT_EQ(receive(socket), "late");
}

// What waits for nobody keeps a loop from ending.
TEST_F(UdpSocket, WaitsOnlyAsLongAsSomebodyReceives)
{
    udp_socket socket = open();
    EXPECT_FALSE(script.waits_to_read);
    auto wait = [](udp_socket& s, duration limit) -> task<> {
        auto nothing = co_await within(limit, s.receive());
        EXPECT_EQ(nothing.error(), error::timeout);
    };
    sim.start(wait(socket, std::chrono::seconds(1)));
    sim.settle();
    EXPECT_TRUE(script.waits_to_read);
    sim.advance(std::chrono::seconds(1));
    EXPECT_FALSE(script.waits_to_read);

    // Somebody else comes before the first has been heard to go.
    auto one_after_the_other = [&]() -> task<std::string> {
        auto first = wait(socket, std::chrono::seconds(1));
        co_await checked(std::move(first));
        const datagram received = co_await checked(socket.receive());
        co_return to_string(received.payload());
    };
    sim.start([](task<std::string> t) -> task<> {
        const auto text = co_await std::move(t);
        EXPECT_EQ(*text, "here");
    }(one_after_the_other()));
    sim.advance(std::chrono::seconds(1));
    EXPECT_TRUE(script.waits_to_read);
    script.arrive("here");
    sim.settle();
    EXPECT_EQ(sim.running(), 0U);
}

TEST_F(UdpSocket, OutputThatIsStuckLeavesThoughNobodyReceives)
{
    udp_socket socket = open();
    auto wait = [](udp_socket& s) -> task<> {
        (void)co_await within(std::chrono::seconds(1), s.receive());
    };
    sim.start(wait(socket));
    sim.settle();
    script.takes = 0;
    socket.send_to(host(1), "stuck");
    sim.settle();
    EXPECT_TRUE(script.waits_to_write);
    sim.advance(std::chrono::seconds(1));
    EXPECT_FALSE(script.waits_to_read);
    EXPECT_TRUE(script.waits_to_write);
    script.take_more(1);
    sim.settle();
    EXPECT_THAT(script.payloads(), ElementsAre("stuck"));
}

TEST_F(UdpSocket, MayOutliveItsLoop)
{
    std::optional<udp_socket> kept;
    {
        simulation other;
        kept.emplace(std::make_unique<scripted_channel>(other.home(), script));
        other.start(echo(*kept));
        other.settle();
    }
    EXPECT_TRUE(script.closed);
    EXPECT_EQ(kept->send_to(host(1), "too late").error(), error::closed);
}

TEST_F(UdpSocket, ClosingEndsWhatWaits)
{
    udp_socket socket = open();
    socket.send_to(host(1), "goodbye");
    sim.start(echo(socket));
    sim.settle();
    socket.send_to(host(1), "the last word");
    socket.close();
    sim.settle();
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_THAT(script.payloads(), ElementsAre("goodbye", "the last word"));
    EXPECT_EQ(sim.run(socket.receive()).error(), error::closed);
    EXPECT_EQ(socket.send_to(host(1), "x").error(), error::closed);
    EXPECT_TRUE(script.closed);
}

TEST_F(UdpSocket, CanBeMoved)
{
    udp_socket first = open();
    first.send_to(host(1), "moved");
    udp_socket second = std::move(first);
    sim.settle();
    EXPECT_THAT(script.payloads(), ElementsAre("moved"));
    script.arrive("here");
    EXPECT_EQ(receive(second), "here");
    EXPECT_EQ(second.local(), host(254, 9000));
    EXPECT_EQ(second.join(host(1).address).has_error(), false);
    EXPECT_EQ(second.leave(host(1).address).error(), error::not_supported);
}

TEST_F(UdpSocket, AllocatesNothingOnceItRuns)
{
    udp_socket socket = open();
    sim.start(echo(socket));
    const auto round = [&] {
        for (unsigned i = 0; i < 64; ++i) {
            script.arriving.push_back({.payload = "0123456789", .from = host(i % 8)});
        }
        script.look();
        const std::size_t before = allocations();
        sim.settle();
        return allocations() - before;
    };
    script.sent.reserve(10'000);
    script.sends_of_a_call.reserve(10'000);
    round();
    EXPECT_EQ(round(), 0U);
    EXPECT_EQ(round(), 0U);
    EXPECT_EQ(script.sent.size(), 3 * 64U);
}

}  // namespace
