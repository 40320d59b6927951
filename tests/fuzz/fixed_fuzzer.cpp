// Input: size, number of cuts, cuts, stream.

#include "../support/decode_all.hpp"
#include "fuzzing.hpp"

#include <libnet/framing/fixed.hpp>

#include <cstdint>
#include <string>

namespace {

using namespace libnet::tests;
using libnet::as_bytes;
using libnet::bytes;
using libnet::error;
using libnet::fixed;

/// The same by definition: byte by byte into the frame that is not full yet.
decoded_stream decode_by_definition(std::size_t size, bytes stream)
{
    decoded_stream result;
    for (const char byte : libnet::as_text(stream)) {
        result.rest += byte;
        if (result.rest.size() == size) {
            result.frames.push_back(result.rest);
            result.rest.clear();
        }
    }
    return result;
}

void check_receiving(std::size_t size, bytes stream, bytes cuts)
{
    const fixed codec(size);
    const decoded_stream expected = decode_by_definition(size, stream);
    CHECK(decode_all(codec, stream) == expected);
    CHECK(decode_all(codec, cut(stream, cuts)) == expected);

    std::string wire;
    for (const std::string& frame : expected.frames) {
        wire += encode_one(codec, as_bytes(frame)).value();
    }
    CHECK(libnet::as_text(stream) == wire + expected.rest);
}

void check_sending(std::size_t size, bytes payload)
{
    const auto wire = encode_one(fixed(size), payload);
    CHECK(wire.has_value() == (payload.size() == size));
    CHECK(wire ? *wire == libnet::as_text(payload) : wire.error() == error::refused_payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz_input input(data, size);
    const std::size_t frame = 1 + input.byte();
    const bytes cuts = input.take(input.byte() % 16);
    const auto stream = exact_copy(input.rest());
    check_receiving(frame, stream, cuts);
    check_sending(frame, stream);
    return 0;
}
