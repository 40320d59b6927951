#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/ip_address.hpp>
#include <libnet/core/ip_network.hpp>
#include <libnet/core/time.hpp>
#include <libnet/framing/proxy_header.hpp>

#include <chrono>
#include <cstddef>
#include <vector>

namespace libnet {

/// What a server behind a balancer expects first on each connection: a header of the PROXY protocol,
/// which says who the client is. Then that is its peer(), and what counts in max_per_address; the
/// balancer is in connection_info::proxy.
///
///     server_options options;
///     options.proxy = {.headers = proxy_protocol::required,
///                      .trusted = {ip_network::parse("10.0.0.0/24").value()}};
struct proxy_protocol {
    /// Whether a header is read.
    enum class use : unsigned char {
        off,       ///< the first bytes are the client's, whatever they are
        optional,  ///< a connection may begin with a header: while balancers change over
        required,  ///< every connection does
    };
    using enum use;

    use headers = use::off;  ///< off: whoever connects is the client

    /// Who may say so. A header names any address it likes, so from anybody else it is refused
    /// (`proxy_error::spoofed`), and where one is required nobody else is let in
    /// (`untrusted_source`). ip_network() stands for those who come to a Unix socket.
    std::vector<ip_network> trusted{};

    /// From accepting until the header is there, whole. Whoever has begun one, or has to send one, is
    /// ended then (`proxy_error::timeout`). Where it is optional, whoever has said nothing at all is
    /// taken to have none: so a client that waits for the server's first word waits for so long.
    duration header_timeout = std::chrono::seconds(3);

    /// Bytes of a header of version 2, TLVs included. Version 1 has 107 at most.
    std::size_t max_header = default_max_proxy_header;

    /// Whether a header is read.
    bool is_on() const noexcept { return headers != use::off; }

    /// Whether a header from `who` is believed.
    LIBNET_ASIO_DECL bool trusts(const ip_address& who) const noexcept;
};

}  // namespace libnet
