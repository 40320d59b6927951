#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace libnet {

/// A host and a port, as people write them. The host is a name or an address; it is not looked up
/// before somebody connects.
struct endpoint {
    std::string host;
    std::uint16_t port = 0;

    /// Reads `127.0.0.1:9000`, `[::1]:9000`, `example.org:443`. An empty host (`:9000`) means every
    /// interface, for listening.
    ///
    /// Errors  invalid_endpoint.
    LIBNET_ASIO_DECL static result<endpoint> parse(std::string_view text);

    /// The form that parse() reads; IPv6 addresses in brackets.
    LIBNET_ASIO_DECL std::string to_string() const;

    friend bool operator==(const endpoint&, const endpoint&) = default;
};

}  // namespace libnet
