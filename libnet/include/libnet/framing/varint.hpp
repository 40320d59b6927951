#pragma once

#include <libnet/core/literals.hpp>
#include <libnet/framing/framing.hpp>

#include <cstdint>

namespace libnet {

/// How long a message may become.
struct varint_options {
    /// Longest payload in bytes, inclusive, in both directions.
    std::size_t max_frame = 1_MiB;
};

/// A length as a base-128 varint (LEB128), then so many bytes: Protocol Buffers' delimited messages,
/// what writeDelimitedTo() writes and parseDelimitedFrom() reads.
///
///     BEFORE                                         AFTER: two frames
///     +----+-------+-------+---------------------+   +-------+   +---------------------+
///     | 05 | Hello | AC 02 | ... 300 bytes ...   |   | Hello |   | ... 300 bytes ...   |
///     +----+-------+-------+---------------------+   +-------+   +---------------------+
///
/// Each byte of the length holds seven bits, the lowest first; its top bit says that more follow:
///
///     300 = 10 0101100b    1|0101100  0|0000010
///                             = AC       = 02
///
/// Lengths are sent as short as can be: 05. Received they may be longer, up to 10 bytes: 85 00 and
/// 85 80 00 are five as well, as for Protocol Buffers. An empty payload is a frame like any other.
///
/// Errors   frame_too_large as soon as the bytes of the length that have come say so, even if more
///          follow (receiving), or before a byte is sent (sending); malformed_frame: a length of
///          more than 10 bytes or 64 bits.
/// Cost     constant per call, no allocation.
class varint {
public:
    /// Throws nothing: every limit is possible.
    constexpr explicit varint(varint_options options = {}) noexcept : options_(options) {}

    /// What a framing has to have, see `framing`.
    decoded decode(bytes received) const noexcept
    {
        std::uint64_t length = 0;
        for (std::size_t i = 0; i < received.size(); ++i) {
            const auto digit = std::to_integer<std::uint64_t>(received[i]);
            if (i == longest_field - 1 && digit > 1) {  // an eleventh byte, or a 65th bit
                return decoded::failed(error::malformed_frame);
            }
            length |= (digit & 0x7F) << (7 * i);
            if (length > options_.max_frame) {  // what follows can only add to it
                return decoded::failed(error::frame_too_large);
            }
            if (digit < 0x80) {
                return decode_body(received, i + 1, static_cast<std::size_t>(length));
            }
        }
        return decoded::incomplete(received.size() + 1);
    }

    /// What a framing has to have: puts the length in front, in as few bytes as it needs.
    void encode(bytes payload, envelope& out) const noexcept
    {
        if (payload.size() > options_.max_frame) {
            out.refusal = error::frame_too_large;
            return;
        }
        std::uint64_t rest = payload.size();
        std::size_t width = 0;
        for (; rest >= 0x80; rest >>= 7) {
            out.scratch[width++] = static_cast<std::byte>(rest | 0x80);
        }
        out.scratch[width++] = static_cast<std::byte>(rest);
        out.head = {out.scratch.data(), width};
    }

private:
    static constexpr std::size_t longest_field = 10;  // 9 * 7 bits and one more

    static decoded decode_body(bytes received, std::size_t width, std::size_t size) noexcept
    {
        if (received.size() - width < size) {
            // Where the sum overflows it is cut down to "everything", which is only a hint.
            return decoded::incomplete(size > SIZE_MAX - width ? SIZE_MAX : width + size);
        }
        return decoded::frame(width, size, width + size);
    }

    varint_options options_;
};

}  // namespace libnet
