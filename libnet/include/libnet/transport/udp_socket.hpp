#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>
#include <libnet/core/socket_address.hpp>
#include <libnet/runtime/operation.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/transport/datagram.hpp>
#include <libnet/transport/datagram_channel.hpp>
#include <libnet/transport/udp_options.hpp>

#include <cstdint>
#include <memory>
#include <string_view>

namespace libnet {

class udp_socket;

namespace detail {
LIBNET_ASIO_DECL udp_core& core_of(const udp_socket& socket) noexcept;
}

/// Since the beginning.
struct udp_stats {
    std::uint64_t received = 0;  ///< datagrams that were handed out
    std::uint64_t sent = 0;      ///< that the kernel has taken
    std::uint64_t dropped = 0;   ///< that came and found no room in the kernel
    std::uint64_t unsent = 0;    ///< that the kernel would not take: on_error() told which
    std::uint64_t errors = 0;    ///< reports that something did not arrive

    /// System calls for receiving and for sending: many datagrams share one.
    std::uint64_t receive_calls = 0;
    std::uint64_t send_calls = 0;
};

/// Datagrams, one by one for whoever uses it, many at once for the kernel. An echo:
///
///     task<> echo(udp_socket& socket)
///     {
///         while (auto received = co_await socket.receive())
///             socket.reply(*received, received->payload());
///     }
///
/// What was sent gathers, and leaves when what was received has been worked off, when 64 datagrams or
/// 256 KiB have gathered, or at the end of the loop's turn. That queue is all the output there can be.
///
/// A datagram that cannot be delivered is no failure of the socket: receive() goes on, on_error()
/// tells.
///
/// Threads  the loop's. When that ends, a socket that is still there is closed. Only while somebody
///          receives does it keep the loop from ending.
class LIBNET_ASIO_DECL udp_socket {
public:
    /// Opens a socket on `HOST:PORT`, for the task that awaits it, in its network; port 0: the kernel
    /// picks one. A name is looked up on the spot. The options must be a variable.
    ///
    /// Throws boost::system::system_error whose text says where, and what is wrong.
    static task<udp_socket> open(std::string_view where, const udp_options& options);
    static task<udp_socket> open(std::string_view where, udp_options&& options) = delete;
    static task<udp_socket> open(std::string_view where);

    /// The same for whoever is no task, in the network of the loop.
    udp_socket(loop& home, std::string_view where, udp_options options = {});

    /// Looks `HOST:PORT` up and opens a socket for this peer alone: it hears of nobody else, and
    /// send() needs no address. Nothing is sent. The options must be a variable.
    ///
    /// Errors   invalid_endpoint; not_supported: unix:PATH; host_not_found; condition::option_refused;
    ///          network_unreachable.
    /// Cancel   safe.
    static task<udp_socket> connect(std::string_view where, const udp_options& options);
    static task<udp_socket> connect(std::string_view where, udp_options&& options) = delete;

    /// On a channel of one's own.
    explicit udp_socket(std::unique_ptr<datagram_channel> channel, udp_options options = {});

    udp_socket(udp_socket&& other) noexcept;
    udp_socket& operator=(udp_socket&& other) noexcept;

    /// What has gathered is still sent, if the kernel takes it at once.
    ~udp_socket();

    /// Waits for the next datagram. Output that has gathered leaves first; while the kernel does not
    /// take that, nothing is received.
    ///
    /// All that the datagram shows is valid until the next receive() or close().
    ///
    /// Errors   closed: by close(); the kernel's, of the socket itself.
    /// Cancel   safe: nothing is lost.
    /// Overlap  one receive() and any number of others.
    /// Cost     no allocation; no system call while datagrams are there that came together.
    [[nodiscard]] operation<datagram> receive() { return {inbox_, detail::receiving_datagrams}; }

    /// Accepts a datagram for sending, and does not wait. The payload is free when it returns.
    ///
    /// Errors   limit_reached: the kernel does not take what has gathered, so there is no room. This
    ///          one is not sent; flush() waits for room. frame_too_large: above 65,507 bytes.
    ///          closed.
    /// Cost     a copy of the payload; no allocation, no system call of its own.
    result<> send_to(const socket_address& to, bytes payload);
    result<> send_to(const socket_address& to, std::string_view payload)
    {
        return send_to(to, as_bytes(payload));
    }

    /// The same to the peer that it is connected to.
    result<> send(bytes payload) { return send_to({}, payload); }
    result<> send(std::string_view payload) { return send_to({}, as_bytes(payload)); }

    /// The same to whom `received` came from, from the address that it was sent to.
    result<> reply(const datagram& received, bytes payload);
    result<> reply(const datagram& received, std::string_view payload)
    {
        return reply(received, as_bytes(payload));
    }

    /// Waits until the kernel has taken all that was accepted.
    ///
    /// Errors   closed. Cancel  safe. Overlap  any number.
    [[nodiscard]] operation<> flush();

    /// Receives what is sent to a multicast group, on the interface of this name; and no longer.
    ///
    /// Errors   invalid_argument: no address of a group; no such device; the kernel's.
    result<> join(const ip_address& group, std::string_view interface = {});
    result<> leave(const ip_address& group, std::string_view interface = {});

    /// Where it is bound to, with the port that the kernel chose.
    const socket_address& local() const noexcept;

    /// Whom it is connected to; empty if it is not.
    const socket_address& peer() const noexcept;

    /// Cost  asks the kernel.
    udp_stats stats() const noexcept;

    /// What waits answers `closed`. What has gathered is sent if the kernel takes it at once.
    void close() noexcept;

    /// What it stands on. Receiving or sending there is out of order with what is done here.
    datagram_channel& channel() const noexcept;
    loop& home() const noexcept;

private:
    friend detail::udp_core& detail::core_of(const udp_socket& socket) noexcept;

    detail::udp_core* core_;
    detail::datagram_inbox* inbox_;  // its
};

}  // namespace libnet
