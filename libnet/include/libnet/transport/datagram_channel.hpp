#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>
#include <libnet/core/socket_address.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/transport/stream.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace libnet {

/// Room for a datagram, or for several of one peer that came as one, and then what came.
struct received_datagrams {
    mutable_bytes room{};     ///< the receiver's
    std::size_t size = 0;     ///< bytes that came, at its front
    std::size_t whole = 0;    ///< bytes that were sent; more than `size` if there was no room
    std::size_t segment = 0;  ///< of so many bytes each; the last may be shorter
    socket_address from{};    ///< who sent them

    /// Where they were sent to, where the receiver has several addresses: one of its own, or that of
    /// a multicast group. Empty: not known.
    ip_address to{};
    std::uint32_t interface = 0;

    int hop_limit = -1;  ///< what is left of the sender's TTL; -1: not known
    int ecn = -1;        ///< explicit congestion notification, 0 to 3; -1: not known
};

/// Datagrams of one size for one peer, one behind the other; the last may be shorter.
struct queued_datagrams {
    bytes payload{};          ///< one after the other
    std::size_t segment = 0;  ///< the size of each; 0: it is one
    socket_address to{};      ///< empty: the peer that the channel is connected to
    ip_address from{};        ///< which of our addresses; empty: whichever
};

/// A peer, or somebody on the way to it, said that what we sent did not arrive.
struct datagram_error {
    socket_address peer{};  ///< whom it was sent to
    error_code why{};       ///< connection_refused: nobody is on that port; host_unreachable, ...
    ip_address reporter{};  ///< who says so; empty: the kernel here
};

/// Datagrams in, datagrams out, many at once: what a udp_socket stands on. The system's sockets are
/// one, the network of the test kit another.
///
/// Nothing here waits: who has to, asks to be told. wait_readable() and wait_writable() end through
/// stream_events, on_read() and on_write() with a count of 0, exactly once each, never inside the
/// call that began or cancelled them and always inside a loop::turn.
///
/// Lifetime outlives its waits: who is told about them owns it. close() ends them.
/// Overlap  one wait of each kind. Threads: the loop's.
class LIBNET_ASIO_DECL datagram_channel {
public:
    virtual ~datagram_channel() = default;

    /// Where its events are told.
    virtual loop& home() const noexcept = 0;

    /// Receives what is there, into the first places of `into`; answers how many were filled.
    ///
    /// Errors  the kernel's. One that tells of an earlier datagram shows in take_error() as well.
    virtual result<std::size_t> receive(std::span<received_datagrams> into) = 0;

    /// Sends from the front of `batch`; answers how many are done with, and leaves these as they were.
    /// If it answers 0 or fails, the first may have been sent in part, and has become shorter.
    ///
    /// Errors  why the first of them cannot be sent; or what a peer answered to an earlier one, which
    ///         shows in take_error() as well, and then sending goes on when asked again.
    virtual result<std::size_t> send(std::span<queued_datagrams> batch) = 0;

    /// Tells `events` once, when there is something to read, or room to write.
    virtual void wait_readable(stream_events& events) = 0;
    virtual void wait_writable(stream_events& events) = 0;

    /// Ends the waits with `cancelled`, and closes nothing.
    virtual void cancel_waits() noexcept = 0;

    /// The next of the errors that were reported.
    virtual std::optional<datagram_error> take_error() = 0;

    /// Datagrams of up to so many bytes can be sent several at once; 0: one at a time.
    virtual std::size_t largest_segment() const noexcept { return 0; }

    /// Receives what is sent to a multicast group, on the interface of this name, or the one that the
    /// system chooses; and no longer.
    ///
    /// Errors  not_supported; invalid_argument: no address of a group; no such device; the kernel's.
    virtual error_code join(const ip_address& group, std::string_view interface) = 0;
    virtual error_code leave(const ip_address& group, std::string_view interface) = 0;

    /// Datagrams that came and were thrown away for want of room in the kernel. The loop's thread.
    virtual std::uint64_t dropped() const noexcept { return 0; }

    /// The same as far as the last datagram received told it. Any thread.
    virtual std::uint64_t dropped_as_told() const noexcept { return dropped(); }

    /// Where it is bound.
    virtual socket_address local() const = 0;

    /// Ends the waits with `cancelled`. From then on nothing of the loop is needed any more.
    virtual void close() noexcept = 0;

    /// The descriptor, or -1 where there is none.
    virtual int native_handle() const noexcept { return -1; }
};

}  // namespace libnet
