#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>
#include <libnet/testing/for_each_fault.hpp>

#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

connection_options with_deadlines(any_framing framing)
{
    return {.framing = std::move(framing), .idle_timeout = 20s};
}

struct conversation {
    std::vector<std::string> sent{"Hello", "", "World", some_text(40)};
    std::vector<std::string> replies;
};

task<> talk(connection& peer, conversation& c)
{
    for (const std::string& message : c.sent) {
        co_await checked(peer.send(message));
    }
    while (c.replies.size() < c.sent.size()) {
        const bytes frame = co_await checked(peer.receive());
        c.replies.push_back(to_string(frame));
    }
    co_await checked(peer.close());
}

bool is_prefix(const std::vector<std::string>& part, const std::vector<std::string>& whole)
{
    return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

void under_every_fault(const any_framing& framing)
{
    for_each_fault([&](const fault& f) {
        SCOPED_TRACE(f.describe());
        simulation sim;
        auto [client, peer] =
            sim.connect(with_deadlines(framing), with_deadlines(framing), f.forward, f.backward);
        sim.start(serve(peer, echo(peer)));
        conversation c;
        const result<> outcome = sim.run(talk(client, c));
        sim.advance(1min);
        EXPECT_EQ(sim.running(), 0U);
        EXPECT_TRUE(is_prefix(c.replies, c.sent));
        if (!f.struck()) {
            EXPECT_TRUE(outcome) << outcome.error();
            EXPECT_EQ(c.replies, c.sent);
        }
        return !::testing::Test::HasFailure();
    });
}

TEST(ConnectionFault, AnEchoSurvivesEveryOneWithLengths)
{
    under_every_fault(length_prefix{});
}

TEST(ConnectionFault, AnEchoSurvivesEveryOneWithLines)
{
    under_every_fault(delimited("\r\n"));
}

/// Large payloads leave by another way, in one piece with what was gathered.
TEST(ConnectionFault, LargePayloadsSurviveEveryOne)
{
    for_each_fault(
        [&](const fault& f) {
            SCOPED_TRACE(f.describe());
            simulation sim;
            auto [client, peer] =
                sim.connect(with_deadlines(length_prefix{}), with_deadlines(length_prefix{}),
                            f.forward, f.backward);
            sim.start(serve(peer, echo(peer)));
            conversation c{{"a", some_text(17000), "b"}, {}};
            (void)sim.run(talk(client, c));
            sim.advance(1min);
            EXPECT_EQ(sim.running(), 0U);
            EXPECT_TRUE(is_prefix(c.replies, c.sent));
            return !::testing::Test::HasFailure();
        },
        {.forward = {.capacity = 5000}, .backward = {.capacity = 3000}, .every_byte_up_to = 8});
}

/// Both sides cancelled before each step of an exchange.
TEST(ConnectionFault, ACancellationAtEveryStepEndsBothSides)
{
    const std::size_t steps = for_each_step([](std::size_t n) {
        SCOPED_TRACE(n);
        simulation sim;
        auto [client, peer] = sim.connect({}, {}, {.capacity = 20}, {.capacity = 20});
        conversation c;
        sim.start(serve(peer, echo(peer)));
        sim.start(talk(client, c));
        bool reached = true;
        for (std::size_t i = 0; i < n && reached; ++i) {
            reached = sim.step();
        }
        sim.cancel();
        sim.advance(1min);
        EXPECT_EQ(sim.running(), 0U);
        EXPECT_TRUE(is_prefix(c.replies, c.sent));
        return reached && !::testing::Test::HasFailure();
    });
    EXPECT_GT(steps, 20U);
}

/// The same from a handle, as another thread would do it.
TEST(ConnectionFault, AHandleThatCancelsAtEveryStepEndsTheSession)
{
    const std::size_t steps = for_each_step([](std::size_t n) {
        SCOPED_TRACE(n);
        simulation sim;
        auto [client, peer] = sim.connect({}, {}, {.capacity = 20}, {.capacity = 20});
        conversation c;
        sim.start(serve(peer, echo(peer)));
        sim.start(talk(client, c));
        const connection_handle handle = peer.handle();
        bool reached = true;
        for (std::size_t i = 0; i < n && reached; ++i) {
            reached = sim.step();
        }
        handle.cancel();
        sim.advance(1min);
        EXPECT_EQ(sim.running(), 0U);
        EXPECT_TRUE(is_prefix(c.replies, c.sent));
        return reached && !::testing::Test::HasFailure();
    });
    EXPECT_GT(steps, 20U);
}

}  // namespace
