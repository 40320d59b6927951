#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace libnet {

/// Where to listen or to connect to, as people write it: a host and a port, or the path of a Unix
/// socket. The host is a name or an address; it is not looked up before somebody connects.
struct endpoint {
    std::string host;        ///< a name or an address; empty: every interface
    std::uint16_t port = 0;  ///< 0, for listening: whichever is free

    /// Of a Unix socket; then host and port mean nothing. `@name` is one of Linux's abstract names,
    /// which have no file.
    std::string path{};

    /// Whether it is a Unix socket.
    bool is_unix() const noexcept { return !path.empty(); }

    /// Reads `127.0.0.1:9000`, `[::1]:9000`, `example.org:443`, `unix:/run/service.sock`,
    /// `unix:@name`. An empty host (`:9000`) means every interface, for listening.
    ///
    /// Errors  invalid_endpoint.
    LIBNET_ASIO_DECL static result<endpoint> parse(std::string_view text);

    /// The form that parse() reads; IPv6 addresses in brackets.
    LIBNET_ASIO_DECL std::string to_string() const;

    friend bool operator==(const endpoint&, const endpoint&) = default;
};

}  // namespace libnet
