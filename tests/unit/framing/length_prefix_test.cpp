#include "unit/framing/expect_decodes.hpp"

#include <libnet/framing/length_prefix.hpp>

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace {

using libnet::as_bytes;
using libnet::decoded;
using libnet::length_prefix;
using libnet::length_prefix_options;
using libnet::tests::encode_one;
using libnet::tests::expect_decodes;
using libnet::tests::expect_fails;

constexpr std::array<std::size_t, 4> widths{1, 2, 4, 8};
constexpr std::array orders{std::endian::big, std::endian::little};

/// The length field as a reader of the specification would write it.
std::string field(std::uint64_t length, std::size_t width = 4, std::endian order = std::endian::big)
{
    std::string text;
    for (std::size_t i = 0; i < width; ++i) {
        const char digit = static_cast<char>(length >> (8 * i) & 0xFF);
        text.insert(order == std::endian::big ? 0 : text.size(), 1, digit);
    }
    return text;
}

std::string message(const std::string& payload, std::size_t width = 4,
                    std::endian order = std::endian::big)
{
    return field(payload.size(), width, order) + payload;
}

TEST(LengthPrefix, SplitsAStreamIntoFrames)
{
    expect_decodes(length_prefix(), message("Hello") + message("") + message("!"),
                   {"Hello", "", "!"});
}

TEST(LengthPrefix, KeepsAFrameThatHasOnlyBegun)
{
    expect_decodes(length_prefix(), message("Hello") + field(4) + "abc", {"Hello"},
                   field(4) + "abc");
    expect_decodes(length_prefix(), message("Hello") + field(4).substr(0, 3), {"Hello"},
                   field(4).substr(0, 3));
    expect_decodes(length_prefix(), field(1), {}, field(1));
    expect_decodes(length_prefix(), "", {});
}

TEST(LengthPrefix, ReadsEveryWidthInBothOrders)
{
    for (const std::size_t width : widths) {
        for (const std::endian order : orders) {
            SCOPED_TRACE(width);
            const length_prefix codec({.width = width, .order = order});
            const std::string payload(200, '\x80');
            const std::string stream = message("Hello", width, order) + message("", width, order) +
                                       message(payload, width, order) + field(2, width, order);
            expect_decodes(codec, stream, {"Hello", "", payload}, field(2, width, order));
        }
    }
}

TEST(LengthPrefix, WritesEveryWidthInBothOrders)
{
    for (const std::size_t width : widths) {
        for (const std::endian order : orders) {
            const length_prefix codec({.width = width, .order = order});
            const std::string payload(129, 'x');
            EXPECT_EQ(encode_one(codec, as_bytes(payload)).value(), message(payload, width, order));
            EXPECT_EQ(encode_one(codec, {}).value(), field(0, width, order));
        }
    }
}

TEST(LengthPrefix, UsesEveryByteOfTheField)
{
    const std::string payload(0x01'02'03, 'x');
    const length_prefix big;
    EXPECT_EQ(encode_one(big, as_bytes(payload)).value().substr(0, 4),
              std::string("\x00\x01\x02\x03", 4));
    const length_prefix little({.order = std::endian::little});
    EXPECT_EQ(encode_one(little, as_bytes(payload)).value().substr(0, 4),
              std::string("\x03\x02\x01\x00", 4));
    EXPECT_EQ(big.decode(as_bytes(std::string_view("\x00\x01\x02\x03", 4))).needed,
              4U + payload.size());

    const length_prefix widest({.max_frame = SIZE_MAX, .width = 8});
    EXPECT_EQ(widest.decode(as_bytes("\x01\x23\x45\x67\x89\xAB\xCD\xEF")).needed,
              0x0123456789ABCDEFU + 8);
    const length_prefix widest_little(
        {.max_frame = SIZE_MAX, .width = 8, .order = std::endian::little});
    EXPECT_EQ(widest_little.decode(as_bytes("\xEF\xCD\xAB\x89\x67\x45\x23\x01")).needed,
              0x0123456789ABCDEFU + 8);
}

TEST(LengthPrefix, TakesAFrameAsLongAsTheLimit)
{
    const length_prefix codec({.max_frame = 5});
    expect_decodes(codec, message("Hello") + message("World"), {"Hello", "World"});
    EXPECT_EQ(encode_one(codec, as_bytes("Hello")).value(), message("Hello"));
}

TEST(LengthPrefix, RejectsAFrameLongerThanTheLimit)
{
    const length_prefix codec({.max_frame = 5});
    expect_fails(codec, message("Hello") + message("World!"), {"Hello"},
                 libnet::error::frame_too_large);
    EXPECT_EQ(encode_one(codec, as_bytes("World!")).error(), libnet::error::frame_too_large);
}

TEST(LengthPrefix, RejectsItBeforeTheBodyHasArrived)
{
    length_prefix codec({.max_frame = 5});
    EXPECT_EQ(codec.decode(as_bytes(field(6)).first(3)).state, decoded::status::incomplete);
    EXPECT_EQ(codec.decode(as_bytes(field(6))).state, decoded::status::failed);
    expect_fails(codec, field(UINT32_MAX), {}, libnet::error::frame_too_large);
}

TEST(LengthPrefix, LimitsToOneMebibyteUnlessTold)
{
    const length_prefix codec;
    EXPECT_EQ(codec.decode(as_bytes(field(1 << 20))).state, decoded::status::incomplete);
    EXPECT_EQ(codec.decode(as_bytes(field((1 << 20) + 1))).state, decoded::status::failed);
}

TEST(LengthPrefix, CanCarryEmptyFramesAlone)
{
    const length_prefix codec({.max_frame = 0});
    expect_decodes(codec, field(0) + field(0), {"", ""});
    expect_fails(codec, field(0) + message("x"), {""}, libnet::error::frame_too_large);
    EXPECT_EQ(encode_one(codec, {}).value(), field(0));
    EXPECT_EQ(encode_one(codec, as_bytes("x")).error(), libnet::error::frame_too_large);
}

TEST(LengthPrefix, RefusesToSendWhatItsFieldCannotCount)
{
    const length_prefix one({.width = 1});
    EXPECT_EQ(encode_one(one, as_bytes(std::string(255, 'x'))).value().size(), 256U);
    EXPECT_EQ(encode_one(one, as_bytes(std::string(256, 'x'))).error(),
              libnet::error::frame_too_large);
    const length_prefix two({.width = 2});
    EXPECT_EQ(encode_one(two, as_bytes(std::string(65'535, 'x'))).value().size(), 65'537U);
    EXPECT_EQ(encode_one(two, as_bytes(std::string(65'536, 'x'))).error(),
              libnet::error::frame_too_large);
}

TEST(LengthPrefix, SaysHowMuchItNeeds)
{
    const length_prefix codec;
    EXPECT_EQ(codec.decode({}).needed, 4U);
    EXPECT_EQ(codec.decode(as_bytes("\0\0")).needed, 4U);
    EXPECT_EQ(codec.decode(as_bytes(field(100))).needed, 104U);
    EXPECT_EQ(codec.decode(as_bytes(field(100) + "abc")).needed, 104U);
}

TEST(LengthPrefix, NeedsNoMoreThanThereCanBe)
{
    const length_prefix codec({.max_frame = SIZE_MAX, .width = 8});
    EXPECT_EQ(codec.decode(as_bytes(field(UINT64_MAX, 8))).needed, SIZE_MAX);
    EXPECT_EQ(codec.decode(as_bytes(field(UINT64_MAX - 8, 8))).needed, SIZE_MAX);
    EXPECT_EQ(codec.decode(as_bytes(field(UINT64_MAX - 9, 8))).needed, SIZE_MAX - 1);
    expect_decodes(codec, field(UINT64_MAX, 8) + "abc", {}, field(UINT64_MAX, 8) + "abc");
}

TEST(LengthPrefix, ThrowsForAWidthThatThereIsNot)
{
    for (const std::size_t width : {0, 3, 5, 6, 7, 9, 16, 32}) {
        EXPECT_THROW(length_prefix({.width = width}), std::invalid_argument) << width;
    }
    for (const std::size_t width : widths) {
        EXPECT_NO_THROW(length_prefix({.width = width})) << width;
    }
    EXPECT_THROW(length_prefix({.width = SIZE_MAX}), std::invalid_argument);
    static constexpr length_prefix at_compile_time({.width = 2});
    EXPECT_EQ(encode_one(at_compile_time, as_bytes("a")).value(), message("a", 2));
}

TEST(LengthPrefix, GivesBackWhatWasSent)
{
    const length_prefix codec;
    std::string stream;
    std::vector<std::string> payloads;
    for (const std::size_t size : {0, 1, 3, 4, 5, 255, 256, 257, 4091, 4092, 4093, 70'000}) {
        payloads.emplace_back(size, static_cast<char>('a' + size % 26));
        stream += encode_one(codec, as_bytes(payloads.back())).value();
    }
    const auto received = libnet::tests::decode_all(codec, as_bytes(stream));
    EXPECT_EQ(received.frames, payloads);
    EXPECT_EQ(received.broken, "");
}

}  // namespace
