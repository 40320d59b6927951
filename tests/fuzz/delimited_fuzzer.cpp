// Input: delivery and length of the delimiter, delimiter, limit, number of cuts, cuts, stream.

#include "../support/decode_all.hpp"
#include "fuzzing.hpp"

#include <libnet/framing/delimited.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace libnet::tests;
using libnet::as_bytes;
using libnet::as_text;
using libnet::bytes;
using libnet::delimited;
using libnet::delimited_options;
using libnet::error;

constexpr std::array<std::size_t, 8> limits{0, 1, 2, 5, 16, 100, 1 << 20, SIZE_MAX};

struct parameters {
    std::string delimiter;
    delimited_options options;

    bool keeps() const { return options.delimiter == delimited_options::delivery::keep; }
};

/// The same by definition, without a thought for cuts or cost.
decoded_stream decode_by_definition(const parameters& chosen, std::string_view stream)
{
    decoded_stream result;
    const std::size_t width = chosen.delimiter.size();
    const std::size_t limit = chosen.options.max_frame;
    for (;;) {
        const std::size_t size = stream.find(chosen.delimiter);
        const bool whole = size != std::string_view::npos;
        // Without a delimiter in it, so much is too much: limit + width bytes, if that is a number.
        const bool endless = !whole && stream.size() >= width && stream.size() - width >= limit;
        if (endless || (whole && size > limit)) {
            result.failure = error::frame_too_large;
            return result;
        }
        if (!whole) {
            result.rest = stream;
            return result;
        }
        result.frames.emplace_back(stream.substr(0, chosen.keeps() ? size + width : size));
        stream.remove_prefix(size + width);
    }
}

void check_receiving(const parameters& chosen, bytes stream, bytes cuts)
{
    const delimited codec(chosen.delimiter, chosen.options);
    const decoded_stream expected = decode_by_definition(chosen, as_text(stream));
    CHECK(decode_all(codec, stream) == expected);
    CHECK(decode_all(codec, cut(stream, cuts)) == expected);

    std::string wire;
    for (const std::string& frame : expected.frames) {
        const auto encoded = encode_one(codec, as_bytes(frame));
        CHECK(encoded.has_value());
        wire += *encoded;
    }
    CHECK(as_text(stream).starts_with(wire));
    CHECK(expected.failure != error{} || as_text(stream) == wire + expected.rest);
}

/// A payload is refused, or the peer gets it as one frame; and it is not refused without need.
void check_sending(const parameters& chosen, bytes payload, bytes cuts)
{
    const delimited codec(chosen.delimiter, chosen.options);
    const std::string sent = libnet::to_string(payload);
    const bool terminated = chosen.keeps() && sent.ends_with(chosen.delimiter);
    const std::string wire = sent + (terminated ? "" : chosen.delimiter);
    const decoded_stream faithful{{chosen.keeps() ? wire : sent}, {}, {}, {}};
    const bool arrives = decode_by_definition(chosen, wire) == faithful;

    const auto encoded = encode_one(codec, payload);
    CHECK(encoded.has_value() == arrives);
    if (encoded) {
        CHECK(*encoded == wire);
        CHECK(decode_all(codec, cut(as_bytes(wire), cuts)) == faithful);
    } else {
        CHECK(encoded.error() == error::refused_payload ||
              encoded.error() == error::frame_too_large);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz_input input(data, size);
    const std::size_t form = input.byte();
    parameters chosen;
    chosen.delimiter = libnet::to_string(input.take(1 + form / 2 % 8));
    if (chosen.delimiter.empty()) {
        chosen.delimiter = "\n";
    }
    chosen.options.max_frame = limits[input.byte() % limits.size()];
    if (form % 2 != 0) {
        chosen.options.delimiter = delimited_options::delivery::keep;
    }
    const bytes cuts = input.take(input.byte() % 16);
    const auto stream = exact_copy(input.rest());
    check_receiving(chosen, stream, cuts);
    check_sending(chosen, stream, cuts);
    return 0;
}
