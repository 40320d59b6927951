#pragma once

#include <libnet/core/literals.hpp>
#include <libnet/framing/framing.hpp>

#include <bit>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace libnet {

struct length_prefix_options {
    /// Longest payload in bytes, inclusive, in both directions.
    std::size_t max_frame = 1_MiB;

    /// Bytes of the length field: 1, 2, 4 or 8.
    std::size_t width = 4;

    std::endian order = std::endian::big;
};

/// A length, then so many bytes. The length counts the payload alone.
///
///     BEFORE (width 4, big-endian)                AFTER: two frames
///     +-------------+-------+-------------+---+   +-------+   +---+
///     | 00 00 00 05 | Hello | 00 00 00 01 | ! |   | Hello |   | ! |
///     +-------------+-------+-------------+---+   +-------+   +---+
///
/// An empty payload is a frame like any other.
///
/// Errors   frame_too_large as soon as the length field has arrived (receiving), or before a byte
///          is sent (sending: above max_frame, or more than the field can count).
/// Cost     constant per call, no allocation.
class length_prefix {
public:
    /// Throws std::invalid_argument for a width other than 1, 2, 4 or 8.
    constexpr explicit length_prefix(length_prefix_options options = {}) : options_(options)
    {
        if (options.width != 1 && options.width != 2 && options.width != 4 && options.width != 8) {
            throw std::invalid_argument("length_prefix: width must be 1, 2, 4 or 8");
        }
    }

    decoded decode(bytes received) const noexcept
    {
        const std::size_t width = options_.width;
        if (received.size() < width) {
            return decoded::incomplete(width);
        }
        const std::uint64_t length = read(received.data());
        if (length > options_.max_frame) {
            return decoded::failed(error::frame_too_large);
        }
        const auto size = static_cast<std::size_t>(length);
        if (received.size() - width < size) {
            // No overflow: received.size() exceeds no address space, and max_frame + 8 that would
            // is cut down to "everything", which is only a hint.
            return decoded::incomplete(size > SIZE_MAX - width ? SIZE_MAX : width + size);
        }
        return decoded::frame(width, size, width + size);
    }

    void encode(bytes payload, envelope& out) const noexcept
    {
        if (payload.size() > options_.max_frame || payload.size() > largest()) {
            out.refusal = error::frame_too_large;
            return;
        }
        write(payload.size(), out.scratch.data());
        out.head = {out.scratch.data(), options_.width};
    }

private:
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
        return options_.order == std::endian::native ? value : reversed(value);
    }

    template <class Field>
    void write_as(std::uint64_t length, std::byte* field) const noexcept
    {
        auto value = static_cast<Field>(length);
        value = options_.order == std::endian::native ? value : reversed(value);
        std::memcpy(field, &value, sizeof value);
    }

    /// std::byteswap of C++23; compilers see that it is one instruction.
    template <class Field>
    static constexpr Field reversed(Field value) noexcept
    {
        std::uint64_t result = 0;
        for (std::size_t i = 0; i < sizeof(Field); ++i) {
            result |= (static_cast<std::uint64_t>(value) >> (8 * i) & 0xff)
                      << (8 * (sizeof(Field) - 1 - i));
        }
        return static_cast<Field>(result);
    }

    length_prefix_options options_;
};

}  // namespace libnet
