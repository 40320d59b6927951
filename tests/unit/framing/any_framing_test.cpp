#include "unit/framing/expect_decodes.hpp"

#include <libnet/framing/any_framing.hpp>
#include <libnet/framing/delimited.hpp>
#include <libnet/framing/length_prefix.hpp>
#include <libnet/framing/raw.hpp>

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
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

/// Remembers nothing, and counts how often it is copied.
struct forgetful {
    explicit forgetful(int& c) noexcept : copies(&c) {}
    forgetful(const forgetful& other) noexcept : copies(other.copies) { ++*copies; }
    forgetful& operator=(const forgetful&) = default;

    libnet::decoded decode(libnet::bytes) const { return libnet::decoded::incomplete(7); }
    void encode(libnet::bytes, libnet::envelope&) const {}

    int* copies;
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

TEST(AnyFraming, SharesAFramingThatRemembersNothing)
{
    int copies = 0;
    any_framing original = forgetful(copies);
    const int made = copies;
    any_framing copy = original;
    any_framing assigned = libnet::raw();
    assigned = copy;
    EXPECT_EQ(ask(copy), 7U);
    EXPECT_EQ(ask(assigned), 7U);
    EXPECT_EQ(copies, made);
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

struct run {
    std::vector<std::string> payloads;
    std::size_t consumed = 0;
    libnet::decoded last;
};

/// At most `most` frames of `stream`, found in one call.
run decode_run(any_framing framing, std::string_view stream, std::size_t most = 8)
{
    std::vector<libnet::detail::found_frame> frames(most);
    run found;
    frames.resize(framing.decode_run(as_bytes(stream), frames, found.last));
    for (const auto& frame : frames) {
        found.payloads.push_back(libnet::to_string(frame.payload));
        found.consumed += frame.consumed;
    }
    return found;
}

TEST(AnyFraming, FindsManyFramesInOneCall)
{
    using strings = std::vector<std::string>;
    const any_framing lines = libnet::delimited("\n");
    EXPECT_EQ(decode_run(lines, "").payloads, strings{});
    EXPECT_EQ(decode_run(lines, "one\n\nthree\n").payloads, (strings{"one", "", "three"}));
    EXPECT_EQ(decode_run(lines, "one\n\nthree\n").consumed, 11U);

    const run rest = decode_run(lines, "one\ntwo");
    EXPECT_EQ(rest.payloads, strings{"one"});
    EXPECT_EQ(rest.last.state, libnet::decoded::status::incomplete);
    EXPECT_EQ(rest.last.needed, 4U);

    const run full = decode_run(lines, "one\ntwo\nthree\n", 2);
    EXPECT_EQ(full.payloads, (strings{"one", "two"}));
    EXPECT_EQ(full.consumed, 8U);
    EXPECT_EQ(full.last.state, libnet::decoded::status::incomplete);
    EXPECT_EQ(full.last.needed, 0U);

    const run wrong = decode_run(libnet::delimited("\n", {.max_frame = 3}), "one\nthree\n");
    EXPECT_EQ(wrong.payloads, strings{"one"});
    EXPECT_EQ(wrong.last.failure, libnet::error::frame_too_large);
}

/// One after the other, as the framing itself finds them.
run decode_each(const libnet::length_prefix& framing, std::string_view stream, std::size_t most)
{
    run found;
    found.last = libnet::decoded::incomplete(0);
    while (found.payloads.size() < most && found.consumed < stream.size()) {
        const std::string_view rest = stream.substr(found.consumed);
        const libnet::decoded one = framing.decode(as_bytes(rest));
        if (one.state != libnet::decoded::status::frame) {
            found.last = one;
            break;
        }
        found.payloads.emplace_back(rest.substr(one.offset, one.size));
        found.consumed += one.consumed;
    }
    return found;
}

TEST(AnyFraming, FindsFramesBehindFourBytesOfLengthAsTheFramingDoes)
{
    std::string stream;
    for (const std::size_t size : {3, 0, 1, 64, 0, 5, 66, 2}) {  // one is too large, and 0 for some
        stream += std::string{0, 0, 0, static_cast<char>(size)} + std::string(size, 'p');
    }
    for (const std::size_t longest : {0, 1, 65, 1000}) {
        const libnet::length_prefix framing({.max_frame = longest});
        for (std::size_t came = 0; came <= stream.size(); ++came) {
            for (const std::size_t most : {1, 2, 20}) {
                const std::string_view part = std::string_view(stream).substr(0, came);
                const run found = decode_run(framing, part, most);
                const run expected = decode_each(framing, part, most);
                EXPECT_EQ(found.payloads, expected.payloads);
                EXPECT_EQ(found.consumed, expected.consumed);
                EXPECT_EQ(found.last.state, expected.last.state);
                EXPECT_EQ(found.last.needed, expected.last.needed);
                EXPECT_EQ(found.last.failure, expected.last.failure);
            }
        }
    }
}

TEST(AnyFraming, SaysOfWhichFramesNothingButFourBytesOfLengthIsSent)
{
    using libnet::length_prefix;
    const auto longest = [](any_framing framing) { return framing.plain_most(); };
    EXPECT_EQ(longest(length_prefix({.max_frame = 77})), 77U);
    EXPECT_EQ(longest(length_prefix({.max_frame = std::size_t{1} << 40})), UINT32_MAX);
    EXPECT_EQ(longest(length_prefix({.max_frame = 77, .width = 2})), 0U);
    EXPECT_EQ(longest(length_prefix({.max_frame = 77, .order = std::endian::little})), 0U);
    EXPECT_EQ(longest(length_prefix(
                  {.max_frame = 77, .length = libnet::length_prefix_options::counts::message})),
              0U);
    EXPECT_EQ(longest(length_prefix({.max_frame = 77, .offset = 2})), 0U);
    EXPECT_EQ(longest(libnet::delimited("\n")), 0U);
    EXPECT_EQ(longest(counting()), 0U);
    struct derived : length_prefix {};
    EXPECT_EQ(longest(derived()), 0U) << "it may decode and encode in its own way";
}

/// A framing of a user's, which may answer anything.
struct answering {
    libnet::decoded answer;

    libnet::decoded decode(libnet::bytes) const { return answer; }
    void encode(libnet::bytes, libnet::envelope&) const {}
};

TEST(AnyFraming, DoesNotBelieveFramesThatCannotBe)
{
    using libnet::decoded;
    for (const decoded& lie :
         {decoded::frame(0, 0, 0), decoded::frame(0, 1, 7), decoded::frame(3, 0, 2),
          decoded::frame(1, 2, 2), decoded::frame(1, SIZE_MAX, 2)}) {
        const run found = decode_run(answering{lie}, "abcdef");
        EXPECT_TRUE(found.payloads.empty());
        EXPECT_EQ(found.last.failure, libnet::error::malformed_frame);
    }
    EXPECT_EQ(decode_run(answering{decoded::frame(1, 1, 3)}, "abcdef").payloads,
              (std::vector<std::string>{"b", "e"}));
}

/// Head, payload and tail of any length, also of none.
struct around {
    std::string head;
    std::string tail;

    libnet::decoded decode(libnet::bytes) const { return libnet::decoded::incomplete(1); }
    void encode(libnet::bytes payload, libnet::envelope& out) const
    {
        out.head = as_bytes(head);
        out.tail = as_bytes(tail);
        if (payload.size() > 100) {
            out.refusal = libnet::error::refused_payload;
        }
    }
};

TEST(AnyFraming, WritesAFrameWhereItFits)
{
    using libnet::error;
    for (const std::size_t head : {0, 1, 4, 5}) {
        for (const std::size_t size : {0, 1, 4, 64}) {
            for (const std::size_t tail : {0, 2, 4}) {
                const std::string payload(size, 'p');
                const std::string whole = std::string(head, 'h') + payload + std::string(tail, 't');
                any_framing framing = around{std::string(head, 'h'), std::string(tail, 't')};
                for (const std::size_t more : {0, 3}) {
                    libnet::envelope envelope;
                    std::string room(whole.size() + more, '.');
                    EXPECT_EQ(framing.encode_into(
                                  as_bytes(payload),
                                  libnet::mutable_bytes(std::as_writable_bytes(std::span(room))),
                                  envelope),
                              whole.size());
                    EXPECT_EQ(room, whole + std::string(more, '.'));
                    EXPECT_EQ(envelope.refusal, error{});
                }
                if (!whole.empty()) {
                    libnet::envelope envelope;
                    std::string room(whole.size() - 1, '.');
                    EXPECT_EQ(framing.encode_into(as_bytes(payload),
                                                  std::as_writable_bytes(std::span(room)),
                                                  envelope),
                              libnet::detail::not_written);
                    EXPECT_EQ(room, std::string(whole.size() - 1, '.'));
                }
            }
        }
    }
}

TEST(AnyFraming, WritesNothingOfWhatItRefuses)
{
    any_framing framing = around{"head", "tail"};
    std::string room(1000, '.');
    libnet::envelope envelope;
    EXPECT_EQ(framing.encode_into(as_bytes(std::string(101, 'p')),
                                  std::as_writable_bytes(std::span(room)), envelope),
              libnet::detail::not_written);
    EXPECT_EQ(envelope.refusal, libnet::error::refused_payload);
    EXPECT_EQ(room, std::string(1000, '.'));
}

}  // namespace
