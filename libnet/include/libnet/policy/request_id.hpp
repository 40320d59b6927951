#pragma once

#include <libnet/core/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace libnet {

/// How an answer says which request it belongs to: by a number, big-endian, that it repeats.
struct request_id {
    /// Where the number is.
    enum class placement : unsigned char {
        before,  ///< of our own, in front of the message; the server sends it back in front of its answer
        inside,  ///< the first bytes of the message itself, as in DNS; what stood there is replaced
    };

    std::size_t width = 8;                ///< bytes, 1 to 8
    placement where = placement::before;  ///< the same in requests and in answers

    /// The numbers that there are, as a mask.
    std::uint64_t mask() const noexcept
    {
        return width >= 8 ? UINT64_MAX : (std::uint64_t{1} << (8 * width)) - 1;
    }

    /// The datagram of a message. A message inside of which the number is has room for it.
    std::string stamp(std::uint64_t number, bytes message) const
    {
        std::string datagram(where == placement::before ? width : 0, '\0');
        datagram += as_text(message);
        for (std::size_t i = width; i != 0; --i) {
            datagram[i - 1] = static_cast<char>(number & 0xFF);
            number >>= 8;
        }
        return datagram;
    }

    /// The number in a datagram; nothing if it is too short for one.
    std::optional<std::uint64_t> read(bytes datagram) const noexcept
    {
        if (datagram.size() < width) {
            return std::nullopt;
        }
        std::uint64_t number = 0;
        for (std::size_t i = 0; i < width; ++i) {
            number = number << 8 | std::to_integer<std::uint64_t>(datagram[i]);
        }
        return number;
    }

    /// What the datagram carries for whoever asked.
    bytes message(bytes datagram) const noexcept
    {
        return where == placement::before ? datagram.subspan(width) : datagram;
    }
};

}  // namespace libnet
