#pragma once

#include <libnet/core/counter.hpp>
#include <libnet/core/socket_address.hpp>
#include <libnet/transport/datagram_channel.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace libnet::detail {

// UDP_SEGMENT and UDP_GRO, which are newer than some headers.
inline constexpr int udp_segment = 103;
inline constexpr int udp_gro = 104;

/// Either kind of address, as the system writes it.
union system_address {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

/// For a socket of this family: one of IPv6 reaches IPv4 by mapped addresses.
socklen_t write_address(const socket_address& from, int family, system_address& to) noexcept;
socket_address read_address(const system_address& from) noexcept;

/// What recvmmsg and sendmmsg are given: 64 messages, with room for addresses and for what is said
/// beside the data. Those for receiving are the same at each call, so they are made once and put back
/// in order where the system has written.
class udp_messages {
public:
    static constexpr std::size_t most = 64;

    /// All of `places` can be received into, `size` bytes each.
    std::span<mmsghdr> prepare_receiving(std::span<const received_datagrams> places,
                                         std::size_t size) noexcept;

    /// What came in the first `count`. The counter of drops changes if the system told it.
    void read_received(std::span<received_datagrams> places, std::size_t count,
                       counter& dropped) noexcept;

    std::span<mmsghdr> prepare_sending(std::span<const queued_datagrams> batch,
                                       int family) noexcept;

private:
    // Enough for all that there can be at once: destination, hops, ECN, segment and drops.
    static constexpr std::size_t control_size = 256;

    struct alignas(cmsghdr) control {
        std::array<std::byte, control_size> bytes;
    };

    void set_back(std::size_t i) noexcept;

    std::array<mmsghdr, most> headers_{};
    std::array<iovec, most> pieces_{};
    std::array<system_address, most> addresses_{};
    std::array<control, most> controls_{};
    const received_datagrams* prepared_for_ = nullptr;
    std::size_t prepared_size_ = 0;
};

/// Reads what recvmsg answers from a queue of errors. False if it is none that somebody on the
/// network has sent.
bool read_error(const msghdr& message, datagram_error& e) noexcept;

}  // namespace libnet::detail
