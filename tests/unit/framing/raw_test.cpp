#include "support/decode_all.hpp"

#include <libnet/framing/raw.hpp>
#include <libnet/testing/for_each_split.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

using libnet::as_bytes;

TEST(Raw, HandsOutWhateverHasArrived)
{
    const auto found = libnet::raw().decode(as_bytes("loWorld!"));
    EXPECT_EQ(found.state, libnet::decoded::status::frame);
    EXPECT_EQ(found.offset, 0U);
    EXPECT_EQ(found.size, 8U);
    EXPECT_EQ(found.consumed, 8U);
}

TEST(Raw, WaitsForAByte)
{
    const auto found = libnet::raw().decode({});
    EXPECT_EQ(found.state, libnet::decoded::status::incomplete);
    EXPECT_EQ(found.needed, 1U);
}

TEST(Raw, GivesTheStreamBackPieceByPiece)
{
    const std::string stream("Hello\0World!", 12);
    libnet::testing::for_each_split(stream, [&](std::span<const libnet::bytes> pieces) {
        SCOPED_TRACE("cut into " + libnet::testing::describe_split(pieces));
        const auto result = libnet::tests::decode_all(libnet::raw(), pieces);
        ASSERT_EQ(result.frames.size(), pieces.size());
        for (std::size_t i = 0; i < pieces.size(); ++i) {
            EXPECT_EQ(result.frames[i], libnet::as_text(pieces[i]));
        }
        EXPECT_EQ(result.rest, "");
        EXPECT_EQ(result.broken, "");
    });
}

TEST(Raw, PutsNothingAroundAPayload)
{
    EXPECT_EQ(libnet::tests::encode_one(libnet::raw(), as_bytes("Hello")).value(), "Hello");
    EXPECT_EQ(libnet::tests::encode_one(libnet::raw(), {}).value(), "");
}

}  // namespace
