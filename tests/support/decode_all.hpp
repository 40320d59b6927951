#pragma once

#include <libnet/core/result.hpp>
#include <libnet/framing/framing.hpp>
#include <libnet/framing/receive_buffer.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

namespace libnet::tests {

/// What a framing made of a stream.
struct decoded_stream {
    std::vector<std::string> frames;
    std::string rest;    // no whole frame; empty after a failure
    error failure{};     // the one that ended the stream
    std::string broken;  // the first rule that the framing or the buffer broke

    bool operator==(const decoded_stream&) const = default;
};

/// Feeds the pieces through a receive buffer to a framing, as a connection does, and watches the
/// rules that both have to keep.
template <framing F>
decoded_stream decode_all(F codec, std::span<const bytes> pieces)
{
    decoded_stream stream;
    receive_buffer buffer;
    std::size_t needed = 0;
    const auto rule = [&](bool kept, const char* text) {
        if (!kept && stream.broken.empty()) {
            stream.broken = text;
        }
    };

    const auto receive = [&](bytes piece) {
        const std::size_t before = buffer.capacity();
        const mutable_bytes room = buffer.prepare(needed);
        rule(!room.empty(), "there is always room");
        const std::size_t grown = 2 * buffer.size() + receive_buffer::largest_read;
        rule(buffer.capacity() <= std::max(before, grown), "memory grows as bytes arrive");
        const std::size_t count = std::min(room.size(), piece.size());
        std::ranges::copy(piece.first(count), room.begin());
        buffer.commit(count);
        return count;
    };

    const auto decode = [&] {
        while (!buffer.empty()) {
            const bytes data = buffer.data();
            const decoded found = codec.decode(data);
            switch (found.state) {
            case decoded::status::frame:
                rule(data.size() >= needed, "incomplete below `needed`");
                rule(found.consumed > 0, "a frame consumes something");
                rule(found.consumed <= data.size(), "consumed <= received");
                rule(found.offset <= found.consumed, "offset <= consumed");
                rule(found.size <= found.consumed - found.offset, "offset + size <= consumed");
                if (!stream.broken.empty()) {
                    return false;
                }
                stream.frames.push_back(to_string(data.subspan(found.offset, found.size)));
                buffer.consume(found.consumed);
                needed = 0;
                break;
            case decoded::status::incomplete:
                rule(found.needed > data.size(), "an incomplete frame needs more than there is");
                rule(found.needed >= needed, "`needed` does not shrink");
                needed = found.needed;
                return true;
            case decoded::status::failed:
                rule(data.size() >= needed, "incomplete below `needed`");
                rule(found.failure != error{}, "a failure says why");
                stream.failure = found.failure;
                return false;
            }
        }
        return true;
    };

    for (bytes piece : pieces) {
        while (!piece.empty()) {
            piece = piece.subspan(receive(piece));
            if (!decode()) {
                return stream;
            }
        }
    }
    stream.rest = to_string(buffer.data());
    return stream;
}

template <framing F>
decoded_stream decode_all(const F& codec, bytes whole)
{
    return decode_all(codec, std::span<const bytes>(&whole, 1));
}

/// The bytes that reach the wire for a payload, or why it is refused.
template <framing F>
result<std::string> encode_one(F codec, bytes payload)
{
    envelope parts;
    codec.encode(payload, parts);
    if (parts.refusal != error{}) {
        return parts.refusal;
    }
    return to_string(parts.head) + to_string(payload) + to_string(parts.tail);
}

}  // namespace libnet::tests
