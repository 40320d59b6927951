#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/ip_address.hpp>
#include <libnet/core/result.hpp>

#include <compare>
#include <string>
#include <string_view>

namespace libnet {

/// The addresses that have their first bits in common: "10.0.0.0/8" (CIDR, RFC 4632). The one without
/// an address stands for peers that have none, those of Unix sockets.
class LIBNET_ASIO_DECL ip_network {
public:
    ip_network() noexcept = default;

    /// The network of `address`; more bits than it has are all of them.
    ip_network(const ip_address& address, unsigned bits) noexcept;

    /// Reads `10.0.0.0/8`, `2001:db8::/32`; an address alone is all of its bits; `unix` stands for
    /// peers without an address.
    ///
    /// Errors  invalid_endpoint; also for bits that are set behind the first ones (10.0.0.1/8), since
    ///         either the one or the other is a mistake.
    static result<ip_network> parse(std::string_view text);

    /// The form that parse() reads.
    std::string to_string() const;

    /// An IPv4 address that is mapped into IPv6 is the IPv4 address, so ::/0 does not contain it.
    bool contains(const ip_address& who) const noexcept;

    friend auto operator<=>(const ip_network&, const ip_network&) = default;

private:
    ip_address first_;
    unsigned bits_ = 0;
};

}  // namespace libnet
