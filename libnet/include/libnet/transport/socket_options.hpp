#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/literals.hpp>
#include <libnet/core/time.hpp>

#include <cstddef>
#include <optional>

namespace libnet {

/// When the kernel looks whether a silent peer is still there.
struct tcp_keep_alive {
    std::chrono::seconds after{60};     ///< silence before the first probe (TCP_KEEPIDLE)
    std::chrono::seconds interval{10};  ///< between probes (TCP_KEEPINTVL)
    int probes = 3;  ///< unanswered ones before the connection ends (TCP_KEEPCNT)
};

/// What is asked of the kernel for each TCP socket. The defaults are those that servers want.
struct socket_options {
    /// SO_REUSEADDR on listening sockets: a restart need not wait for TIME_WAIT to pass.
    bool reuse_address = true;

    /// TCP_NODELAY: small messages leave at once. libnet gathers neighbours itself, so Nagle's
    /// algorithm would only add a round trip.
    bool no_delay = true;

    /// SO_KEEPALIVE: a peer that vanished is noticed after 60 s + 3 x 10 s. Empty: never.
    std::optional<tcp_keep_alive> keep_alive = tcp_keep_alive{};

    /// TCP_USER_TIMEOUT: how long sent data may stay unacknowledged. It overrides keep-alive's
    /// count, so it has to agree with it: 90 s. Zero: the kernel's own 15 minutes.
    std::chrono::milliseconds user_timeout = std::chrono::seconds(90);

    /// Connections that have come and are not accepted yet; the kernel caps it at somaxconn.
    int backlog = 4096;

    /// SO_SNDBUF and SO_RCVBUF in bytes. Empty: the kernel tunes them itself, which is better
    /// unless memory has to be bounded.
    std::optional<std::size_t> send_buffer = std::nullopt;
    std::optional<std::size_t> receive_buffer = std::nullopt;

    /// IPV6_V6ONLY on an IPv6 listener. Empty: only where the host is an explicit address, so that
    /// `[::1]:9000` and `127.0.0.1:9000` can be served side by side and `[::]` serves both kinds.
    std::optional<bool> v6_only = std::nullopt;
};

}  // namespace libnet
