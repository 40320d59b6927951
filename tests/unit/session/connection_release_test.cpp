#include <libnet/libnet.hpp>
#include <libnet/session/release.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>

/// A connection that is taken apart, and goes on as another one.
namespace {

using namespace libnet;
using namespace libnet::literals;
using libnet::testing::simulation;

connection_options lines()
{
    connection_options options;
    options.framing = delimited("\n");
    return options;
}

/// Sends bytes as they are.
connection_options plain()
{
    connection_options options;
    options.framing = raw{};
    return options;
}

task<std::string> next(connection& peer)
{
    const bytes frame = co_await checked(peer.receive());
    co_return to_string(frame);
}

task<> say(connection& peer, std::string text)
{
    co_await checked(peer.send(text));
    co_await checked(peer.flush());
}

TEST(Release, GivesWhatWasReceivedAndNotHandedOut)
{
    simulation sim;
    const auto [left, right] = sim.connect(plain(), lines());
    EXPECT_TRUE(sim.run(say(left, "one\ntwo\nthr")));
    EXPECT_EQ(sim.run(next(right)).value(), "one");
    const auto rest = sim.run(release(right));
    ASSERT_TRUE(rest);
    EXPECT_EQ(as_text(rest->received), "two\nthr");
    EXPECT_EQ(right.ended(), error::closed);
    EXPECT_EQ(sim.run(right.receive()).error(), error::closed);
    EXPECT_EQ(sim.run(right.send("no")).error(), error::closed);
    EXPECT_TRUE(sim.run(right.close()));
}

TEST(Release, TheNextConnectionGoesOnWhereThisOneStopped)
{
    simulation sim;
    const auto [left, right] = sim.connect(plain(), lines());
    EXPECT_TRUE(sim.run(say(left, "UPGRADE\nabcd")));
    EXPECT_EQ(sim.run(next(right)).value(), "UPGRADE");
    auto rest = sim.run(release(right));
    ASSERT_TRUE(rest);
    connection_options fours;
    fours.framing = fixed(4);
    connection other(std::move(rest->transport), fours);
    put_back(other, rest->received);
    EXPECT_EQ(other.info().unread, 4U);
    EXPECT_EQ(sim.run(next(other)).value(), "abcd");
    EXPECT_TRUE(sim.run(say(left, "efgh")));
    EXPECT_EQ(sim.run(next(other)).value(), "efgh");
    EXPECT_TRUE(sim.run(say(other, "back")));
    EXPECT_EQ(sim.run(next(left)).value(), "back");
}

TEST(Release, WhatWasAcceptedLeavesFirst)
{
    simulation sim;
    libnet::testing::pipe_options narrow;
    narrow.capacity = 100;
    const auto [left, right] = sim.connect(lines(), lines(), narrow);
    const std::string much(10'000, 'x');
    EXPECT_TRUE(sim.run(left.send(much)));
    auto released = [](connection& peer, bool& done) -> task<> {
        co_await checked(release(peer));
        done = true;
    };
    bool done = false;
    sim.start(released(left, done));
    sim.settle();
    EXPECT_FALSE(done) << "nobody has read it yet";
    EXPECT_EQ(sim.run(next(right)).value(), much);
    sim.settle();
    EXPECT_TRUE(done);
}

TEST(Release, AReceiveThatWasCancelledIsInNobodysWay)
{
    for (const duration silence : {duration(10ms), duration(5s)}) {  // after a second it has parked
        simulation sim;
        const auto [left, right] = sim.connect(lines(), lines());
        auto wait = [](connection& peer, duration limit) -> task<> {
            co_await checked(within(limit, peer.receive()));
        };
        EXPECT_EQ(sim.run(wait(right, silence)).error(), error::timeout);
        auto take = [](connection& peer) -> task<released_stream> {
            co_return co_await checked(within(1s, release(peer)));
        };
        auto rest = sim.run(take(right));
        ASSERT_TRUE(rest) << rest.error().message();
        EXPECT_TRUE(rest->received.empty());
        connection other(std::move(rest->transport), lines());
        EXPECT_TRUE(sim.run(say(left, "hello")));
        EXPECT_EQ(sim.run(next(other)).value(), "hello");
    }
}

TEST(Release, OfWhatHasEndedIsItsError)
{
    simulation sim;
    const auto [left, right] = sim.connect(lines(), lines());
    right.fail(error::too_slow);
    EXPECT_EQ(sim.run(release(right)).error(), error::too_slow);
}

TEST(Release, SocketsOnlyFromStreamsThatHaveOne)
{
    simulation sim;
    const auto [left, right] = sim.connect(lines(), lines());
    EXPECT_EQ(sim.run(detail::release_descriptor(right)).error(), error::not_supported);
    EXPECT_TRUE(sim.run(say(left, "it goes on")));
    EXPECT_EQ(sim.run(next(right)).value(), "it goes on");
}

TEST(PutBack, OnlyBeforeTheFirstByte)
{
    simulation sim;
    const auto [left, right] = sim.connect(lines(), lines());
    put_back(right, as_bytes("a large piece of it: " + std::string(300'000, 'x') + "\n"));
    EXPECT_EQ(sim.run(next(right)).value().size(), 300'021U);
    EXPECT_THROW(put_back(right, as_bytes("late")), std::logic_error);
}

}  // namespace
