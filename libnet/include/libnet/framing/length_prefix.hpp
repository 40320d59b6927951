#pragma once

#include <libnet/core/byte_order.hpp>
#include <libnet/core/literals.hpp>
#include <libnet/framing/framing.hpp>

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace libnet {

/// The form of the length field, and how long a message may become.
struct length_prefix_options {
    /// What the length field counts.
    enum class counts {
        payload,  ///< what follows the length field
        message,  ///< the whole message, from its first byte on
    };

    /// The longest that is handed out or sent, in bytes, inclusive: the payload, or with an offset
    /// the whole message.
    std::size_t max_frame = 1_MiB;

    /// Bytes of the length field: 1, 2, 4 or 8.
    std::size_t width = 4;

    std::endian order = std::endian::big;  ///< of the bytes of the length field

    /// What the length counts.
    counts length = counts::payload;

    /// Bytes before the length field: your own header, with a type, flags, ...
    std::size_t offset = 0;
};

/// A length, then so many bytes.
///
///     BEFORE (width 4, big-endian)                AFTER: two frames
///     +-------------+-------+-------------+---+   +-------+   +---+
///     | 00 00 00 05 | Hello | 00 00 00 01 | ! |   | Hello |   | ! |
///     +-------------+-------+-------------+---+   +-------+   +---+
///       counts::message:
///     | 00 00 00 09 | Hello | 00 00 00 05 | ! |
///
/// An empty payload is a frame like any other.
///
/// With an offset there is a header of your own before the length, and its bytes mean something. So
/// receive() hands out the whole message, and the whole message is sent: put it together with room
/// for the length, let set_length() fill that in, send it.
///
///     BEFORE (offset 2, width 2)                  AFTER: two frames
///     +-------+-------+-------+-------+-------+   +-----------------------+   +---------------+
///     | 01 00 | 00 05 | Hello | 02 80 | 00 00 |   | 01 00   00 05   Hello |   | 02 80   00 00 |
///     +-------+-------+-------+-------+-------+   +-----------------------+   +---------------+
///       counts::message:
///     | 01 00 | 00 09 | Hello | 02 80 | 00 04 |
///
/// Errors   frame_too_large as soon as the length field has arrived (receiving), or before a byte
///          is sent (sending: above max_frame, or more than the field can count); malformed_frame:
///          a length that does not even count the field itself and what stands before it;
///          refused_payload (sending with an offset: the length in it is not what it has to be).
/// Cost     constant per call, no allocation.
class length_prefix {
public:
    /// Throws std::invalid_argument for a width other than 1, 2, 4 or 8, and where max_frame or the
    /// greatest length are below what stands before the payload, so that nothing could be sent.
    constexpr explicit length_prefix(length_prefix_options options = {}) : options_(options)
    {
        if (options.width != 1 && options.width != 2 && options.width != 4 && options.width != 8) {
            throw std::invalid_argument("length_prefix: width must be 1, 2, 4 or 8");
        }
        if (is_whole() && (options.max_frame < options.width ||
                           options.offset > options.max_frame - options.width)) {
            throw std::invalid_argument("length_prefix: max_frame must hold offset and width");
        }
        head_ = options.offset + options.width;
        counted_ = options.length == length_prefix_options::counts::message ? head_ : 0;
        if (counted_ > largest()) {
            throw std::invalid_argument("length_prefix: the field must hold offset and width");
        }
        left_out_ = is_whole() ? 0 : head_;
        const std::uint64_t allowed = is_whole() ? options.max_frame - head_ : options.max_frame;
        const std::uint64_t possible = largest() - counted_;
        largest_body_ = allowed < possible ? allowed : possible;
    }

    /// What a framing has to have, see `framing`.
    decoded decode(bytes received) const noexcept
    {
        if (received.size() < head_) {
            return decoded::incomplete(head_);
        }
        const std::uint64_t length = read(received.data() + options_.offset);
        const std::uint64_t body = length - counted_;  // below 0 it is above any largest_body_
        if (body > largest_body_) {
            return decoded::failed(length < counted_ ? error::malformed_frame
                                                     : error::frame_too_large);
        }
        const auto size = static_cast<std::size_t>(body);
        if (received.size() - head_ < size) {
            // No overflow: received.size() exceeds no address space, and max_frame + 8 that would
            // is cut down to "everything", which is only a hint.
            return decoded::incomplete(size > SIZE_MAX - head_ ? SIZE_MAX : head_ + size);
        }
        const std::size_t whole = head_ + size;
        return decoded::frame(left_out_, whole - left_out_, whole);
    }

    /// What a framing has to have: puts the length in front, or checks the one that is inside.
    void encode(bytes payload, envelope& out) const noexcept
    {
        if (is_whole()) {
            out.refusal = judge(payload);
            return;
        }
        if (payload.size() > largest_body_) {
            out.refusal = error::frame_too_large;
            return;
        }
        write(payload.size() + counted_, out.scratch.data());
        out.head = {out.scratch.data(), options_.width};
    }

    /// With an offset: writes the length of a whole message into its length field.
    ///
    /// Throws std::invalid_argument without an offset, where send() adds the field, and for a
    /// message that ends before its length field does; std::length_error for one that is longer
    /// than max_frame or than the field can count.
    void set_length(mutable_bytes message) const
    {
        if (!is_whole()) {
            throw std::invalid_argument("length_prefix: without an offset send() adds the length");
        }
        if (message.size() < head_) {
            throw std::invalid_argument("length_prefix: the message has no room for its length");
        }
        if (message.size() - head_ > largest_body_) {
            throw std::length_error("length_prefix: the message is too long");
        }
        write(message.size() - head_ + counted_, message.data() + options_.offset);
    }

    /// For connections: the longest payload of plain frames; 0 where they look different. Nobody can tell of a class that derives from this one.
    template <std::same_as<length_prefix> Framing>
    friend std::size_t plain_most_of(const Framing& f) noexcept
    {
        const bool is_plain = f.options_.width == 4 && f.options_.order == std::endian::big &&
                              f.counted_ == 0 && !f.is_whole();
        return is_plain ? static_cast<std::size_t>(f.largest_body_) : 0;
    }

private:
    /// Whether messages are handed out and sent with their header and length.
    constexpr bool is_whole() const noexcept { return options_.offset != 0; }

    /// Why a whole message cannot be sent; nothing if it can.
    error judge(bytes message) const noexcept
    {
        if (message.size() < head_) {
            return error::refused_payload;
        }
        const std::size_t body = message.size() - head_;
        if (body > largest_body_) {
            return error::frame_too_large;
        }
        const bool right = read(message.data() + options_.offset) == body + counted_;
        return right ? error{} : error::refused_payload;
    }

    /// The greatest length that the field can hold.
    constexpr std::uint64_t largest() const noexcept
    {
        return options_.width == 8 ? UINT64_MAX : (std::uint64_t{1} << (8 * options_.width)) - 1;
    }

    std::uint64_t read(const std::byte* field) const noexcept
    {
        switch (options_.width) {
        case 1: return read_as<std::uint8_t>(field);
        case 2: return read_as<std::uint16_t>(field);
        case 4: return read_as<std::uint32_t>(field);
        default: return read_as<std::uint64_t>(field);
        }
    }

    void write(std::uint64_t value, std::byte* field) const noexcept
    {
        switch (options_.width) {
        case 1: return write_as<std::uint8_t>(value, field);
        case 2: return write_as<std::uint16_t>(value, field);
        case 4: return write_as<std::uint32_t>(value, field);
        default: return write_as<std::uint64_t>(value, field);
        }
    }

    template <class Field>
    std::uint64_t read_as(const std::byte* field) const noexcept
    {
        Field value;
        std::memcpy(&value, field, sizeof value);
        return detail::in_order(value, options_.order);
    }

    template <class Field>
    void write_as(std::uint64_t length, std::byte* field) const noexcept
    {
        const Field value = detail::in_order(static_cast<Field>(length), options_.order);
        std::memcpy(field, &value, sizeof value);
    }

    length_prefix_options options_;

    // What follows from the options, so that decode() need not ask which form it is.
    std::size_t head_ = 0;            // bytes before the body
    std::size_t counted_ = 0;         // how many of them the length counts
    std::size_t left_out_ = 0;        // how many of them are not handed out
    std::uint64_t largest_body_ = 0;  // by max_frame and by what the field can hold
};

}  // namespace libnet
