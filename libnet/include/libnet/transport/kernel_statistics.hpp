#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/time.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace libnet {

/// What the kernel knows of a socket, as of now. What this kernel, or this kind of socket, does not
/// tell is empty.
struct kernel_statistics {
    /// Bytes that have come and were not read yet (Recv-Q of `ss`).
    std::optional<std::size_t> receive_queue{};

    /// Bytes that were written and not acknowledged by the peer yet (Send-Q). For a Unix socket those
    /// that the peer has not read, with the kernel's own keeping.
    std::optional<std::size_t> send_queue{};

    // The rest only for TCP.

    /// "ESTAB", "FIN-WAIT-1", "CLOSE-WAIT"...: the words of `ss`. Empty: unknown.
    std::string_view state{};

    /// How long an answer takes, smoothed; how much that varies; and the shortest of late.
    std::optional<duration> round_trip{};
    std::optional<duration> round_trip_variation{};
    std::optional<duration> shortest_round_trip{};

    /// Segments that may be under way at once, that are, and of those the ones taken for lost.
    std::optional<std::uint32_t> congestion_window{};
    std::optional<std::uint32_t> unacknowledged{};
    std::optional<std::uint32_t> lost{};

    /// Segments that were sent again since the beginning.
    std::optional<std::uint32_t> retransmitted{};

    /// What the path has carried of late, in bytes a second.
    std::optional<std::uint64_t> delivery_rate{};

    /// How long ago data came last, and left last.
    std::optional<duration> since_received{};
    std::optional<duration> since_sent{};
};

/// Asks the kernel about a socket, such as `peer.transport().native_handle()`. Nothing if this is no
/// socket, or if this is not Linux.
///
/// Cost  three or four system calls.
LIBNET_ASIO_DECL std::optional<kernel_statistics> read_kernel_statistics(int native_handle);

}  // namespace libnet
