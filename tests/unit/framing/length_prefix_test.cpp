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
using counts = libnet::length_prefix_options::counts;
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

TEST(LengthPrefix, CountsTheWholeMessageIfAsked)
{
    for (const std::size_t width : widths) {
        for (const std::endian order : orders) {
            SCOPED_TRACE(width);
            const length_prefix codec({.width = width, .order = order, .length = counts::message});
            const std::string hello = field(width + 5, width, order) + "Hello";
            const std::string empty = field(width, width, order);
            expect_decodes(codec, hello + empty + hello.substr(0, width + 2), {"Hello", ""},
                           hello.substr(0, width + 2));
            EXPECT_EQ(encode_one(codec, as_bytes("Hello")).value(), hello);
            EXPECT_EQ(encode_one(codec, {}).value(), empty);
        }
    }
}

TEST(LengthPrefix, RejectsALengthThatDoesNotCountItself)
{
    for (const std::size_t width : widths) {
        const length_prefix codec(
            {.max_frame = SIZE_MAX, .width = width, .length = counts::message});
        for (std::size_t length = 0; length < width; ++length) {
            expect_fails(codec, field(width, width) + field(length, width), {""},
                         libnet::error::malformed_frame);
        }
    }
}

TEST(LengthPrefix, LimitsThePayloadWhateverTheLengthCounts)
{
    const length_prefix codec({.max_frame = 5, .length = counts::message});
    expect_decodes(codec, field(9) + "Hello", {"Hello"});
    expect_fails(codec, field(10), {}, libnet::error::frame_too_large);
    EXPECT_EQ(encode_one(codec, as_bytes("Hello")).value(), field(9) + "Hello");
    EXPECT_EQ(encode_one(codec, as_bytes("World!")).error(), libnet::error::frame_too_large);
    const length_prefix nothing({.max_frame = 0, .width = 1, .length = counts::message});
    expect_fails(nothing, field(1, 1) + field(2, 1), {""}, libnet::error::frame_too_large);
}

TEST(LengthPrefix, RefusesToSendWhatItsFieldCannotCountWithItself)
{
    const length_prefix codec({.width = 1, .length = counts::message});
    EXPECT_EQ(encode_one(codec, as_bytes(std::string(254, 'x'))).value(),
              '\xFF' + std::string(254, 'x'));
    EXPECT_EQ(encode_one(codec, as_bytes(std::string(255, 'x'))).error(),
              libnet::error::frame_too_large);
}

TEST(LengthPrefix, DoesNotOverflowWhateverTheLengthCounts)
{
    const length_prefix codec({.max_frame = SIZE_MAX, .width = 8, .length = counts::message});
    EXPECT_EQ(codec.decode(as_bytes(field(UINT64_MAX, 8))).needed, SIZE_MAX);
    EXPECT_EQ(codec.decode(as_bytes(field(7, 8))).failure, libnet::error::malformed_frame);
    const length_prefix whole({.max_frame = SIZE_MAX, .width = 8, .offset = 2});
    EXPECT_EQ(whole.decode(as_bytes("ab" + field(SIZE_MAX - 10, 8))).needed, SIZE_MAX);
    EXPECT_EQ(whole.decode(as_bytes("ab" + field(SIZE_MAX - 9, 8))).failure,
              libnet::error::frame_too_large);
    EXPECT_EQ(whole.decode(as_bytes("ab" + field(SIZE_MAX, 8))).failure,
              libnet::error::frame_too_large);
}

TEST(LengthPrefix, HandsOutTheWholeMessageIfAHeaderStandsBeforeTheLength)
{
    for (const std::size_t width : widths) {
        for (const std::endian order : orders) {
            SCOPED_TRACE(width);
            const std::string hello = "type" + field(5, width, order) + "Hello";
            const std::string empty = "flag" + field(0, width, order);
            expect_decodes(length_prefix({.width = width, .order = order, .offset = 4}),
                           hello + empty + hello.substr(0, 5), {hello, empty}, hello.substr(0, 5));

            const std::string counted = "type" + field(4 + width + 5, width, order) + "Hello";
            const std::string bare = "flag" + field(4 + width, width, order);
            expect_decodes(
                length_prefix(
                    {.width = width, .order = order, .length = counts::message, .offset = 4}),
                counted + bare + "typ", {counted, bare}, "typ");
        }
    }
}

TEST(LengthPrefix, RejectsALengthThatDoesNotCountTheHeader)
{
    const length_prefix codec({.width = 2, .length = counts::message, .offset = 3});
    expect_decodes(codec, "abc" + field(5, 2), {"abc" + field(5, 2)});
    for (const std::uint64_t length : {0, 1, 2, 3, 4}) {
        expect_fails(codec, "abc" + field(length, 2), {}, libnet::error::malformed_frame);
    }
}

TEST(LengthPrefix, LimitsTheWholeMessageIfThatIsHandedOut)
{
    for (const counts length : {counts::payload, counts::message}) {
        const std::size_t counted = length == counts::message ? 4 : 0;
        const length_prefix codec({.max_frame = 9, .width = 2, .length = length, .offset = 2});
        const std::string hello = "ab" + field(counted + 5, 2) + "Hello";
        const std::string world = "ab" + field(counted + 6, 2) + "World!";
        expect_decodes(codec, hello + hello, {hello, hello});
        expect_fails(codec, hello + world, {hello}, libnet::error::frame_too_large);
        expect_fails(codec, world.substr(0, 4), {}, libnet::error::frame_too_large);
        EXPECT_EQ(encode_one(codec, as_bytes(hello)).value(), hello);
        EXPECT_EQ(encode_one(codec, as_bytes(world)).error(), libnet::error::frame_too_large);
    }
    const length_prefix header_only({.max_frame = 4, .width = 2, .offset = 2});
    expect_decodes(header_only, std::string("ab\0\0", 4), {std::string("ab\0\0", 4)});
    expect_fails(header_only, std::string("ab\0\1", 4), {}, libnet::error::frame_too_large);
}

TEST(LengthPrefix, SendsAWholeMessageWhoseLengthIsRight)
{
    const length_prefix codec({.width = 2, .offset = 2});
    EXPECT_EQ(encode_one(codec, as_bytes("ab" + field(5, 2) + "Hello")).value(),
              "ab" + field(5, 2) + "Hello");
    EXPECT_EQ(encode_one(codec, as_bytes("ab" + field(0, 2))).value(), "ab" + field(0, 2));
    const length_prefix all({.width = 2, .length = counts::message, .offset = 2});
    EXPECT_EQ(encode_one(all, as_bytes("ab" + field(9, 2) + "Hello")).value(),
              "ab" + field(9, 2) + "Hello");
}

TEST(LengthPrefix, RefusesAWholeMessageWhoseLengthIsWrong)
{
    const length_prefix codec({.width = 2, .offset = 2});
    for (const std::uint64_t length : {0, 4, 6, 9, 0x0500}) {
        EXPECT_EQ(encode_one(codec, as_bytes("ab" + field(length, 2) + "Hello")).error(),
                  libnet::error::refused_payload)
            << length;
    }
    const length_prefix all({.width = 2, .length = counts::message, .offset = 2});
    EXPECT_EQ(encode_one(all, as_bytes("ab" + field(5, 2) + "Hello")).error(),
              libnet::error::refused_payload);
    for (const std::string_view too_short : {"", "a", "ab", "ab0"}) {
        EXPECT_EQ(encode_one(codec, as_bytes(too_short)).error(), libnet::error::refused_payload);
    }
}

TEST(LengthPrefix, WritesTheLengthIntoAWholeMessage)
{
    for (const std::size_t width : widths) {
        for (const std::endian order : orders) {
            for (const counts length : {counts::payload, counts::message}) {
                const length_prefix codec(
                    {.width = width, .order = order, .length = length, .offset = 3});
                const std::size_t counted = length == counts::message ? 3 + width : 0;
                for (const std::string payload : {"", "Hello"}) {
                    std::string text = "abc" + std::string(width, '?') + payload;
                    codec.set_length(std::as_writable_bytes(std::span(text)));
                    EXPECT_EQ(text,
                              "abc" + field(counted + payload.size(), width, order) + payload);
                    EXPECT_EQ(encode_one(codec, as_bytes(text)).value(), text);
                }
            }
        }
    }
}

TEST(LengthPrefix, ThrowsWhereItCannotWriteALength)
{
    std::string text(300, 'x');
    const auto message_of = [&](std::size_t size) {
        return std::as_writable_bytes(std::span(text)).first(size);
    };
    EXPECT_THROW(length_prefix().set_length(message_of(5)), std::invalid_argument);

    const length_prefix one({.width = 1, .offset = 1});
    EXPECT_THROW(one.set_length(message_of(0)), std::invalid_argument);
    EXPECT_THROW(one.set_length(message_of(1)), std::invalid_argument);
    EXPECT_NO_THROW(one.set_length(message_of(2)));
    EXPECT_NO_THROW(one.set_length(message_of(257)));
    EXPECT_THROW(one.set_length(message_of(258)), std::length_error);
    EXPECT_EQ(encode_one(one, message_of(258)).error(), libnet::error::frame_too_large);

    const length_prefix ten({.max_frame = 10, .width = 1, .offset = 1});
    EXPECT_NO_THROW(ten.set_length(message_of(10)));
    EXPECT_THROW(ten.set_length(message_of(11)), std::length_error);
}

TEST(LengthPrefix, ThrowsForOptionsThatAllowNoMessage)
{
    const auto make = [](std::size_t max_frame, std::size_t width, counts length,
                         std::size_t offset) {
        length_prefix({.max_frame = max_frame, .width = width, .length = length, .offset = offset});
    };
    EXPECT_NO_THROW(make(4, 2, counts::payload, 2));
    EXPECT_THROW(make(3, 2, counts::payload, 2), std::invalid_argument);
    EXPECT_THROW(make(1, 2, counts::payload, 1), std::invalid_argument);
    EXPECT_THROW(make(SIZE_MAX, 2, counts::payload, SIZE_MAX), std::invalid_argument);
    EXPECT_THROW(make(SIZE_MAX, 2, counts::payload, SIZE_MAX - 1), std::invalid_argument);
    EXPECT_NO_THROW(make(SIZE_MAX, 2, counts::payload, SIZE_MAX - 2));
    EXPECT_NO_THROW(make(1000, 1, counts::payload, 999));
    EXPECT_NO_THROW(make(1000, 1, counts::message, 254));
    EXPECT_THROW(make(1000, 1, counts::message, 255), std::invalid_argument);
}

TEST(LengthPrefix, SaysHowMuchItNeedsOfAWholeMessage)
{
    const length_prefix codec({.width = 2, .offset = 3});
    EXPECT_EQ(codec.decode({}).needed, 5U);
    EXPECT_EQ(codec.decode(as_bytes("abc")).needed, 5U);
    EXPECT_EQ(codec.decode(as_bytes("abc" + field(100, 2))).needed, 105U);
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
