#pragma once

#include <libnet/core/error.hpp>
#include <libnet/core/time.hpp>
#include <libnet/transport/kernel_statistics.hpp>
#include <libnet/transport/proxy_info.hpp>
#include <libnet/transport/security_info.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace libnet {

/// What is known of a connection.
struct connection_info {
    std::string peer;                     ///< "127.0.0.1:50412"
    std::string local;                    ///< "127.0.0.1:9000"
    time_point opened;                    ///< on the loop's clock
    std::uint64_t bytes_received = 0;     ///< with framing
    std::uint64_t bytes_sent = 0;         ///< with framing, handed to the kernel
    std::uint64_t messages_received = 0;  ///< handed out
    std::uint64_t messages_sent = 0;      ///< accepted
    /// Given to send() and never sent, because the framing cannot carry them; and why, the last time.
    std::uint64_t messages_refused = 0;
    error_code refusal;

    /// Accepted and never sent, or not even accepted, because the peer did not keep up.
    std::uint64_t messages_dropped = 0;

    duration age{};  ///< since it was opened
    /// Since bytes last moved in either direction; 0 while the session works on what came.
    duration idle{};
    std::optional<duration> round_trip;  ///< of the last heartbeat that was answered

    std::size_t unread = 0;  ///< received and not handed out
    std::size_t unsent = 0;  ///< accepted and not handed to the kernel
    std::size_t memory = 0;  ///< bytes of buffers that it holds

    /// What the kernel knows of it now: its queues, round trips, retransmissions. Nothing for what is
    /// no socket, and for one that has been closed.
    std::optional<kernel_statistics> kernel;

    /// TLS: version, cipher, and whom the peer's certificate names. Nothing without TLS.
    std::optional<security_info> security;

    /// The balancer through which it came, and all that it said of the client, who is the `peer`.
    /// Nothing if there was no header of the PROXY protocol.
    std::optional<proxy_info> proxy;

    error_code ended;  ///< its first failure
};

}  // namespace libnet
