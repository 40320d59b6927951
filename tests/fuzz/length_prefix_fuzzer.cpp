// Input: width and order, limit, number of cuts, cuts, stream.

#include "../support/decode_all.hpp"
#include "fuzzing.hpp"

#include <libnet/framing/length_prefix.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <string>

namespace {

using namespace libnet::tests;
using libnet::as_bytes;
using libnet::bytes;
using libnet::error;
using libnet::length_prefix;
using libnet::length_prefix_options;

constexpr std::array<std::size_t, 8> limits{0, 1, 5, 255, 256, 4096, 1 << 20, SIZE_MAX};

std::string encode_all(const length_prefix& codec, const decoded_stream& stream)
{
    std::string wire;
    for (const std::string& frame : stream.frames) {
        const auto encoded = encode_one(codec, as_bytes(frame));
        CHECK(encoded.has_value());
        wire += *encoded;
    }
    return wire;
}

/// What the field at the front of `stream` says, read independently of the codec.
std::uint64_t announced(bytes stream, const length_prefix_options& options)
{
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < options.width; ++i) {
        const std::size_t significance =
            options.order == std::endian::big ? options.width - 1 - i : i;
        length |= std::to_integer<std::uint64_t>(stream[i]) << (8 * significance);
    }
    return length;
}

void check_receiving(const length_prefix_options& options, bytes stream, bytes cuts)
{
    const length_prefix codec(options);
    const decoded_stream whole = decode_all(codec, stream);
    CHECK(whole.broken.empty());
    CHECK(decode_all(codec, cut(stream, cuts)) == whole);

    for (const std::string& frame : whole.frames) {
        CHECK(frame.size() <= options.max_frame);
    }
    // The frames are what stands on the wire, and what follows them is no frame yet, or none ever.
    const std::string wire = encode_all(codec, whole);
    CHECK(libnet::as_text(stream).starts_with(wire));
    const bytes behind = stream.subspan(wire.size());
    if (whole.failure == error{}) {
        CHECK(libnet::as_text(behind) == whole.rest);
        CHECK(behind.size() < options.width ||
              announced(behind, options) > behind.size() - options.width);
    } else {
        CHECK(whole.failure == error::frame_too_large);
        CHECK(behind.size() >= options.width && announced(behind, options) > options.max_frame);
    }
}

void check_sending(const length_prefix_options& options, bytes payload, bytes cuts)
{
    const length_prefix codec(options);
    const auto wire = encode_one(codec, payload);
    const bool countable = options.width > 2 || payload.size() < std::size_t{1}
                                                                     << 8 * options.width;
    CHECK(wire.has_value() == (payload.size() <= options.max_frame && countable));
    if (wire) {
        const decoded_stream received = decode_all(codec, cut(as_bytes(*wire), cuts));
        CHECK(received == decoded_stream{{libnet::to_string(payload)}, {}, {}, {}});
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz_input input(data, size);
    const std::size_t form = input.byte();
    const length_prefix_options options{
        .max_frame = limits[input.byte() % limits.size()],
        .width = std::size_t{1} << form % 4,
        .order = form & 4 ? std::endian::little : std::endian::big,
    };
    const bytes cuts = input.take(input.byte() % 16);
    const auto stream = exact_copy(input.rest());
    check_receiving(options, stream, cuts);
    check_sending(options, stream, cuts);
    return 0;
}
