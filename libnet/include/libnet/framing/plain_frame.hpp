#pragma once

#include <libnet/core/byte_order.hpp>
#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

/// The frames that most people have: 4 bytes of length, big-endian, and so much payload. What is done with
/// them is inlined where it is done, and the framing is asked for everything else.
///
///     | length | payload ... |
///     0        4          4 + length
namespace libnet::detail {

constexpr std::size_t plain_head = sizeof(std::uint32_t);

/// Which payloads are taken this way, by their size: from `least` on, `count` sizes. None if that is 0.
struct plain_sizes {
    std::size_t least = 0;
    std::size_t count = 0;

    constexpr bool has(std::size_t size) const noexcept { return size - least < count; }
};

/// How long the frame is that stands at the front; 0 if it is none of these, or not all of it is here.
LIBNET_ASIO_ALWAYS_INLINE std::size_t plain_frame_at(bytes received, plain_sizes sizes) noexcept
{
    if (received.size() < plain_head) {
        return 0;
    }
    std::uint32_t length;
    std::memcpy(&length, received.data(), plain_head);
    length = in_order(length, std::endian::big);
    return sizes.has(length) && length <= received.size() - plain_head ? plain_head + length : 0;
}

/// What it carries.
constexpr bytes plain_payload(bytes received, std::size_t whole) noexcept
{
    return {received.data() + plain_head, whole - plain_head};
}

/// Writes one where there is room for it; the payload is not empty.
LIBNET_ASIO_ALWAYS_INLINE void write_plain_frame(std::byte* at, bytes payload) noexcept
{
    const auto length = in_order(static_cast<std::uint32_t>(payload.size()), std::endian::big);
    std::memcpy(at, &length, plain_head);
    std::memcpy(at + plain_head, payload.data(), payload.size());
}

}  // namespace libnet::detail
