#include "support/datagram_network.hpp"

#include <libnet/policy/address_cookie.hpp>
#include <libnet/session/udp_client.hpp>
#include <libnet/testing/simulation.hpp>

#include <boost/system/errc.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

namespace {

using namespace libnet;
using namespace libnet::literals;
using namespace libnet::testing;
using namespace libnet::tests;
using ::testing::SizeIs;

class UdpClient : public ::testing::Test {
protected:
    UdpClient() { script.largest_segment = 0; }

    void connect(udp_client_options with = {})
    {
        options = std::move(with);
        auto connected = sim.run(udp_client::connect("server.example:7", options));
        ASSERT_TRUE(connected);
        client.emplace(std::move(*connected));
    }

    /// Asks, beside the test; what came of it is in answers[n].
    void ask(std::string message)
    {
        auto keep = [](UdpClient& test, std::size_t n, std::string text) -> task<> {
            auto answer = co_await test.client->request(std::move(text));
            test.answers[n] = std::move(answer);
        };
        answers.emplace_back();
        sim.start(keep(*this, answers.size() - 1, std::move(message)));
        sim.settle();
    }
    void answer(std::size_t sent, const std::string& with)
    {
        script.arrive(script.sent.at(sent).payload.substr(0, 8) + with, host(99, 7));
        sim.settle();
    }

    channel_script script;
    simulation sim;
    datagram_network net{sim.home(), script};
    udp_client_options options;
    std::optional<udp_client> client;
    std::deque<std::optional<result<std::string>>> answers;
};

TEST_F(UdpClient, MatchesAnswersToRequests)
{
    connect();
    EXPECT_EQ(client->peer(), host(99, 7));
    ask("one");
    ask("two");
    ASSERT_THAT(script.sent, SizeIs(2));
    EXPECT_EQ(script.sent[1].payload.substr(8), "two");
    EXPECT_TRUE(script.sent[1].to.address.empty());  // the socket is connected
    answer(1, "second");
    EXPECT_FALSE(answers[0]);
    EXPECT_EQ(**answers[1], "second");
    answer(0, "first");
    EXPECT_EQ(**answers[0], "first");
    EXPECT_EQ(client->stats().answered, 2U);
}

TEST_F(UdpClient, SendsAgainUntilItIsAnsweredAndTakesNoAnswerTwice)
{
    connect();
    ask("hello");
    sim.advance(2s);
    const std::size_t times = script.sent.size();
    EXPECT_GE(times, 3U);
    for (const auto& again : script.sent) {
        EXPECT_EQ(again.payload, script.sent[0].payload);
    }
    answer(0, "answer");
    answer(0, "answer");
    answer(0, "another");
    EXPECT_EQ(**answers[0], "answer");
    EXPECT_EQ(client->stats().duplicates, 2U);
    EXPECT_EQ(client->stats().retransmitted, times - 1);
    sim.advance(10s);
    EXPECT_THAT(script.sent, SizeIs(times));
}

TEST_F(UdpClient, GivesUpAfterItsAttempts)
{
    connect({.retransmission = {.attempts = 3}, .timeout = 1h});
    ask("hello");
    sim.advance(10s);
    EXPECT_EQ(answers[0]->error(), error::timeout);
    EXPECT_THAT(script.sent, SizeIs(3));
    EXPECT_EQ(client->stats().given_up, 1U);
    answer(0, "too late");
    EXPECT_EQ(client->stats().duplicates, 1U);
}

TEST_F(UdpClient, GivesUpAtItsDeadlineToTheTick)
{
    connect({.retransmission = {.attempts = 1'000}, .timeout = 5s});
    ask("hello");
    sim.advance(5s - duration(1));
    EXPECT_FALSE(answers[0]);
    sim.advance(duration(1));
    EXPECT_EQ(answers[0]->error(), error::timeout);
}

TEST_F(UdpClient, KnowsAtOnceThatNobodyIsThere)
{
    connect();
    ask("hello");
    const auto refused = make_error_code(boost::system::errc::connection_refused);
    script.receive_errors = {refused};
    script.errors = {{.peer = host(99, 7), .why = refused}};
    script.look();
    sim.settle();
    EXPECT_EQ(answers[0]->error(), refused);
    ask("and now?");
    answer(1, "here");
    EXPECT_EQ(**answers[1], "here");
}

TEST_F(UdpClient, IsNotMisledByStrangeDatagrams)
{
    connect();
    ask("hello");
    script.arrive("short");
    script.arrive("12345678 not the id");
    script.arrive("");
    sim.settle();
    EXPECT_FALSE(answers[0]);
    EXPECT_EQ(client->stats().strange, 3U);
}

TEST_F(UdpClient, AnswersAChallengeWithAProof)
{
    connect();
    ask("hello");
    const address_cookie jar({1, 2});
    const auto challenge = jar.make(host(1), sim.now());
    script.arrive(std::string(as_text(challenge)), host(99, 7));
    script.arrive(std::string(as_text(challenge)), host(99, 7));
    sim.settle();
    ASSERT_THAT(script.sent, SizeIs(2));
    const auto behind = jar.proven(host(1), as_bytes(script.sent[1].payload), sim.now());
    ASSERT_TRUE(behind);
    EXPECT_EQ(as_text(*behind), script.sent[0].payload);
    answer(0, "welcome");
    EXPECT_EQ(**answers[0], "welcome");
    ask("next");
    EXPECT_THAT(script.sent[2].payload, SizeIs(12));  // it knows us now
}

TEST_F(UdpClient, HasABoundAndAFormat)
{
    connect({.id = {.width = 2, .where = request_id::placement::inside}, .max_requests = 2});
    ask("x");
    EXPECT_EQ(answers[0]->error(), error::refused_payload);
    ask("..one");
    ask("..two");
    ask("..three");
    EXPECT_EQ(answers[3]->error(), error::limit_reached);
    ASSERT_THAT(script.sent, SizeIs(2));
    EXPECT_THAT(script.sent[0].payload, SizeIs(5));
    script.arrive(script.sent[0].payload.substr(0, 2) + "answer", host(99, 7));
    sim.settle();
    EXPECT_EQ((**answers[1]).substr(2), "answer");
    ask(std::string(65'500, 'x'));
    EXPECT_EQ(answers[4]->error(), error::frame_too_large);
}

TEST_F(UdpClient, EveryRequestEndsWhenTheClientGoes)
{
    connect();
    ask("one");
    ask("two");
    client.reset();
    sim.settle();
    EXPECT_EQ(answers[0]->error(), error::closed);
    EXPECT_EQ(answers[1]->error(), error::closed);
}

TEST_F(UdpClient, ACancelledRequestLeavesNothingBehind)
{
    connect();
    ask("one");
    sim.cancel();
    sim.settle();
    EXPECT_EQ(answers[0]->error(), error::cancelled);
    answer(0, "late");
    EXPECT_EQ(client->stats().duplicates, 1U);
}

TEST_F(UdpClient, SaysWhatIsNoEndpoint)
{
    EXPECT_EQ(sim.run(udp_client::connect("nonsense", options)).error(), error::invalid_endpoint);
    EXPECT_EQ(sim.run(udp_client::connect("unix:/tmp/x", options)).error(), error::not_supported);
}

}  // namespace
