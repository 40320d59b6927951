#pragma once

#include <libnet/core/literals.hpp>
#include <libnet/transport/datagram_channel.hpp>
#include <libnet/transport/socket_options.hpp>

#include <cstddef>
#include <functional>
#include <optional>

namespace libnet {

/// What is asked of the kernel for a UDP socket. What it refuses is an error that says which option
/// and why, and equals condition::option_refused.
struct udp_options {
    /// The longest datagram that is wanted whole. Of a longer one its beginning is handed out, and
    /// `truncated()` says so. The default takes all that there can be.
    std::size_t max_datagram = 65'535;

    /// Lets the kernel cut what is sent (UDP_SEGMENT) and put together what comes (UDP_GRO), where it
    /// can: datagrams of one size to one peer pass the kernel's network code as one, which costs a
    /// quarter. Nothing of it shows outside.
    bool segmentation = true;

    /// Datagrams say which address of ours they were sent to, and replies leave from there. Unset:
    /// where the socket is bound to every address, since only there it can differ.
    std::optional<bool> destination = std::nullopt;

    /// Datagrams say how many hops they may still go, and how congested the way was. Off, since each
    /// costs something with every datagram.
    bool hop_limit = false;
    bool ecn = false;

    /// SO_RCVBUF and SO_SNDBUF in bytes; the kernel caps them in silence at net.core.rmem_max and
    /// wmem_max. What comes while the loop is busy has to fit, or is dropped and counted.
    std::size_t receive_buffer = 1_MiB;
    std::optional<std::size_t> send_buffer = std::nullopt;

    /// IPV6_V6ONLY. Empty: only where the host is an explicit address, so that `[::]:9000` and
    /// `:9000` serve IPv4 as well.
    std::optional<bool> v6_only = std::nullopt;

    /// Several sockets on one port: SO_REUSEADDR lets each get a copy of what is sent to a multicast
    /// group; SO_REUSEPORT deals peers out among the sockets, one for each thread.
    bool reuse_address = false;
    bool reuse_port = false;

    /// SO_BROADCAST: may send to broadcast addresses.
    bool broadcast = false;

    /// SO_BINDTODEVICE: traffic of this interface only ("eth0"). May need privileges.
    short_name device{};

    /// The differentiated services code point, 0 to 63 (RFC 2474): 46 is expedited forwarding.
    std::optional<int> dscp = std::nullopt;

    /// What is sent to groups: how far it goes (1: this network), whether this machine hears it as
    /// well, and through which interface it leaves, where the system is not to choose.
    int multicast_hops = 1;
    bool multicast_loop = true;
    short_name multicast_interface{};

    /// Something that was sent did not arrive, and somebody said so: an ICMP message for an earlier
    /// datagram, or the kernel for one that it would not send. Called on the loop's thread, where the
    /// socket next receives or sends; an exception from it ends the program. A flood of refusals is a
    /// flood of calls.
    std::function<void(const datagram_error&)> on_error = nullptr;
};

}  // namespace libnet
