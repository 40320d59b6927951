// Input: width, order, what the length counts and offset; limit, number of cuts, cuts, stream.

#include "../support/decode_all.hpp"
#include "fuzzing.hpp"

#include <libnet/framing/length_prefix.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

namespace {

using namespace libnet::tests;
using libnet::as_bytes;
using libnet::bytes;
using libnet::error;
using libnet::length_prefix;
using libnet::length_prefix_options;
using counts = libnet::length_prefix_options::counts;

constexpr std::array<std::size_t, 8> limits{0, 1, 5, 255, 256, 4096, 1 << 20, SIZE_MAX};
constexpr std::array<std::size_t, 8> offsets{0, 1, 2, 4, 7, 16, 247, 300};

/// What the options mean, read independently of the codec.
struct meaning {
    explicit meaning(const length_prefix_options& chosen)
        : options(chosen),
          head(chosen.offset + chosen.width),
          counted(chosen.length == counts::message ? head : 0),
          greatest(chosen.width == 8 ? UINT64_MAX : (std::uint64_t{1} << 8 * chosen.width) - 1)
    {
    }

    bool whole_messages() const { return options.offset != 0; }

    /// Whether there is any message at all.
    bool possible() const
    {
        return counted <= greatest && (!whole_messages() || head <= options.max_frame);
    }

    bool too_long(std::uint64_t body) const
    {
        const std::uint64_t limit = whole_messages() ? options.max_frame - head : options.max_frame;
        return body > limit || body > greatest - counted;
    }

    std::uint64_t field(bytes message) const
    {
        std::uint64_t length = 0;
        for (std::size_t i = 0; i < options.width; ++i) {
            const std::size_t significance =
                options.order == std::endian::big ? options.width - 1 - i : i;
            length |= std::to_integer<std::uint64_t>(message[options.offset + i])
                      << (8 * significance);
        }
        return length;
    }

    length_prefix_options options;
    std::uint64_t head;
    std::uint64_t counted;
    std::uint64_t greatest;
};

/// The same by definition, without a thought for cuts or cost.
decoded_stream decode_by_definition(const meaning& chosen, bytes stream)
{
    decoded_stream result;
    while (stream.size() >= chosen.head) {
        const std::uint64_t length = chosen.field(stream);
        if (length < chosen.counted) {
            result.failure = error::malformed_frame;
            return result;
        }
        const std::uint64_t body = length - chosen.counted;
        if (chosen.too_long(body)) {
            result.failure = error::frame_too_large;
            return result;
        }
        if (stream.size() - chosen.head < body) {
            break;
        }
        const bytes message = stream.first(static_cast<std::size_t>(chosen.head + body));
        result.frames.push_back(libnet::to_string(
            chosen.whole_messages() ? message : message.subspan(chosen.options.width)));
        stream = stream.subspan(message.size());
    }
    result.rest = libnet::to_string(stream);
    return result;
}

void check_receiving(const meaning& chosen, bytes stream, bytes cuts)
{
    const length_prefix codec(chosen.options);
    const decoded_stream expected = decode_by_definition(chosen, stream);
    CHECK(decode_all(codec, stream) == expected);
    CHECK(decode_all(codec, cut(stream, cuts)) == expected);

    std::string wire;
    for (const std::string& frame : expected.frames) {
        CHECK(frame.size() <= chosen.options.max_frame);
        const auto encoded = encode_one(codec, as_bytes(frame));
        CHECK(encoded.has_value());
        wire += *encoded;
    }
    CHECK(libnet::as_text(stream).starts_with(wire));
}

void check_arrives(const length_prefix& codec, bytes payload, bytes cuts)
{
    const auto wire = encode_one(codec, payload);
    CHECK(wire.has_value());
    CHECK(decode_all(codec, cut(as_bytes(*wire), cuts)) ==
          decoded_stream{{libnet::to_string(payload)}, {}, {}, {}});
}

void check_sending(const meaning& chosen, bytes payload, bytes cuts)
{
    const length_prefix codec(chosen.options);
    if (chosen.too_long(payload.size())) {
        CHECK(encode_one(codec, payload).error() == error::frame_too_large);
    } else {
        check_arrives(codec, payload, cuts);
    }
}

/// A whole message is refused unless its length is right, and set_length() makes it so.
void check_sending_whole(const meaning& chosen, bytes message, bytes cuts)
{
    const length_prefix codec(chosen.options);
    std::optional<error> expected;
    if (message.size() < chosen.head) {
        expected = error::refused_payload;
    } else if (chosen.too_long(message.size() - chosen.head)) {
        expected = error::frame_too_large;
    } else if (chosen.field(message) != message.size() - chosen.head + chosen.counted) {
        expected = error::refused_payload;
    }
    const auto sent = encode_one(codec, message);
    CHECK(expected ? sent.has_error() && sent.error() == *expected : sent.has_value());

    std::vector<std::byte> corrected = exact_copy(message);
    try {
        codec.set_length(corrected);
        check_arrives(codec, corrected, cuts);
        CHECK(!expected || corrected != exact_copy(message));
    } catch (const std::invalid_argument&) {
        CHECK(message.size() < chosen.head);
    } catch (const std::length_error&) {
        CHECK(expected == error::frame_too_large);
    }
}

void check_impossible(const meaning& chosen)
{
    try {
        const length_prefix codec(chosen.options);
        CHECK(false);
    } catch (const std::invalid_argument&) {
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz_input input(data, size);
    const std::size_t form = input.byte();
    const meaning chosen({
        .max_frame = limits[input.byte() % limits.size()],
        .width = std::size_t{1} << form % 4,
        .order = form & 4 ? std::endian::little : std::endian::big,
        .length = form & 8 ? counts::message : counts::payload,
        .offset = offsets[form / 16 % offsets.size()],
    });
    if (!chosen.possible()) {
        check_impossible(chosen);
        return 0;
    }
    const bytes cuts = input.take(input.byte() % 16);
    const auto stream = exact_copy(input.rest());
    check_receiving(chosen, stream, cuts);
    if (chosen.whole_messages()) {
        check_sending_whole(chosen, stream, cuts);
    } else {
        check_sending(chosen, stream, cuts);
    }
    return 0;
}
