#include "support/stream_recorder.hpp"

#include <libnet/testing/simulation.hpp>
#include <libnet/testing/stream_pair.hpp>

#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

struct two_ends {
    explicit two_ends(pipe_options forward = {}, pipe_options backward = {})
        : pair(sim.home(), forward, backward), left(pair.take_left()), right(pair.take_right())
    {
    }

    simulation sim;
    stream_pair pair;
    stream_recorder left;
    stream_recorder right;
};

TEST(StreamPair, CarriesBytesBothWays)
{
    two_ends e;
    e.left.write("Hello");
    e.right.write("World");
    e.right.read();
    e.left.read();
    e.sim.settle();
    EXPECT_EQ(e.right.got(), "Hello");
    EXPECT_EQ(e.left.got(), "World");
    EXPECT_EQ(e.pair.forward_bytes(), 5U);
    EXPECT_EQ(e.pair.backward_bytes(), 5U);
}

TEST(StreamPair, AWriterWaitsForTheReaderWhenItIsFull)
{
    two_ends e({.capacity = 4});
    e.left.write("Hello");
    e.sim.settle();
    EXPECT_EQ(e.left.written(), 4U);
    EXPECT_EQ(e.pair.forward_waiting(), 4U);
    e.left.write("o");
    e.sim.settle();
    EXPECT_EQ(e.left.written(), 4U);
    EXPECT_EQ(e.left.ended_writes(), 1U);
    EXPECT_EQ(e.left.try_write("o").value(), 0U);
    e.right.read();
    e.sim.settle();
    EXPECT_EQ(e.left.written(), 5U);
}

TEST(StreamPair, HandsOutChunksOfTheSizeThatWasAskedFor)
{
    two_ends e({.largest_read = 2, .largest_write = 3});
    EXPECT_EQ(e.left.try_write("Hello").value(), 3U);
    e.right.read();
    e.sim.settle();
    EXPECT_EQ(e.right.got(), "He");
    e.pair.forward().largest_read = 100;  // changed in flight
    e.right.read();
    e.sim.settle();
    EXPECT_EQ(e.right.got(), "Hel");
}

TEST(StreamPair, GathersPieces)
{
    two_ends e;
    const std::array<bytes, 3> pieces{as_bytes("ab"), bytes(), as_bytes("cd")};
    EXPECT_EQ(e.left.end().try_write(pieces).value(), 4U);
    e.right.read();
    e.sim.settle();
    EXPECT_EQ(e.right.got(), "abcd");
}

TEST(StreamPair, EndsResetsBreaksAndStallsAfterTheByte)
{
    const auto struck = std::make_shared<bool>(false);
    {
        two_ends e({.end_after = 2, .struck = struck});
        e.left.write("Hello");
        e.right.read_to_the_end(e.sim);
        EXPECT_EQ(e.right.got(), "He");
        EXPECT_EQ(e.right.read_error(), error::closed);
        EXPECT_TRUE(std::exchange(*struck, false));
    }
    {
        two_ends e({.reset_after = 2, .struck = struck});
        e.left.write("Hello");
        e.right.read_to_the_end(e.sim);
        EXPECT_EQ(e.right.got(), "He");
        EXPECT_EQ(e.right.read_error(), boost::system::errc::connection_reset);
        EXPECT_TRUE(std::exchange(*struck, false));
    }
    {
        two_ends e({.break_after = 2, .struck = struck});
        EXPECT_EQ(e.left.try_write("Hello").value(), 2U);
        EXPECT_FALSE(*struck);
        EXPECT_EQ(e.left.try_write("llo").error(), boost::system::errc::broken_pipe);
        e.left.write("llo");
        e.sim.settle();
        EXPECT_EQ(e.left.write_error(), boost::system::errc::broken_pipe);
        EXPECT_TRUE(std::exchange(*struck, false));
    }
    {
        two_ends e({.stall_after = 2, .struck = struck});
        e.left.write("Hello");
        e.sim.settle();
        e.left.end().shutdown_send();
        e.right.read_to_the_end(e.sim);
        EXPECT_EQ(e.right.got(), "He");
        EXPECT_FALSE(e.right.read_error());
        EXPECT_TRUE(e.right.reading());
        EXPECT_TRUE(*struck);
    }
}

TEST(StreamPair, AFaultBeyondTheLastByteStrikesNobody)
{
    const auto struck = std::make_shared<bool>(false);
    two_ends e(
        {.end_after = 6, .reset_after = 6, .break_after = 6, .stall_after = 6, .struck = struck});
    e.left.write("Hello");
    e.sim.settle();
    e.left.end().shutdown_send();
    e.right.read_to_the_end(e.sim);
    EXPECT_EQ(e.right.got(), "Hello");
    EXPECT_EQ(e.right.read_error(), error::closed);
    EXPECT_FALSE(*struck);
}

TEST(StreamPair, LateWritesWriteNothingAtOnce)
{
    two_ends e({.immediate_writes = false});
    EXPECT_EQ(e.left.try_write("Hello").value(), 0U);
    e.left.write("Hello");
    e.sim.settle();
    EXPECT_EQ(e.left.written(), 5U);
}

}  // namespace
