#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/ip_address.hpp>

#include <compare>
#include <cstdint>
#include <string>

namespace libnet {

/// One end of a conversation as the network knows it: an address and a port. What an endpoint is
/// once its name has been looked up.
struct socket_address {
    ip_address address{};    ///< of IPv4 or IPv6
    std::uint16_t port = 0;  ///< 0: none, or whichever is free

    /// Which of the machine's links an IPv6 address of one link (fe80::/10) is on: the number of the
    /// interface. Zero for all others.
    std::uint32_t zone = 0;

    /// "192.0.2.1:9000", "[2001:db8::1]:9000", "[fe80::1%2]:9000".
    LIBNET_ASIO_DECL std::string to_string() const;

    friend auto operator<=>(const socket_address&, const socket_address&) = default;
};

}  // namespace libnet
