#include "unit/framing/expect_decodes.hpp"

#include <libnet/framing/delimited.hpp>

#include <gtest/gtest.h>

#include <random>
#include <stdexcept>
#include <string>

namespace {

using libnet::as_bytes;
using libnet::decoded;
using libnet::delimited;
using libnet::delimited_options;
using libnet::tests::decode_all;
using libnet::tests::encode_one;
using libnet::tests::expect_decodes;
using libnet::tests::expect_fails;

constexpr delimited_options keeping{.delimiter = delimited_options::delivery::keep};

TEST(Delimited, SplitsAStreamIntoLines)
{
    expect_decodes(delimited(), "Hello\nWorld\n!", {"Hello", "World"}, "!");
    expect_decodes(delimited("\r\n"), "Hello\r\nWorld\r\n", {"Hello", "World"});
    expect_decodes(delimited(" END "), "Hello END World END  EN", {"Hello", "World"}, " EN");
    expect_decodes(delimited("\n"), "", {});
}

TEST(Delimited, HandsOutEmptyFrames)
{
    expect_decodes(delimited(), "\n\na\n\n", {"", "", "a", ""});
    expect_decodes(delimited("\r\n"), "\r\n\r\n", {"", ""});
}

TEST(Delimited, TakesPartsOfADelimiterForPayload)
{
    expect_decodes(delimited("\r\n"), "a\rb\nc\r\r\n\n\r\r", {"a\rb\nc\r"}, "\n\r\r");
    expect_decodes(delimited("abc"), "ababcabab", {"ab"}, "abab");
}

TEST(Delimited, KeepsTheDelimiterIfAsked)
{
    expect_decodes(delimited("\n", keeping), "Hello\n\nWorld\n!", {"Hello\n", "\n", "World\n"},
                   "!");
    expect_decodes(delimited("\r\n", keeping), "a\r\n\r\n", {"a\r\n", "\r\n"});
}

TEST(Delimited, SplitsAtTheFirstOfOverlappingDelimiters)
{
    expect_decodes(delimited("aa"), "aaaaa", {"", ""}, "a");
    expect_decodes(delimited("aa"), "baaab", {"b"}, "ab");
    expect_decodes(delimited("aba"), "xababa", {"x"}, "ba");
    expect_decodes(delimited("aba"), "aababab", {"a"}, "bab");
    expect_decodes(delimited("aba", keeping), "ababab", {"aba"}, "bab");
}

TEST(Delimited, SeesADelimiterThatArrivesInTwoPieces)
{
    delimited codec("\r\n");
    EXPECT_EQ(codec.decode(as_bytes("Hello")).state, decoded::status::incomplete);
    EXPECT_EQ(codec.decode(as_bytes("Hello\r")).state, decoded::status::incomplete);
    const decoded found = codec.decode(as_bytes("Hello\r\n"));
    EXPECT_EQ(found.state, decoded::status::frame);
    EXPECT_EQ(found.size, 5U);
    EXPECT_EQ(found.consumed, 7U);
}

TEST(Delimited, BeginsAnewAfterEachFrame)
{
    delimited codec("\r\n");
    const std::string_view stream = "a longer line\r\n\r\n";
    EXPECT_EQ(codec.decode(as_bytes(stream.substr(0, 14))).state, decoded::status::incomplete);
    EXPECT_EQ(codec.decode(as_bytes(stream)).consumed, 15U);
    EXPECT_EQ(codec.decode(as_bytes(stream.substr(15))).consumed, 2U);
}

TEST(Delimited, BeginsAnewAfterAFailure)
{
    delimited codec("\r\n", {.max_frame = 4});
    EXPECT_EQ(codec.decode(as_bytes("much too long")).state, decoded::status::failed);
    EXPECT_EQ(codec.decode(as_bytes("ok\r\n")).consumed, 4U);
    EXPECT_EQ(codec.decode(as_bytes("too long\r\n")).state, decoded::status::failed);
    EXPECT_EQ(codec.decode(as_bytes("ok\r\n")).consumed, 4U);
}

TEST(Delimited, SurvivesFewerBytesThanItHasSearched)
{
    delimited codec("\n");
    EXPECT_EQ(codec.decode(as_bytes("Hello")).state, decoded::status::incomplete);
    EXPECT_EQ(codec.decode({}).state, decoded::status::incomplete);
    EXPECT_EQ(codec.decode(as_bytes("a\n")).consumed, 2U);
}

TEST(Delimited, AsksForOneByteMore)
{
    delimited codec("\r\n");
    EXPECT_EQ(codec.decode({}).needed, 1U);
    EXPECT_EQ(codec.decode(as_bytes("Hello")).needed, 6U);
}

TEST(Delimited, TakesAFrameAsLongAsTheLimit)
{
    const delimited_options five{.max_frame = 5};
    expect_decodes(delimited("\n", five), "Hello\nWorld\nHello", {"Hello", "World"}, "Hello");
    expect_decodes(delimited("\r\n", five), "Hello\r\nHello\r", {"Hello"}, "Hello\r");
    expect_decodes(delimited("\r\n", {.max_frame = 0}), "\r\n\r\n\r", {"", ""}, "\r");
    EXPECT_EQ(encode_one(delimited("\r\n", five), as_bytes("Hello")).value(), "Hello\r\n");
}

TEST(Delimited, DoesNotCountAKeptDelimiter)
{
    const delimited codec("\r\n", {.max_frame = 5, .delimiter = delimited_options::delivery::keep});
    expect_decodes(codec, "Hello\r\nHello\r", {"Hello\r\n"}, "Hello\r");
    EXPECT_EQ(encode_one(codec, as_bytes("Hello\r\n")).value(), "Hello\r\n");
    EXPECT_EQ(encode_one(codec, as_bytes("Hello")).value(), "Hello\r\n");
    EXPECT_EQ(encode_one(codec, as_bytes("Hello!")).error(), libnet::error::frame_too_large);
    EXPECT_EQ(encode_one(codec, as_bytes("Hello!\r\n")).error(), libnet::error::frame_too_large);
}

TEST(Delimited, RejectsAFrameLongerThanTheLimit)
{
    const delimited_options five{.max_frame = 5};
    expect_fails(delimited("\n", five), "Hello\nWorld!\n", {"Hello"},
                 libnet::error::frame_too_large);
    expect_fails(delimited("\r\n", five), "Hello\r\nWorld!\r\n", {"Hello"},
                 libnet::error::frame_too_large);
    EXPECT_EQ(encode_one(delimited("\n", five), as_bytes("World!")).error(),
              libnet::error::frame_too_large);
}

TEST(Delimited, RejectsItBeforeTheDelimiterHasArrived)
{
    const delimited_options five{.max_frame = 5};
    expect_decodes(delimited("\n", five), "World", {}, "World");
    expect_fails(delimited("\n", five), "World!", {}, libnet::error::frame_too_large);
    expect_decodes(delimited("\r\n", five), "World\r", {}, "World\r");
    expect_fails(delimited("\r\n", five), "World\r!", {}, libnet::error::frame_too_large);
    expect_fails(delimited("\n", {.max_frame = 0}), "x", {}, libnet::error::frame_too_large);
}

TEST(Delimited, LimitsToOneMebibyteUnlessTold)
{
    const std::string line(1 << 20, 'x');
    EXPECT_EQ(decode_all(delimited(), as_bytes(line + "\n")).frames.size(), 1U);
    EXPECT_EQ(decode_all(delimited(), as_bytes(line + "x")).failure,
              libnet::error::frame_too_large);
}

TEST(Delimited, AddsTheDelimiter)
{
    EXPECT_EQ(encode_one(delimited(), as_bytes("Hello")).value(), "Hello\n");
    EXPECT_EQ(encode_one(delimited("\r\n"), {}).value(), "\r\n");
    EXPECT_EQ(encode_one(delimited("\n", keeping), as_bytes("Hello")).value(), "Hello\n");
    EXPECT_EQ(encode_one(delimited("\n", keeping), {}).value(), "\n");
}

TEST(Delimited, SendsAKeptDelimiterAsItStands)
{
    EXPECT_EQ(encode_one(delimited("\n", keeping), as_bytes("Hello\n")).value(), "Hello\n");
    EXPECT_EQ(encode_one(delimited("\r\n", keeping), as_bytes("\r\n")).value(), "\r\n");
}

TEST(Delimited, RefusesToSendADelimiterInsideAPayload)
{
    for (const std::string_view payload : {"\n", "a\n", "\na", "a\nb", "two\nlines\n"}) {
        EXPECT_EQ(encode_one(delimited(), as_bytes(payload)).error(),
                  libnet::error::refused_payload)
            << payload;
    }
    for (const std::string_view payload : {"\n\n", "\na", "a\nb", "two\nlines\n"}) {
        EXPECT_EQ(encode_one(delimited("\n", keeping), as_bytes(payload)).error(),
                  libnet::error::refused_payload)
            << payload;
    }
    EXPECT_EQ(encode_one(delimited("\r\n"), as_bytes("a\r\nb")).error(),
              libnet::error::refused_payload);
    EXPECT_EQ(encode_one(delimited("\r\n"), as_bytes("a\rb\nc\r")).value(), "a\rb\nc\r\r\n");
}

TEST(Delimited, RefusesAPayloadWhoseEndWouldBeginTheDelimiter)
{
    // "a" + "aa" ends after "aa", and the peer would see an empty frame and an "a" too many.
    EXPECT_EQ(encode_one(delimited("aa"), as_bytes("a")).error(), libnet::error::refused_payload);
    EXPECT_EQ(encode_one(delimited("aa"), as_bytes("ba")).error(), libnet::error::refused_payload);
    EXPECT_EQ(encode_one(delimited("aa"), as_bytes("ab")).value(), "abaa");
    EXPECT_EQ(encode_one(delimited("aba"), as_bytes("xab")).error(),
              libnet::error::refused_payload);
    EXPECT_EQ(encode_one(delimited("aba"), as_bytes("xa")).value(), "xaaba");
    EXPECT_EQ(encode_one(delimited("aa", keeping), as_bytes("aaa")).error(),
              libnet::error::refused_payload);
}

TEST(Delimited, PayloadsAreRefusedOrComeBackAsOneFrame)
{
    // Few letters, so that random payloads are full of delimiters and their parts.
    std::mt19937 random(1);
    const auto text = [&](std::size_t longest) {
        std::string result(random() % (longest + 1), ' ');
        for (char& letter : result) {
            letter = "ab"[random() % 2];
        }
        return result;
    };
    int refused = 0;
    int accepted = 0;
    for (int round = 0; round < 40'000; ++round) {
        const std::string delimiter = "a" + text(3);
        const bool keeps = random() % 2 != 0;
        const delimited codec(delimiter, keeps ? keeping : delimited_options{});
        const std::string payload = text(9);

        const bool terminated = keeps && payload.ends_with(delimiter);
        const std::string wire = payload + (terminated ? "" : delimiter);
        const std::string delivered = keeps ? wire : payload;
        const auto received = decode_all(codec, as_bytes(wire));
        const bool faithful =
            received.rest.empty() && received.frames == std::vector<std::string>{delivered};
        ASSERT_EQ(received.broken, "");

        const auto encoded = encode_one(codec, as_bytes(payload));
        SCOPED_TRACE("delimiter " + delimiter + ", payload " + payload);
        if (encoded) {
            ++accepted;
            ASSERT_EQ(*encoded, wire);
            ASSERT_TRUE(faithful);
        } else {
            ++refused;
            ASSERT_EQ(encoded.error(), libnet::error::refused_payload);
            ASSERT_FALSE(faithful) << "refused without need";
        }
    }
    EXPECT_GT(refused, 1000);
    EXPECT_GT(accepted, 1000);
}

TEST(Delimited, FindsTheSameFramesHoweverAStreamIsCut)
{
    std::mt19937 random(2);
    for (const std::string_view delimiter : {"a", "aa", "ab", "aba", "abab", "aabaa"}) {
        for (int round = 0; round < 20; ++round) {
            std::string stream(1 + random() % 40, ' ');
            for (char& letter : stream) {
                letter = "aab"[random() % 3];
            }
            for (const std::size_t limit : {std::size_t{4}, SIZE_MAX}) {
                const delimited codec(delimiter, {.max_frame = limit});
                const auto whole = decode_all(codec, as_bytes(stream));
                expect_decodes(codec, stream, whole.frames, whole.rest, whole.failure);
            }
        }
    }
}

TEST(Delimited, LooksAtALineByteByByteInLinearTime)
{
    // Were every byte looked at or copied again for each that arrives, this would take minutes.
    const std::string line(1 << 20, 'a');
    const std::string stream = line + "ab";
    std::vector<libnet::bytes> pieces;
    for (std::size_t i = 0; i < stream.size(); ++i) {
        pieces.push_back(as_bytes(stream).subspan(i, 1));
    }
    const auto received = decode_all(delimited("ab"), pieces);
    ASSERT_EQ(received.frames.size(), 1U);
    EXPECT_EQ(received.frames[0], line);
    EXPECT_EQ(received.broken, "");
}

TEST(Delimited, ThrowsForAnEmptyDelimiter)
{
    EXPECT_THROW(delimited(""), std::invalid_argument);
    EXPECT_THROW(delimited("", keeping), std::invalid_argument);
}

TEST(Delimited, OwnsItsDelimiter)
{
    std::string text = "a delimiter of more than sixteen bytes";
    const delimited codec(text);
    const delimited copy = codec;
    text.assign(text.size(), '?');
    EXPECT_EQ(encode_one(copy, as_bytes("x")).value(), "xa delimiter of more than sixteen bytes");
}

}  // namespace
