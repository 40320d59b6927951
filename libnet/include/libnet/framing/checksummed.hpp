#pragma once

#include <libnet/framing/crc32c.hpp>
#include <libnet/framing/framing.hpp>
#include <libnet/framing/raw.hpp>

#include <concepts>
#include <cstdint>
#include <string>
#include <utility>

namespace libnet {

/// Another framing with a checksum behind each of its frames: CRC-32C, 4 bytes, big-endian, of all
/// that the other framing puts on the wire.
///
///     BEFORE (checksummed(length_prefix()))                 AFTER: one frame
///     +-------------+-------+-------------+----------       +-------+
///     | 00 00 00 05 | Hello | 22 8B 4C E3 | the next        | Hello |
///     +-------------+-------+-------------+----------       +-------+
///     |<---- of all this -->| the checksum
///
/// TCP's own checksum has 16 bits and ends at every machine that takes the bytes out of one
/// connection and puts them into another; this one is from end to end. It finds accidents, not
/// attackers: whoever can change a frame can change its checksum.
///
/// What is inside must know where its frames end, so `raw` cannot be; one that an any_framing hides
/// is found out by its first checksum.
///
/// Errors   checksum_mismatch: the connection ends, since after a damaged length nobody knows where
///          the next frame begins. All others are those of the framing inside, limits as well.
/// Cost     every byte is looked at once more, when its frame is whole and when it is sent; no
///          allocation, unless the framing inside has a tail of more than 11 bytes: then one.
template <framing F>
class checksummed {
    static_assert(!std::same_as<F, raw>, "checksummed: a frame of raw is whatever has arrived, so "
                                         "nobody could tell where its checksum begins");

public:
    // Only what F itself is: a conversion to any_framing would ask whether this is a framing.
    /// Adds four bytes of checksum to the messages of `inner`.
    template <std::same_as<F> Inner>
    explicit checksummed(Inner inner) : inner_(std::move(inner))
    {
    }

    /// What a framing has to have, see `framing`.
    decoded decode(bytes received)
    {
        if (found_.state != decoded::status::frame) {
            const decoded found = inner_.decode(received);
            if (found.state != decoded::status::frame) {
                return found;
            }
            // It may be the user's own: a frame that consumes nothing would be one with a checksum.
            if (found.consumed == 0 || found.consumed > received.size()) {
                return decoded::failed(error::malformed_frame);
            }
            found_ = found;
        }
        if (received.size() < found_.consumed + width) {
            return decoded::incomplete(found_.consumed + width);
        }
        const decoded found = std::exchange(found_, {});
        if (crc32c(received.first(found.consumed)) != read(received.subspan(found.consumed))) {
            return decoded::failed(error::checksum_mismatch);
        }
        return decoded::frame(found.offset, found.size, found.consumed + width);
    }

    /// What a framing has to have: encloses a payload and appends its checksum.
    void encode(bytes payload, envelope& out)
    {
        inner_.encode(payload, out);
        if (out.refusal != error{}) {
            return;
        }
        const std::uint32_t sum = crc32c(out.tail, crc32c(payload, crc32c(out.head)));
        tail_.assign(as_text(out.tail));
        for (std::size_t i = 0; i < width; ++i) {
            tail_.push_back(static_cast<char>(sum >> (8 * (width - 1 - i)) & 0xFF));
        }
        out.tail = as_bytes(tail_);
    }

private:
    static constexpr std::size_t width = 4;

    static std::uint32_t read(bytes field) noexcept
    {
        std::uint32_t sum = 0;
        for (std::size_t i = 0; i < width; ++i) {
            sum = sum << 8 | std::to_integer<std::uint32_t>(field[i]);
        }
        return sum;
    }

    F inner_;
    decoded found_;     // the frame inside, while it is whole and its checksum is not
    std::string tail_;  // of the framing inside, and the checksum: one view
};

/// `checksummed(length_prefix{})` knows its type.
template <class F>
checksummed(F) -> checksummed<F>;

}  // namespace libnet
