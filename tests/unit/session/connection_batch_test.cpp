#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

/// connection::send_batch.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;
using ::testing::ElementsAre;

constexpr std::size_t header = 4;

std::vector<bytes> views_of(const std::vector<std::string>& messages)
{
    std::vector<bytes> views;
    for (const std::string& message : messages) {
        views.push_back(as_bytes(message));
    }
    return views;
}

task<> send_and_close(connection& peer, const std::vector<std::string>& messages)
{
    const std::vector<bytes> views = views_of(messages);
    co_await checked(peer.send_batch(views));
    co_await checked(peer.close());
}

TEST(ConnectionBatch, LeavesInOneWrite)
{
    simulation sim;
    wired w(sim);
    const std::vector<std::string> messages(100, "Hello");
    auto session = [&]() -> task<> {
        const std::vector<bytes> views = views_of(messages);
        co_await checked(w.subject.send_batch(views));
        EXPECT_EQ(w.calls->writes(), 0U);
        co_await checked(sleep_for(1h));
    };
    sim.start(session());
    sim.settle();
    EXPECT_EQ(w.calls->writes(), 1U);
    EXPECT_EQ(w.pair.forward_bytes(), 100 * (header + 5));
    EXPECT_EQ(w.subject.info().messages_sent, 100U);
}

TEST(ConnectionBatch, OfNothingSendsNothing)
{
    simulation sim;
    wired w(sim);
    EXPECT_TRUE(sim.run(w.subject.send_batch({})));
    sim.settle();
    EXPECT_EQ(w.pair.forward_bytes(), 0U);
}

/// Empty ones, those that are written past the buffer, and those for which it grows.
TEST(ConnectionBatch, KeepsTheOrderOfMessagesOfAnySize)
{
    for (const any_framing& framing :
         {any_framing(length_prefix{}), any_framing(delimited("\n"))}) {
        for (const std::size_t capacity : {std::size_t{700}, 1_MiB}) {
            simulation sim;
            auto [left, right] =
                sim.connect({.framing = framing}, {.framing = framing}, {.capacity = capacity});
            std::vector<std::string> sent;
            for (const std::size_t size : {5, 0, 1, 3000, 20000, 1, 0, 64, 40000, 2}) {
                sent.push_back(some_text(size, static_cast<unsigned>(sent.size())));
            }
            sim.start(send_and_close(left, sent));
            EXPECT_TRUE(sim.run(receive_all(right)).value() == sent) << capacity;
            EXPECT_EQ(left.info().messages_sent, sent.size());
        }
    }
}

TEST(ConnectionBatch, AnswersWhatCameInABatch)
{
    simulation sim;
    auto [left, right] = sim.connect();
    const std::vector<std::string> sent{"a", "b", "c"};
    auto echo_batches = [](connection& peer) -> task<> {
        while (auto frames = co_await peer.receive_batch()) {
            co_await checked(peer.send_batch(*frames));
        }
        co_await checked(peer.close());
    };
    sim.start(echo_batches(right));
    auto asking = [&](connection& peer) -> task<std::vector<std::string>> {
        const std::vector<bytes> views = views_of(sent);
        co_await checked(peer.send_batch(views));
        std::vector<std::string> answers;
        while (answers.size() < sent.size()) {
            const bytes frame = co_await checked(peer.receive());
            answers.push_back(to_string(frame));
        }
        co_return answers;
    };
    EXPECT_TRUE(sim.run(asking(left)).value() == sent);
    EXPECT_EQ(right.info().messages_sent, sent.size());
}

/// Nothing is read until somebody does.
struct flooded {
    explicit flooded(overflow policy)
    {
        auto [a, b] = sim.connect({.framing = delimited("\n"),
                                   .send_timeout = never,
                                   .high_water_mark = 100,
                                   .when_full = policy},
                                  {.framing = delimited("\n")}, {.capacity = 10});
        sender = &a;
        reader = &b;
        filling = std::string(200, 'x');
        sim.start(send_all(a, {filling}));
        sim.settle();
    }

    simulation sim;
    connection* sender;
    connection* reader;
    std::string filling;
};

TEST(ConnectionBatch, WaitsAboveTheMarkWithAllOfIt)
{
    flooded f(overflow::wait);
    const std::vector<std::string> large(50, std::string(9, 'y'));
    bool accepted = false;
    auto session = [&]() -> task<> {
        const std::vector<bytes> views = views_of(large);
        co_await checked(f.sender->send_batch(views));
        accepted = true;
        co_await checked(f.sender->send("behind it"));
        co_await checked(f.sender->close());
    };
    f.sim.start(session());
    f.sim.settle();
    EXPECT_FALSE(accepted);
    EXPECT_EQ(f.sender->info().messages_sent, 1U);
    const auto received = f.sim.run(receive_all(*f.reader)).value();
    EXPECT_TRUE(accepted);
    ASSERT_EQ(received.size(), 52U);
    EXPECT_EQ(received.front(), f.filling);
    EXPECT_EQ(received[1], large.front());
    EXPECT_EQ(received.back(), "behind it");
    EXPECT_EQ(f.sender->info().messages_sent, 52U);
}

TEST(ConnectionBatch, SentNothingIfItWasCancelled)
{
    flooded f(overflow::wait);
    auto session = [&]() -> task<> {
        const std::vector<bytes> never_sent(3, as_bytes("never"));
        const result<> impatient = co_await within(1s, f.sender->send_batch(never_sent));
        EXPECT_EQ(impatient.error(), error::timeout);
        co_await checked(f.sender->send("last"));
        co_await checked(f.sender->close());
    };
    f.sim.start(session());
    f.sim.advance(2s);
    EXPECT_THAT(f.sim.run(receive_all(*f.reader)).value(), ElementsAre(f.filling, "last"));
}

TEST(ConnectionBatch, IsDroppedAsAWhole)
{
    flooded f(overflow::drop_newest);
    const std::vector<bytes> late(3, as_bytes("late"));
    const result<> dropped = f.sim.run(f.sender->send_batch(late));
    EXPECT_EQ(dropped.error(), error::peer_not_reading);
    EXPECT_EQ(f.sender->info().messages_dropped, 3U);
    EXPECT_FALSE(f.sender->ended());
}

TEST(ConnectionBatch, TakesTheRoomOfTheOldest)
{
    flooded f(overflow::drop_oldest);
    for (int i = 0; i < 20; ++i) {
        const std::string number = std::to_string(10 + i) + " and more";
        const std::vector<bytes> two(2, as_bytes(number));
        EXPECT_TRUE(f.sim.run(f.sender->send_batch(two)));
    }
    EXPECT_GT(f.sender->info().messages_dropped, 20U);
    f.sim.start([](connection& c) -> task<> { co_await checked(c.close()); }(*f.sender));
    const auto received = f.sim.run(receive_all(*f.reader)).value();
    EXPECT_EQ(received.size() + f.sender->info().messages_dropped, 41U);
    EXPECT_EQ(received.back(), "29 and more");
}

TEST(ConnectionBatch, EndsAtTheFirstThatIsRefused)
{
    simulation sim;
    auto [left, right] = sim.connect({.framing = delimited("\n")}, {.framing = delimited("\n")});
    auto session = [&]() -> task<> {
        const std::vector<std::string> batch{"one", "two\nlines", "three"};
        const std::vector<bytes> views = views_of(batch);
        const result<> refused = co_await left.send_batch(views);
        EXPECT_EQ(refused.error(), error::refused_payload);
        EXPECT_FALSE(left.ended());
        co_await checked(left.send("four"));
        co_await checked(left.close());
    };
    sim.start(session());
    EXPECT_THAT(sim.run(receive_all(right)).value(), ElementsAre("one", "four"));
    EXPECT_EQ(left.info().messages_sent, 2U);
    EXPECT_EQ(left.info().messages_refused, 1U);
}

TEST(ConnectionBatch, EndsAtTheFirstThatIsRefusedAlsoAfterWaiting)
{
    flooded f(overflow::wait);
    auto session = [&]() -> task<> {
        const std::vector<std::string> batch{"one", "two\nlines", "three"};
        const std::vector<bytes> views = views_of(batch);
        const result<> refused = co_await f.sender->send_batch(views);
        EXPECT_EQ(refused.error(), error::refused_payload);
        co_await checked(f.sender->close());
    };
    f.sim.start(session());
    EXPECT_THAT(f.sim.run(receive_all(*f.reader)).value(), ElementsAre(f.filling, "one"));
}

TEST(ConnectionBatch, AnswersHowTheConnectionHasEnded)
{
    simulation sim;
    auto [left, right] = sim.connect();
    left.fail(error::idle_timeout);
    const std::vector<bytes> late(2, as_bytes("late"));
    const result<> sent = sim.run(left.send_batch(late));
    EXPECT_EQ(sent.error(), error::idle_timeout);
    EXPECT_EQ(left.info().messages_sent, 0U);
}

TEST(ConnectionBatch, EndsWithTheConnectionWhileItWaits)
{
    flooded f(overflow::wait);
    result<> sent;
    auto session = [&]() -> task<> {
        const std::vector<bytes> late(2, as_bytes("late"));
        sent = co_await f.sender->send_batch(late);
    };
    f.sim.start(session());
    f.sim.settle();
    f.sender->fail(error::idle_timeout);
    f.sim.settle();
    EXPECT_EQ(sent.error(), error::idle_timeout);
}

}  // namespace
