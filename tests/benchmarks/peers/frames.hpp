#pragma once

/// What the peers that are written by hand on other libraries have in common: the whole frames at the
/// front of a buffer, of 4-byte length-prefixed messages.

#include <arpa/inet.h>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace bench {

/// How many bytes at the front are whole frames.
inline std::size_t whole_frames(const char* data, std::size_t size)
{
    std::size_t at = 0;
    while (size - at >= 4) {
        std::uint32_t length;
        std::memcpy(&length, data + at, 4);
        length = ntohl(length);
        if (size - at - 4 < length) {
            break;
        }
        at += 4 + length;
    }
    return at;
}

/// How long the frame at the front is, or 4 if that is not known yet.
inline std::size_t frame_size(const char* data, std::size_t size)
{
    std::uint32_t length = 0;
    if (size >= 4) {
        std::memcpy(&length, data, 4);
        length = ntohl(length);
    }
    return std::size_t{4} + length;
}

}  // namespace bench
