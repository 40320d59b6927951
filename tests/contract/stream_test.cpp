#include "contract/stream_world.hpp"

#include <gtest/gtest.h>

/// What every stream must do.
namespace {

using namespace libnet;
using namespace libnet::tests;

class Stream : public ::testing::TestWithParam<stream_kind> {
protected:
    Stream() : world_(GetParam().make()), ends_(world_->connect()) {}

    void SetUp() override
    {
        left_.emplace(std::move(ends_.left));
        right_.emplace(std::move(ends_.right));
    }

    void TearDown() override
    {
        EXPECT_FALSE(left_ && left_->broke_a_rule());
        EXPECT_FALSE(right_ && right_->broke_a_rule());
    }

    bool until(const std::function<bool()>& done) { return world_->drive(done); }

    /// Reads until `size` bytes are there, or an error.
    bool read(stream_recorder& r, std::size_t size)
    {
        while (r.got().size() < size && !r.read_error()) {
            r.read();
            if (!until([&] { return !r.reading(); })) {
                return false;
            }
        }
        return r.got().size() == size;
    }

    bool read_end(stream_recorder& r, error expected = error::closed)
    {
        r.read();
        return until([&] { return !r.reading(); }) && r.read_error() == expected;
    }

    std::unique_ptr<stream_world> world_;
    stream_world::ends ends_;
    std::optional<stream_recorder> left_;
    std::optional<stream_recorder> right_;
};

TEST_P(Stream, CarriesBytesBothWays)
{
    left_->write("Hello");
    EXPECT_TRUE(read(*right_, 5));
    right_->write("World!");
    EXPECT_TRUE(read(*left_, 6));
    EXPECT_EQ(right_->got(), "Hello");
    EXPECT_EQ(left_->got(), "World!");
    EXPECT_TRUE(until([&] { return !left_->writing() && !right_->writing(); }));
    EXPECT_EQ(left_->written(), 5U);
}

TEST_P(Stream, WaitsForTheFirstByte)
{
    right_->read();
    world_->settle();
    EXPECT_TRUE(right_->reading());
    EXPECT_EQ(left_->try_write("x").value(), 1U);
    EXPECT_TRUE(until([&] { return !right_->reading(); }));
    EXPECT_EQ(right_->got(), "x");
}

TEST_P(Stream, ReadsNoMoreThanThereIsRoomFor)
{
    EXPECT_EQ(left_->try_write("Hello").value(), 5U);
    right_->read(2);
    EXPECT_TRUE(until([&] { return !right_->reading(); }));
    EXPECT_EQ(right_->got(), "He");
    EXPECT_TRUE(read(*right_, 5));
    EXPECT_EQ(right_->got(), "Hello");
}

TEST_P(Stream, GathersPiecesInOrder)
{
    const std::array<bytes, 5> pieces{bytes(), as_bytes("ab"), bytes(), as_bytes("c"), bytes()};
    EXPECT_EQ(left_->end().try_write(pieces).value(), 3U);
    EXPECT_TRUE(read(*right_, 3));
    EXPECT_EQ(right_->got(), "abc");
}

TEST_P(Stream, OneReadAndOneWriteOverlap)
{
    left_->read();
    right_->read();
    left_->write("question");
    right_->write("answer");
    EXPECT_TRUE(until([&] { return !left_->reading() && !right_->reading(); }));
    EXPECT_EQ(right_->got(), "question");
    EXPECT_EQ(left_->got(), "answer");
}

TEST_P(Stream, TakesNothingWhenItIsFullAndLosesNothing)
{
    const std::string piece(100000, 'x');
    std::size_t sent = 0;
    for (;;) {
        const auto count = left_->try_write(piece);
        ASSERT_TRUE(count);
        if (*count == 0) {
            break;
        }
        sent += *count;
        ASSERT_LT(sent, 1U << 30);
    }
    left_->write("y");
    world_->settle();
    while (left_->writing()) {
        right_->read();
        ASSERT_TRUE(until([&] { return !right_->reading(); }));
    }
    left_->end().shutdown_send();
    while (!right_->read_error()) {
        right_->read();
        ASSERT_TRUE(until([&] { return !right_->reading(); }));
    }
    EXPECT_EQ(right_->got().size(), sent + 1);
    EXPECT_EQ(right_->got().back(), 'y');
}

TEST_P(Stream, HalfClosingEndsOneDirection)
{
    EXPECT_EQ(left_->try_write("last").value(), 4U);
    EXPECT_FALSE(left_->end().shutdown_send());
    EXPECT_TRUE(read(*right_, 4));
    EXPECT_TRUE(read_end(*right_));
    EXPECT_TRUE(read_end(*right_));  // and stays so
    EXPECT_EQ(right_->try_write("answer").value(), 6U);
    EXPECT_TRUE(read(*left_, 6));
}

TEST_P(Stream, HalfClosingWakesAReaderThatWaits)
{
    right_->read();
    world_->settle();
    EXPECT_FALSE(left_->end().shutdown_send());
    EXPECT_TRUE(until([&] { return !right_->reading(); }));
    EXPECT_EQ(right_->read_error(), error::closed);
}

TEST_P(Stream, ClosingEndsWhatIsUnderWay)
{
    left_->read();
    world_->settle();
    left_->end().close();
    EXPECT_TRUE(until([&] { return !left_->reading(); }));
    EXPECT_TRUE(left_->read_error());
    EXPECT_EQ(left_->ended_reads(), 1U);
    EXPECT_TRUE(read_end(*right_, GetParam().after_close));
    left_->end().close();  // again is harmless
}

TEST_P(Stream, ClosingEndsAWriteUnderWay)
{
    const std::string piece(100000, 'x');
    while (left_->try_write(piece).value() != 0) {}
    left_->write("y");
    world_->settle();
    ASSERT_TRUE(left_->writing());
    left_->end().close();
    EXPECT_TRUE(until([&] { return !left_->writing(); }));
    EXPECT_TRUE(left_->write_error());
    EXPECT_EQ(left_->ended_writes(), 1U);
}

TEST_P(Stream, TheWorldMayEndWhileOperationsAreUnderWay)
{
    left_->read();
    right_->read();
    left_->write("x");
    left_.reset();
    right_.reset();
    world_.reset();
}

TEST_P(Stream, WritingToAPeerThatHasGoneFails)
{
    right_->end().close();
    world_->settle();
    error_code failed;
    for (int i = 0; i < 100 && !failed; ++i) {
        const auto written = left_->try_write("x");
        failed = written.has_error() ? written.error() : error_code();
        world_->settle();
    }
    EXPECT_TRUE(failed == boost::system::errc::broken_pipe ||
                failed == boost::system::errc::connection_reset)
        << failed.message();
    left_->write("y");
    EXPECT_TRUE(until([&] { return !left_->writing(); }));
    EXPECT_TRUE(left_->write_error());
}

TEST_P(Stream, AReadUnderWayCanBeTakenBackAndLosesNothing)
{
    left_->read();
    world_->settle();
    if (!left_->end().cancel_read()) {
        GTEST_SKIP() << "this stream cannot";
    }
    EXPECT_TRUE(until([&] { return !left_->reading(); }));
    EXPECT_EQ(left_->read_error(), error::cancelled);
    EXPECT_EQ(right_->try_write("Hello").value(), 5U);
    left_->read();
    EXPECT_TRUE(until([&] { return !left_->reading(); }));
    EXPECT_EQ(left_->got(), "Hello");
}

TEST_P(Stream, WaitsWithoutABufferUntilSomethingCanBeRead)
{
    if (!left_->end().cancel_read()) {
        GTEST_SKIP() << "this stream cannot";
    }
    left_->wait_readable();
    world_->settle();
    EXPECT_TRUE(left_->reading());
    EXPECT_EQ(right_->try_write("Hello").value(), 5U);
    EXPECT_TRUE(until([&] { return !left_->reading(); }));
    EXPECT_FALSE(left_->read_error());
    EXPECT_EQ(left_->got(), "");
    EXPECT_TRUE(read(*left_, 5));
    left_->wait_readable();
    world_->settle();
    right_->end().close();
    EXPECT_TRUE(until([&] { return !left_->reading(); }));
    EXPECT_TRUE(read_end(*left_, GetParam().after_close));
}

TEST_P(Stream, KnowsWhomItLeadsTo)
{
    EXPECT_EQ(left_->end().peer(), right_->end().local());
    EXPECT_EQ(left_->end().local(), right_->end().peer());
    EXPECT_NE(left_->end().local(), "");
    EXPECT_NE(left_->end().local(), left_->end().peer());
    EXPECT_EQ(&left_->end().home(), &world_->home());
    const std::string peer = left_->end().peer();
    const std::string local = left_->end().local();
    right_->end().close();
    EXPECT_EQ(left_->end().peer(), peer);
    left_->end().close();
    EXPECT_EQ(left_->end().peer(), peer);
    EXPECT_EQ(left_->end().local(), local);
}

TEST_P(Stream, TellsAResetFromAnEnd)
{
    stream_world::ends fresh = world_->connect();
    stream_recorder reader(std::move(fresh.left));
    world_->reset(fresh);
    reader.read();
    EXPECT_TRUE(until([&] { return !reader.reading(); }));
    EXPECT_EQ(reader.read_error(), boost::system::errc::connection_reset);
}

INSTANTIATE_TEST_SUITE_P(All, Stream, ::testing::ValuesIn(stream_kinds()),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
