#include "unit/framing/expect_decodes.hpp"

#include <libnet/framing/any_framing.hpp>
#include <libnet/framing/checksummed.hpp>
#include <libnet/framing/delimited.hpp>
#include <libnet/framing/fixed.hpp>
#include <libnet/framing/length_prefix.hpp>
#include <libnet/framing/varint.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace std::string_literals;
using libnet::any_framing;
using libnet::as_bytes;
using libnet::as_text;
using libnet::checksummed;
using libnet::decoded;
using libnet::delimited;
using libnet::envelope;
using libnet::error;
using libnet::length_prefix;
using libnet::tests::decode_all;
using libnet::tests::encode_one;
using libnet::tests::expect_decodes;
using libnet::tests::expect_fails;

static_assert(libnet::framing<checksummed<length_prefix>>);
static_assert(libnet::framing<checksummed<any_framing>>);
static_assert(libnet::framing<checksummed<checksummed<delimited>>>);
static_assert(std::is_same_v<decltype(checksummed(length_prefix())), checksummed<length_prefix>>);

template <class F>
concept can_be_checksummed = requires { typename checksummed<F>; };

static_assert(can_be_checksummed<length_prefix>);
static_assert(!can_be_checksummed<std::string>);
static_assert(!can_be_checksummed<int>);

/// A frame of the framing inside, and its checksum in four bytes.
std::string with_checksum(const std::string& frame)
{
    const std::uint32_t sum = libnet::crc32c(as_bytes(frame));
    std::string text = frame;
    for (const int place : {24, 16, 8, 0}) {
        text += static_cast<char>(sum >> place & 0xFF);
    }
    return text;
}

const std::string hello = "\0\0\0\5Hello\x22\x8B\x4C\xE3"s;

TEST(Checksummed, PutsAChecksumBehindEachFrame)
{
    EXPECT_EQ(encode_one(checksummed(length_prefix()), as_bytes("Hello")).value(), hello);
    EXPECT_EQ(hello, with_checksum("\0\0\0\5Hello"s));
    expect_decodes(checksummed(length_prefix()), hello + with_checksum("\0\0\0\0"s) + hello,
                   {"Hello", "", "Hello"});
}

TEST(Checksummed, GoesAroundEveryOtherFraming)
{
    expect_decodes(checksummed(delimited("\r\n")),
                   with_checksum("Hello\r\n") + with_checksum("\r\n") + with_checksum("!\r\n"),
                   {"Hello", "", "!"});
    expect_decodes(checksummed(libnet::fixed(5)), with_checksum("Hello") + with_checksum("World"),
                   {"Hello", "World"});
    expect_decodes(checksummed(libnet::varint()), with_checksum("\5Hello") + with_checksum("\0"s),
                   {"Hello", ""});
    expect_decodes(checksummed(length_prefix({.width = 1, .offset = 1})),
                   with_checksum("t\5Hello") + with_checksum("u\0"s), {"t\5Hello", "u\0"s});
    expect_decodes(checksummed<checksummed<delimited>>(checksummed(delimited())),
                   with_checksum(with_checksum("Hello\n")), {"Hello"});
}

TEST(Checksummed, GoesAroundAFramingThatIsChosenLater)
{
    any_framing chosen = delimited();
    chosen = checksummed(chosen);
    expect_decodes(chosen, with_checksum("Hello\n") + "Wor", {"Hello"}, "Wor");
    EXPECT_EQ(encode_one(chosen, as_bytes("Hello")).value(), with_checksum("Hello\n"));
    EXPECT_EQ(encode_one(chosen, as_bytes("a\nb")).error(), error::refused_payload);
}

TEST(Checksummed, KeepsAFrameWhoseChecksumHasOnlyBegun)
{
    const checksummed codec{length_prefix()};
    expect_decodes(codec, hello + hello.substr(0, 3), {"Hello"}, hello.substr(0, 3));
    expect_decodes(codec, hello + hello.substr(0, 9), {"Hello"}, hello.substr(0, 9));
    expect_decodes(codec, hello + hello.substr(0, 12), {"Hello"}, hello.substr(0, 12));
}

TEST(Checksummed, SaysHowMuchItNeeds)
{
    checksummed codec{length_prefix()};
    const libnet::bytes data = as_bytes(hello);
    EXPECT_EQ(codec.decode({}).needed, 4U);
    EXPECT_EQ(codec.decode(data.first(4)).needed, 9U);
    EXPECT_EQ(codec.decode(data.first(9)).needed, 13U);
    EXPECT_EQ(codec.decode(data.first(12)).needed, 13U);
    const decoded found = codec.decode(data);
    EXPECT_EQ(found.state, decoded::status::frame);
    EXPECT_EQ(found.offset, 4U);
    EXPECT_EQ(found.size, 5U);
    EXPECT_EQ(found.consumed, 13U);
}

TEST(Checksummed, SeesEveryBitThatIsNotAsItWasSent)
{
    // In fixed frames, where nothing but the checksum can notice.
    const std::string sent = with_checksum("Hello");
    for (std::size_t bit = 0; bit < 8 * sent.size(); ++bit) {
        std::string damaged = sent;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
        expect_fails(checksummed(libnet::fixed(5)), sent + damaged, {"Hello"},
                     error::checksum_mismatch);
    }
}

TEST(Checksummed, SeesFramesThatAreCutShortOrSwapped)
{
    const checksummed lines{delimited()};
    expect_fails(lines, "Hell\n" + with_checksum("Hello\n").substr(6), {},
                 error::checksum_mismatch);
    expect_fails(lines, "World\n" + with_checksum("Hello\n").substr(6), {},
                 error::checksum_mismatch);
    expect_fails(lines, "Hello\nWorld\n", {}, error::checksum_mismatch);
}

TEST(Checksummed, PassesOnWhyTheFramingInsideFails)
{
    const checksummed lengths{length_prefix({.max_frame = 5})};
    expect_fails(lengths, hello + "\0\0\0\6"s, {"Hello"}, error::frame_too_large);
    EXPECT_EQ(encode_one(lengths, as_bytes("World!")).error(), error::frame_too_large);
    expect_fails(checksummed(libnet::varint()), std::string(10, '\x80'), {},
                 error::malformed_frame);
    EXPECT_EQ(encode_one(checksummed(delimited()), as_bytes("a\nb")).error(),
              error::refused_payload);
}

TEST(Checksummed, CountsTheLimitAsTheFramingInsideDoes)
{
    const checksummed lines{delimited("\n", {.max_frame = 5})};
    expect_decodes(lines, with_checksum("Hello\n"), {"Hello"});
    expect_fails(lines, "World!", {}, error::frame_too_large);
}

TEST(Checksummed, BeginsAnewAfterAFrameAndAFailure)
{
    checksummed codec{delimited()};
    const std::string first = with_checksum("a longer line\n");
    const std::string second = with_checksum("b\n");
    const std::string wrong = "b\nxxxx";
    for (int round = 0; round < 3; ++round) {
        EXPECT_EQ(codec.decode(as_bytes(first).first(15)).state, decoded::status::incomplete);
        EXPECT_EQ(codec.decode(as_bytes(first)).consumed, first.size());
        EXPECT_EQ(codec.decode(as_bytes(wrong).first(2)).state, decoded::status::incomplete);
        EXPECT_EQ(codec.decode(as_bytes(wrong)).failure, error::checksum_mismatch);
        EXPECT_EQ(codec.decode(as_bytes(second)).consumed, second.size());
    }
}

TEST(Checksummed, SurvivesFewerBytesThanItHasSeen)
{
    checksummed codec{length_prefix()};
    EXPECT_EQ(codec.decode(as_bytes(hello).first(10)).state, decoded::status::incomplete);
    EXPECT_EQ(codec.decode({}).needed, 13U);
    EXPECT_EQ(codec.decode(as_bytes(hello)).consumed, 13U);
}

/// Finds a frame of `size` bytes in anything, and counts how often it was asked.
struct counting {
    std::size_t size = 5;
    std::shared_ptr<int> calls = std::make_shared<int>(0);

    decoded decode(libnet::bytes received)
    {
        ++*calls;
        return received.size() < 5 ? decoded::incomplete(5) : decoded::frame(0, size, size);
    }
    void encode(libnet::bytes, envelope&) {}
};

TEST(Checksummed, AsksTheFramingInsideOnceForAFrameThatIsWhole)
{
    const counting inner;
    checksummed codec{inner};
    const std::string stream = with_checksum("Hello");
    for (std::size_t size = 5; size <= stream.size(); ++size) {
        codec.decode(as_bytes(stream).first(size));
    }
    EXPECT_EQ(*inner.calls, 1);
    EXPECT_EQ(codec.decode(as_bytes(stream)).state, decoded::status::frame);
    EXPECT_EQ(*inner.calls, 2);
}

TEST(Checksummed, DoesNotBelieveAFramingThatAnswersNonsense)
{
    checksummed beyond{counting{.size = 6}};
    EXPECT_EQ(beyond.decode(as_bytes("Hello")).failure, error::malformed_frame);
    EXPECT_EQ(beyond.decode(as_bytes(with_checksum("Hello!"))).state, decoded::status::frame);
    checksummed nothing{counting{.size = 0}};
    EXPECT_EQ(nothing.decode(as_bytes("Hello")).failure, error::malformed_frame);
}

TEST(Checksummed, KeepsItsTailUntilTheNextMessage)
{
    const std::string delimiter = "a delimiter of more than sixteen bytes";
    checksummed codec{delimited(delimiter)};
    envelope first;
    codec.encode(as_bytes("Hello"), first);
    EXPECT_EQ("Hello" + std::string(as_text(first.tail)), with_checksum("Hello" + delimiter));
    checksummed copy = codec;
    envelope of_the_copy;
    copy.encode(as_bytes("World"), of_the_copy);
    EXPECT_EQ("Hello" + std::string(as_text(first.tail)), with_checksum("Hello" + delimiter));
    EXPECT_EQ("World" + std::string(as_text(of_the_copy.tail)), with_checksum("World" + delimiter));
}

TEST(Checksummed, CopiesWhatItRemembers)
{
    checksummed original{length_prefix()};
    EXPECT_EQ(original.decode(as_bytes(hello).first(9)).needed, 13U);
    checksummed copy = original;
    EXPECT_EQ(copy.decode(as_bytes(hello)).consumed, 13U);
    EXPECT_EQ(original.decode(as_bytes(hello)).consumed, 13U);
}

TEST(Checksummed, GivesBackWhatWasSent)
{
    const checksummed codec{length_prefix()};
    std::string stream;
    std::vector<std::string> payloads;
    for (const std::size_t size : {0, 1, 3, 4, 5, 255, 256, 4091, 4092, 4093, 70'000}) {
        payloads.emplace_back(size, static_cast<char>('a' + size % 26));
        stream += encode_one(codec, as_bytes(payloads.back())).value();
    }
    const auto received = decode_all(codec, as_bytes(stream));
    EXPECT_EQ(received.frames, payloads);
    EXPECT_EQ(received.rest, "");
    EXPECT_EQ(received.broken, "");
}

}  // namespace
