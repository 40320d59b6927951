#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>

#include <array>
#include <compare>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace libnet {

/// The address of a machine as the network writes it, without a port. Without bytes it stands for
/// peers that have none: Unix sockets, streams in memory.
class LIBNET_ASIO_DECL ip_address {
public:
    ip_address() noexcept = default;

    /// 4 bytes or 16; any other number is no address. An IPv4 address that is mapped into IPv6
    /// (::ffff:192.0.2.1) is the IPv4 address, as which its owner counts.
    explicit ip_address(bytes octets) noexcept;

    /// Reads `192.0.2.1`, `2001:db8::1`, `::ffff:192.0.2.1`; no name, port, zone or brackets.
    ///
    /// Errors  invalid_endpoint.
    static result<ip_address> parse(std::string_view text);

    /// The form that parse() reads; of IPv6 the shortest (RFC 5952). Nothing if it is empty.
    std::string to_string() const;

    /// What it is: no address at all, one of IPv4, one of IPv6. A mapped one counts as IPv4.
    bool empty() const noexcept { return size_ == 0; }
    bool is_v4() const noexcept { return size_ == 4; }
    bool is_v6() const noexcept { return size_ == 16; }

    /// 4 or 16 bytes in the network's order, or none. Valid as long as this address.
    bytes octets() const noexcept { return {octets_.data(), size_}; }

    /// The network that it belongs to: its first `bits` bits, and zeroes. More bits than it has are
    /// all of them.
    ip_address network(unsigned bits) const noexcept;

    /// By family, then by bytes: the addresses of a network stand side by side.
    friend std::strong_ordering operator<=>(const ip_address& a, const ip_address& b) noexcept
    {
        return a.size_ != b.size_
                   ? a.size_ <=> b.size_
                   : std::memcmp(a.octets_.data(), b.octets_.data(), sizeof a.octets_) <=> 0;
    }
    friend bool operator==(const ip_address& a, const ip_address& b) noexcept
    {
        return a.size_ == b.size_ &&
               std::memcmp(a.octets_.data(), b.octets_.data(), sizeof a.octets_) == 0;
    }

private:
    unsigned char size_ = 0;
    std::array<std::byte, 16> octets_{};
};

}  // namespace libnet
