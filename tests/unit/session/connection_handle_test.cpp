#include "support/allocations.hpp"
#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>

#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

TEST(ConnectionHandle, SendsInOrder)
{
    simulation sim;
    auto [left, right] = sim.connect({}, {}, {.capacity = 10});
    const connection_handle handle = left.handle();
    for (const char* text : {"one", "two", "three"}) {
        EXPECT_TRUE(handle.send(text));
    }
    auto session = [&](connection& c) -> task<std::string> {
        std::string all;
        for (int i = 0; i < 3; ++i) {
            const bytes frame = co_await checked(c.receive());
            all += as_text(frame);
        }
        co_return all;
    };
    EXPECT_EQ(sim.run(session(right)).value(), "onetwothree");
}

TEST(ConnectionHandle, QueuesNoMoreThanTheMark)
{
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100}}) {
        simulation sim;
        auto [left, right] =
            sim.connect({.send_timeout = never, .high_water_mark = 10000}, {}, {.capacity = 10});
        const connection_handle handle = left.handle();
        std::size_t sent = 0;
        const std::string payload = some_text(size);
        while (sent < 100000 && handle.send(payload)) {
            ++sent;
            sim.settle();
        }
        EXPECT_LT(sent, 10000U) << size;  // also counts what costs no byte
        EXPECT_EQ(handle.send(payload).error(), error::peer_not_reading);
        sim.start(swallow(right));
        sim.settle();
        EXPECT_EQ(right.info().messages_received, sent);
        EXPECT_TRUE(handle.send(payload));
    }
}

TEST(ConnectionHandle, WhatItHasNoMemoryForTakesNoRoom)
{
    simulation sim;
    auto [left, right] = sim.connect({.high_water_mark = 10000});
    const connection_handle handle = left.handle();
    const std::string payload = some_text(5000);
    for (int i = 0; i < 10; ++i) {
        const failing_allocation failing(0);
        EXPECT_THROW((void)handle.send(payload), std::bad_alloc);
    }
    EXPECT_TRUE(handle.send(payload));
    EXPECT_EQ(sim.run(receive_text(right)).value(), payload);
}

TEST(ConnectionHandle, ClosesAndCancels)
{
    for (const error why : {error::closed, error::cancelled}) {
        simulation sim;
        auto [left, right] = sim.connect();
        sim.start([](connection& c) -> task<> { co_await checked(c.receive()); }(left));
        const connection_handle handle = left.handle();
        EXPECT_TRUE(handle.send("before"));
        why == error::closed ? handle.close() : handle.cancel();
        sim.settle();
        EXPECT_EQ(sim.outcome(0)->error(), why);
        EXPECT_EQ(left.ended(), why);
        EXPECT_FALSE(handle.alive());
        EXPECT_EQ(handle.send("after").error(), error::closed);
        EXPECT_EQ(sim.run(receive_text(right)).value(), "before");
    }
}

TEST(ConnectionHandle, IsHarmlessAfterTheEndOfEverything)
{
    std::optional<connection_handle> kept;
    {
        simulation sim;
        auto [left, right] = sim.connect();
        kept = left.handle();
        EXPECT_TRUE(kept->alive());
        {
            const connection gone = std::move(left);
        }
        EXPECT_TRUE(!kept->send("x") || !kept->alive());
        kept->close();
        sim.advance(1min);
        EXPECT_FALSE(kept->alive());
    }
    EXPECT_FALSE(kept->send("x"));
    kept->close();
    kept->cancel();
    EXPECT_FALSE(kept->alive());
}

TEST(ConnectionHandle, DropsWhatTheFramingRefuses)
{
    simulation sim;
    auto [left, right] = sim.connect({.framing = delimited("\n")}, {.framing = delimited("\n")});
    const connection_handle handle = left.handle();
    EXPECT_TRUE(handle.send("two\nlines"));
    EXPECT_TRUE(handle.send("fine"));
    EXPECT_EQ(sim.run(receive_text(right)).value(), "fine");
}

TEST(ConnectionHandle, WhatIsQueuedIsDeliveredWhenTheConnectionCloses)
{
    simulation sim;
    auto [left, right] = sim.connect({.high_water_mark = 1000}, {}, {.capacity = 10});
    const connection_handle handle = left.handle();
    for (int i = 0; i < 4; ++i) {
        EXPECT_TRUE(handle.send(std::string_view(some_text(500))));
        sim.settle();
    }
    EXPECT_GT(left.info().messages_sent, 0U);
    auto closing = [&](connection& c) -> task<> { co_await checked(c.close()); };
    sim.start(closing(left));
    EXPECT_EQ(sim.run(receive_all(right)).value().size(), 4U);
}

}  // namespace
