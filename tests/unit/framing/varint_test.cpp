#include "unit/framing/expect_decodes.hpp"

#include <libnet/framing/varint.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace std::string_literals;
using libnet::as_bytes;
using libnet::decoded;
using libnet::error;
using libnet::varint;
using libnet::tests::decode_all;
using libnet::tests::encode_one;
using libnet::tests::expect_decodes;
using libnet::tests::expect_fails;

constexpr varint unlimited({.max_frame = SIZE_MAX});

/// A length by the rule: seven bits a byte, the lowest first, the top bit where more follow.
std::string field(std::uint64_t length)
{
    std::string text(1, static_cast<char>(length % 128));
    return length < 128 ? text : static_cast<char>(length % 128 + 128) + field(length / 128);
}

std::string message(const std::string& payload)
{
    return field(payload.size()) + payload;
}

decoded decode(varint codec, std::string_view text)
{
    return codec.decode(as_bytes(text));
}

TEST(Varint, SplitsAStreamIntoFrames)
{
    expect_decodes(varint(), "\5Hello\0\1!"s, {"Hello", "", "!"});
    expect_decodes(varint(), "\5Hello\4abc"s, {"Hello"}, "\4abc");
    expect_decodes(varint(), "", {});
}

TEST(Varint, KeepsALengthThatHasOnlyBegun)
{
    expect_decodes(varint(), "\1!\x80"s, {"!"}, "\x80");
    expect_decodes(varint(), "\1!\xAC\2abc"s, {"!"}, "\xAC\2abc");
}

TEST(Varint, ReadsAndWritesWhatProtocolBuffersWrites)
{
    const std::string payload(300, 'x');
    expect_decodes(varint(), "\xAC\x02" + payload + "\x96\x01" + payload.substr(150),
                   {payload, payload.substr(150)});
    EXPECT_EQ(encode_one(varint(), as_bytes(payload)).value(), "\xAC\x02" + payload);
    EXPECT_EQ(encode_one(varint(), as_bytes("Hello")).value(), "\5Hello");
    EXPECT_EQ(encode_one(varint(), {}).value(), "\0"s);
}

TEST(Varint, WritesLengthsAsShortAsTheyCanBe)
{
    for (const std::size_t size : {127, 128, 129, 16'383, 16'384, 16'385, 1 << 20}) {
        const std::string payload(size, 'x');
        EXPECT_EQ(encode_one(varint(), as_bytes(payload)).value(), message(payload)) << size;
    }
    EXPECT_EQ(field(127), "\x7F");
    EXPECT_EQ(field(128), "\x80\x01");
    EXPECT_EQ(field(16'383), "\xFF\x7F");
    EXPECT_EQ(field(16'384), "\x80\x80\x01");
}

TEST(Varint, TakesLengthsThatAreLongerThanTheyNeedBe)
{
    expect_decodes(varint(), "\x85\0Hello\x81\x80\0!"s, {"Hello", "!"});
    expect_decodes(varint(), "\x80\0\x80\x80\0\0"s, {"", "", ""});
    const std::string nine(9, '\x80');
    expect_decodes(varint(), nine + "\0\1!"s, {"", "!"});
}

TEST(Varint, RejectsALengthOfElevenBytes)
{
    const std::string nine(9, '\x80');
    expect_fails(varint(), "\1!" + nine + "\x80", {"!"}, error::malformed_frame);
    expect_fails(varint(), nine + "\x80\0"s, {}, error::malformed_frame);
    expect_fails(unlimited, nine + "\x81\0"s, {}, error::malformed_frame);
    EXPECT_EQ(decode(varint(), nine).state, decoded::status::incomplete);
}

TEST(Varint, RejectsALengthOfMoreThanSixtyFourBits)
{
    const std::string nine(9, '\xFF');
    expect_fails(unlimited, nine + "\2", {}, error::malformed_frame);
    expect_fails(unlimited, nine + "\x7F", {}, error::malformed_frame);
    expect_fails(unlimited, std::string(9, '\x80') + "\2", {}, error::malformed_frame);
    EXPECT_EQ(decode(unlimited, nine + "\1").state, decoded::status::incomplete);
}

TEST(Varint, TakesAFrameAsLongAsTheLimit)
{
    const varint five({.max_frame = 5});
    expect_decodes(five, "\5Hello\5World"s, {"Hello", "World"});
    EXPECT_EQ(encode_one(five, as_bytes("Hello")).value(), "\5Hello");
    const varint longer({.max_frame = 300});
    const std::string payload(300, 'x');
    expect_decodes(longer, message(payload), {payload});
    expect_decodes(varint({.max_frame = 0}), "\0\0"s, {"", ""});
}

TEST(Varint, RejectsAFrameLongerThanTheLimit)
{
    const varint five({.max_frame = 5});
    expect_fails(five, "\5Hello\6World!"s, {"Hello"}, error::frame_too_large);
    EXPECT_EQ(encode_one(five, as_bytes("World!")).error(), error::frame_too_large);
    expect_fails(varint({.max_frame = 0}), "\0\1x"s, {""}, error::frame_too_large);
    const varint longer({.max_frame = 300});
    expect_fails(longer, field(301), {}, error::frame_too_large);
    EXPECT_EQ(encode_one(longer, as_bytes(std::string(301, 'x'))).error(), error::frame_too_large);
}

TEST(Varint, RejectsItBeforeTheLengthIsComplete)
{
    // 86 says: six, and perhaps more. AD alone could still be less than 301.
    expect_fails(varint({.max_frame = 5}), "\x86", {}, error::frame_too_large);
    const varint longer({.max_frame = 300});
    expect_decodes(longer, "\xAD", {}, "\xAD");
    expect_fails(longer, "\xAD\x82", {}, error::frame_too_large);
    expect_fails(varint(), "\x80\x80\xC1", {}, error::frame_too_large);
    expect_fails(varint(), "\xFF\xFF\xFF\xFF", {}, error::frame_too_large);
}

TEST(Varint, LimitsToOneMebibyteUnlessTold)
{
    EXPECT_EQ(decode(varint(), field(1 << 20)).state, decoded::status::incomplete);
    EXPECT_EQ(decode(varint(), field((1 << 20) + 1)).failure, error::frame_too_large);
}

TEST(Varint, SaysHowMuchItNeeds)
{
    EXPECT_EQ(varint().decode({}).needed, 1U);
    EXPECT_EQ(decode(varint(), "\xAC").needed, 2U);
    EXPECT_EQ(decode(varint(), "\xAC\2").needed, 302U);
    EXPECT_EQ(decode(varint(), "\xAC\2abc").needed, 302U);
}

TEST(Varint, NeedsNoMoreThanThereCanBe)
{
    EXPECT_EQ(decode(unlimited, field(UINT64_MAX)).needed, SIZE_MAX);
    EXPECT_EQ(decode(unlimited, field(UINT64_MAX - 10)).needed, SIZE_MAX);
    EXPECT_EQ(decode(unlimited, field(UINT64_MAX - 11)).needed, SIZE_MAX - 1);
    expect_decodes(unlimited, field(UINT64_MAX) + "abc", {}, field(UINT64_MAX) + "abc");
}

TEST(Varint, GivesBackWhatWasSent)
{
    std::string stream;
    std::vector<std::string> payloads;
    for (const std::size_t size : {0, 1, 126, 127, 128, 129, 16'382, 16'383, 16'384, 70'000}) {
        payloads.emplace_back(size, static_cast<char>('a' + size % 26));
        stream += encode_one(varint(), as_bytes(payloads.back())).value();
    }
    const auto received = decode_all(varint(), as_bytes(stream));
    EXPECT_EQ(received.frames, payloads);
    EXPECT_EQ(received.rest, "");
    EXPECT_EQ(received.broken, "");
}

}  // namespace
