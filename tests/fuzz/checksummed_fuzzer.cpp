// Input: framing inside, a byte to damage and how, number of cuts, cuts, stream. The stream is
// received as it is; and it is sent in messages, each behind a byte with its size, and received
// with the damage.

#include "../support/decode_all.hpp"
#include "fuzzing.hpp"

#include <libnet/framing/any_framing.hpp>
#include <libnet/framing/checksummed.hpp>
#include <libnet/framing/delimited.hpp>
#include <libnet/framing/fixed.hpp>
#include <libnet/framing/length_prefix.hpp>
#include <libnet/framing/varint.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace libnet::tests;
using libnet::any_framing;
using libnet::as_bytes;
using libnet::bytes;
using libnet::checksummed;
using libnet::decoded;
using libnet::error;

constexpr std::size_t max_frame = 200;

any_framing framing_of(std::size_t choice)
{
    switch (choice % 6) {
    case 0: return libnet::length_prefix({.max_frame = max_frame, .width = 1});
    case 1: return libnet::length_prefix({.max_frame = max_frame, .width = 2, .offset = 2});
    case 2: return libnet::delimited("\n", {.max_frame = max_frame});
    case 3: return libnet::delimited("abcdefghijkl", {.max_frame = max_frame});
    case 4: return libnet::varint({.max_frame = max_frame});
    default: return libnet::fixed(5);
    }
}

/// The checksum by its definition, bit by bit.
std::string checksum(bytes data)
{
    std::uint32_t rest = 0xFFFFFFFF;
    for (const std::byte byte : data) {
        rest ^= std::to_integer<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit) {
            rest = rest >> 1 ^ (rest % 2 != 0 ? 0x82F63B78 : 0);
        }
    }
    std::string text;
    for (const int place : {24, 16, 8, 0}) {
        text += static_cast<char>(~rest >> place & 0xFF);
    }
    return text;
}

/// The same by definition: a frame of the framing inside, which looks at it for the first time, and
/// its checksum.
decoded_stream decode_by_definition(const any_framing& inside, bytes stream)
{
    decoded_stream result;
    while (!stream.empty()) {
        any_framing fresh = inside;
        const decoded found = fresh.decode(stream);
        if (found.state == decoded::status::failed) {
            result.failure = found.failure;
            return result;
        }
        if (found.state == decoded::status::incomplete || stream.size() - found.consumed < 4) {
            break;
        }
        const std::string sum = libnet::to_string(stream.subspan(found.consumed, 4));
        if (sum != checksum(stream.first(found.consumed))) {
            result.failure = error::checksum_mismatch;
            return result;
        }
        result.frames.push_back(libnet::to_string(stream.subspan(found.offset, found.size)));
        stream = stream.subspan(found.consumed + 4);
    }
    result.rest = libnet::to_string(stream);
    return result;
}

void check_receiving(const any_framing& inside, bytes stream, bytes cuts)
{
    const checksummed<any_framing> codec(inside);
    const decoded_stream expected = decode_by_definition(inside, stream);
    CHECK(decode_all(codec, stream) == expected);
    CHECK(decode_all(codec, cut(stream, cuts)) == expected);
}

/// What goes on the wire for the messages in the stream; and that it arrives.
std::string check_sending(const any_framing& inside, bytes stream, bytes cuts)
{
    const checksummed<any_framing> codec(inside);
    decoded_stream sent;
    std::string wire;
    for (fuzz_input messages(reinterpret_cast<const std::uint8_t*>(stream.data()), stream.size());
         !messages.empty();) {
        const auto payload = exact_copy(messages.take(messages.byte()));
        const auto without = encode_one(inside, payload);
        const auto with = encode_one(codec, payload);
        CHECK(with.has_value() == without.has_value());
        if (!with) {
            CHECK(with.error() == without.error());
            continue;
        }
        CHECK(*with == *without + checksum(as_bytes(*without)));
        wire += *with;
        sent.frames.push_back(libnet::to_string(payload));
    }
    CHECK(decode_all(codec, cut(as_bytes(wire), cuts)) == sent);
    return wire;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz_input input(data, size);
    const any_framing inside = framing_of(input.byte());
    const std::size_t place = input.byte();
    const std::size_t damage = input.byte();
    const bytes cuts = input.take(input.byte() % 16);
    const auto stream = exact_copy(input.rest());
    check_receiving(inside, stream, cuts);

    std::string wire = check_sending(inside, stream, cuts);
    if (place < wire.size()) {
        wire[place] = static_cast<char>(wire[place] ^ damage);
        check_receiving(inside, as_bytes(wire), cuts);
    }
    return 0;
}
