#include <libnet/core/literals.hpp>
#include <libnet/policy/request_id.hpp>
#include <libnet/policy/retransmission.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>

namespace {

using namespace libnet;
using namespace libnet::literals;

constexpr time_point start{1h};

TEST(Retransmission, WaitsForTheAnswerAndThenLongerAndLonger)
{
    retransmission schedule(
        {.attempts = 4, .answer_time = 100ms, .spread = 50ms, .longest = 150ms});
    for (const duration most : {50ms, 100ms, 150ms, 150ms}) {
        const auto wait = schedule.sending(start, UINT64_MAX);
        ASSERT_TRUE(wait);
        EXPECT_GT(*wait, 100ms + most - 1ms);
        EXPECT_LE(*wait, 100ms + most);
    }
    EXPECT_FALSE(schedule.sending(start, 0));
    EXPECT_EQ(schedule.attempts(), 4U);
}

TEST(Retransmission, NeverComesBackBeforeTheAnswerCanBeThere)
{
    retransmission schedule({.attempts = 3});
    EXPECT_EQ(schedule.sending(start, 0), 200ms);
    EXPECT_EQ(schedule.sending(start, 0), 200ms);
}

TEST(Retransmission, CanWaitForEver)
{
    retransmission schedule({.answer_time = never});
    EXPECT_EQ(schedule.sending(start, 1), never);
}

TEST(Retransmission, RefusesWhatMeansNothing)
{
    EXPECT_THROW(retransmission({.attempts = 0}), std::invalid_argument);
    EXPECT_THROW(retransmission({.answer_time = -1s}), std::invalid_argument);
    EXPECT_THROW(retransmission({.spread = -1s}), std::invalid_argument);
}

TEST(RequestId, StandsBeforeTheMessage)
{
    const request_id id{.width = 4};
    const std::string datagram = id.stamp(0x01020304, as_bytes("hello"));
    EXPECT_EQ(datagram, "\1\2\3\4hello");
    EXPECT_EQ(id.read(as_bytes(datagram)), 0x01020304U);
    EXPECT_EQ(as_text(id.message(as_bytes(datagram))), "hello");
    EXPECT_FALSE(id.read(as_bytes("abc")));
    EXPECT_EQ(id.mask(), 0xFFFFFFFFU);
    EXPECT_EQ(request_id{}.mask(), UINT64_MAX);
}

TEST(RequestId, StandsInsideAsInDns)
{
    const request_id id{.width = 2, .where = request_id::placement::inside};
    const std::string datagram = id.stamp(0x4142, as_bytes("..query"));
    EXPECT_EQ(datagram, "ABquery");
    EXPECT_EQ(as_text(id.message(as_bytes(datagram))), "ABquery");
}

}  // namespace
