#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>
#include <libnet/core/socket_address.hpp>
#include <libnet/policy/peer_table.hpp>
#include <libnet/runtime/operation.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace libnet {

namespace detail {

class peer_sessions;
struct peer_message;

/// Why nothing more comes from a peer. A byte: an error_code has three words.
enum class peer_ended : unsigned char { not_yet, idle, draining, unreachable };

}  // namespace detail

/// One peer of a udp_server, for the session that serves it:
///
///     task<> echo(udp_peer& peer)
///     {
///         while (auto message = co_await peer.receive())
///             peer.send(*message);
///     }
///
/// It begins with the first datagram from an address, and ends when the session returns; another
/// datagram from there begins another one.
class LIBNET_ASIO_DECL udp_peer : private peer_entry {
public:
    udp_peer(const udp_peer&) = delete;
    udp_peer& operator=(const udp_peer&) = delete;

    /// Waits for the next datagram. Those that are longer than udp_options::max_datagram are counted
    /// and not handed out.
    ///
    /// The view is valid until the next receive().
    ///
    /// Errors   idle_timeout: nothing came for so long; connection_refused: nobody is there any more;
    ///          draining: the server stops. Each behind what had come before.
    /// Cancel   safe: nothing is lost.
    /// Overlap  one at a time.
    /// Cost     no allocation below 2 KiB.
    [[nodiscard]] operation<bytes> receive() { return {this, receiving}; }

    /// Accepts a datagram for sending, and does not wait; see udp_socket::send_to().
    ///
    /// Errors   limit_reached: the kernel does not take what has gathered; or it would be more than
    ///          three times what came from an address that is not proven. This one is not sent.
    ///          frame_too_large; closed.
    result<> send(bytes payload);
    result<> send(std::string_view payload) { return send(as_bytes(payload)); }

    /// Who it is.
    const socket_address& address() const noexcept { return peer_entry::address; }

    /// Whether it is known to receive what is sent to its address: by its cookie, or because the
    /// session says so.
    bool proven() const noexcept { return proven_; }

    /// The session knows that the peer has received something: a number that it could not guess.
    void prove() noexcept { proven_ = true; }

    /// Where its session runs.
    loop& home() const noexcept;

private:
    friend class detail::peer_sessions;

    udp_peer(detail::peer_sessions& owner, const socket_address& who, std::uint16_t local,
             bool is_proven) noexcept
        : peer_entry(who), owner_(&owner), local_(local), proven_(is_proven)
    {
    }
    ~udp_peer();

    struct source;
    static const detail::operation_vtable<bytes> receiving;

    void put(bytes payload);
    void end(detail::peer_ended why) noexcept;
    error_code why_ended() const noexcept;
    detail::operation_waiter<bytes>* take_receiver() noexcept;
    bool next() noexcept;
    bytes current() const noexcept;
    void drop_current() noexcept;

    // There are a hundred thousand of them, mostly idle: no byte that need not be.
    detail::peer_sessions* owner_;  // null: it has gone
    union {
        detail::peer_message* newest_ = nullptr;  // of a ring: the oldest is next
        detail::operation_waiter<bytes>*
            receiver_;  // if the session waits; then there is no message
    };
    std::uint64_t bytes_received_ = 0;
    std::uint64_t bytes_sent_ = 0;
    std::uint32_t received_ = 0;
    std::uint32_t sent_ = 0;
    std::uint32_t waiting_ = 0;  // bytes that the session has not taken yet, and their keeping
    std::uint16_t local_;        // which address of ours it knows: see own_addresses
    detail::peer_ended ended_ = detail::peer_ended::not_yet;
    bool proven_ : 1;
    bool in_table_ : 1 = false;
    bool session_waits_ : 1 = false;
    bool handed_out_ : 1 = false;  // the oldest message, until the next receive()
};

}  // namespace libnet
