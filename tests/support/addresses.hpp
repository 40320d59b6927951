#pragma once

#include <libnet/core/ip_address.hpp>

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string_view>

namespace libnet::tests {

using namespace std::string_view_literals;

inline ip_address v4(unsigned char a, unsigned char b, unsigned char c, unsigned char d)
{
    const std::array<unsigned char, 4> octets{a, b, c, d};
    return ip_address(std::as_bytes(std::span(octets)));
}

/// The first groups, and the last one; zeroes in between, as `::` has it.
inline ip_address v6(std::initializer_list<unsigned> first, unsigned last)
{
    std::array<unsigned char, 16> octets{};
    std::size_t at = 0;
    for (const unsigned group : first) {
        octets[at++] = static_cast<unsigned char>(group >> 8);
        octets[at++] = static_cast<unsigned char>(group);
    }
    octets[14] = static_cast<unsigned char>(last >> 8);
    octets[15] = static_cast<unsigned char>(last);
    return ip_address(std::as_bytes(std::span(octets)));
}

}  // namespace libnet::tests
