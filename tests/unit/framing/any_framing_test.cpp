#include "unit/framing/expect_decodes.hpp"

#include <libnet/framing/any_framing.hpp>
#include <libnet/framing/delimited.hpp>
#include <libnet/framing/length_prefix.hpp>
#include <libnet/framing/raw.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace {

using libnet::any_framing;
using libnet::as_bytes;
using libnet::tests::encode_one;
using libnet::tests::expect_decodes;
using libnet::tests::expect_fails;

static_assert(std::copyable<any_framing>);
static_assert(!std::is_constructible_v<any_framing, int>);
static_assert(!std::is_constructible_v<any_framing, std::string>);

/// Remembers how often it was asked.
struct counting {
    std::size_t calls = 0;

    libnet::decoded decode(libnet::bytes) { return libnet::decoded::incomplete(++calls); }
    void encode(libnet::bytes, libnet::envelope&) const {}
};

/// Puts a number of its own before each payload.
struct numbering {
    std::string head = "0";

    libnet::decoded decode(libnet::bytes) { return libnet::decoded::incomplete(1); }
    void encode(libnet::bytes, libnet::envelope& out)
    {
        ++head[0];
        out.head = as_bytes(head);
    }
};

std::string head_from(any_framing& codec)
{
    libnet::envelope parts;
    codec.encode({}, parts);
    return libnet::to_string(parts.head);
}

std::size_t ask(any_framing& codec)
{
    return codec.decode({}).needed;
}

TEST(AnyFraming, BehavesAsTheFramingThatItHolds)
{
    const any_framing lines = libnet::delimited("\n");
    expect_decodes(lines, "Hello\nWorld\n!", {"Hello", "World"}, "!");
    EXPECT_EQ(encode_one(lines, as_bytes("Hello")).value(), "Hello\n");
    EXPECT_EQ(encode_one(lines, as_bytes("a\nb")).error(), libnet::error::refused_payload);

    const any_framing lengths = libnet::length_prefix({.max_frame = 5, .width = 1});
    expect_decodes(lengths, "\5Hello\1!\2a", {"Hello", "!"}, "\2a");
    expect_fails(lengths, "\1!\6toobig", {"!"}, libnet::error::frame_too_large);
    EXPECT_EQ(encode_one(lengths, as_bytes("Hello")).value(), "\5Hello");

    any_framing nothing = libnet::raw();
    EXPECT_EQ(nothing.decode(as_bytes("Hel")).size, 3U);
}

TEST(AnyFraming, LetsTheFramingKeepWhatItPutsAroundAPayload)
{
    any_framing original = numbering();
    EXPECT_EQ(head_from(original), "1");
    EXPECT_EQ(head_from(original), "2");
    any_framing copy = original;
    EXPECT_EQ(head_from(original), "3");
    EXPECT_EQ(head_from(copy), "3");
}

TEST(AnyFraming, CopiesWhatTheFramingRemembers)
{
    any_framing original = counting();
    EXPECT_EQ(ask(original), 1U);
    EXPECT_EQ(ask(original), 2U);
    any_framing copy = original;
    EXPECT_EQ(ask(copy), 3U);
}

TEST(AnyFraming, CopiesAreIndependent)
{
    any_framing original = counting();
    any_framing copy = original;
    EXPECT_EQ(ask(copy), 1U);
    EXPECT_EQ(ask(copy), 2U);
    EXPECT_EQ(ask(original), 1U);

    copy = original;
    EXPECT_EQ(ask(original), 2U);
    EXPECT_EQ(ask(copy), 2U);
}

TEST(AnyFraming, CopiesOutliveTheOriginal)
{
    std::vector<any_framing> copies;
    {
        const any_framing original = libnet::delimited("a delimiter of more than sixteen bytes");
        copies.assign(3, original);
    }
    for (const any_framing& copy : copies) {
        EXPECT_EQ(encode_one(copy, as_bytes("x")).value(),
                  "xa delimiter of more than sixteen bytes");
    }
}

TEST(AnyFraming, MovesAndTakesAnotherFraming)
{
    any_framing first = counting();
    EXPECT_EQ(ask(first), 1U);
    any_framing second = std::move(first);
    EXPECT_EQ(ask(second), 2U);

    second = libnet::delimited("\n");
    EXPECT_EQ(encode_one(second, as_bytes("Hello")).value(), "Hello\n");
    any_framing& alias = second;
    second = alias;
    EXPECT_EQ(encode_one(second, as_bytes("Hello")).value(), "Hello\n");
    first = second;
    EXPECT_EQ(encode_one(first, as_bytes("Hello")).value(), "Hello\n");
}

}  // namespace
