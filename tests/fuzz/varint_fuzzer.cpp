// Input: limit, number of cuts, cuts, stream.

#include "../support/decode_all.hpp"
#include "fuzzing.hpp"

#include <libnet/framing/varint.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace {

using namespace libnet::tests;
using libnet::as_bytes;
using libnet::bytes;
using libnet::error;
using libnet::varint;

constexpr std::array<std::size_t, 8> limits{0, 1, 5, 127, 128, 300, 1 << 20, SIZE_MAX};

bool more_follow(std::byte digit)
{
    return (digit & std::byte{0x80}) != std::byte{};
}

/// The number that the first digits make: its bits as text, the highest first, without zeros before.
std::string bits_of(bytes digits)
{
    std::string bits;
    for (const std::byte digit : digits) {
        std::string seven;
        for (int place = 6; place >= 0; --place) {
            seven += (digit >> place & std::byte{1}) != std::byte{} ? '1' : '0';
        }
        bits.insert(0, seven);
    }
    return bits.substr(std::min(bits.find('1'), bits.size()));
}

/// The same by definition, without a thought for cuts or cost.
decoded_stream decode_by_definition(std::size_t limit, bytes stream)
{
    decoded_stream result;
    const auto failed = [&](error why) {
        result.rest.clear();
        result.failure = why;
        return result;
    };
    for (;;) {
        result.rest = libnet::to_string(stream);
        std::size_t width = 0;
        std::uint64_t length = 0;
        do {
            if (width == stream.size()) {
                return result;
            }
            ++width;
            const std::string bits = bits_of(stream.first(width));
            if (bits.size() > 64 || (width == 10 && more_follow(stream[9]))) {
                return failed(error::malformed_frame);
            }
            length = bits.empty() ? 0 : std::stoull(bits, nullptr, 2);
            if (length > limit) {
                return failed(error::frame_too_large);
            }
        } while (more_follow(stream[width - 1]));
        if (stream.size() - width < length) {
            return result;
        }
        const auto size = static_cast<std::size_t>(length);
        result.frames.push_back(libnet::to_string(stream.subspan(width, size)));
        stream = stream.subspan(width + size);
    }
}

void check_receiving(std::size_t limit, bytes stream, bytes cuts)
{
    const varint codec({.max_frame = limit});
    const decoded_stream expected = decode_by_definition(limit, stream);
    CHECK(decode_all(codec, stream) == expected);
    CHECK(decode_all(codec, cut(stream, cuts)) == expected);
}

void check_sending(std::size_t limit, bytes payload, bytes cuts)
{
    const varint codec({.max_frame = limit});
    const auto wire = encode_one(codec, payload);
    CHECK(wire.has_value() == (payload.size() <= limit));
    if (!wire) {
        CHECK(wire.error() == error::frame_too_large);
        return;
    }
    const decoded_stream faithful{{libnet::to_string(payload)}, {}, {}, {}};
    CHECK(decode_by_definition(limit, as_bytes(*wire)) == faithful);
    CHECK(decode_all(codec, cut(as_bytes(*wire), cuts)) == faithful);
    // As short as can be: the last digit of the length is not 0, unless it is the only one.
    const std::size_t width = wire->size() - payload.size();
    CHECK(width == 1 || as_bytes(*wire)[width - 1] != std::byte{});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz_input input(data, size);
    const std::size_t limit = limits[input.byte() % limits.size()];
    const bytes cuts = input.take(input.byte() % 16);
    const auto stream = exact_copy(input.rest());
    check_receiving(limit, stream, cuts);
    check_sending(limit, stream, cuts);
    return 0;
}
