#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/literals.hpp>
#include <libnet/core/no_limit.hpp>
#include <libnet/core/socket_address.hpp>
#include <libnet/policy/peer_table.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/session/udp_peer.hpp>
#include <libnet/transport/udp_socket.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace libnet {

class shards;

/// How the session of a peer ended.
struct udp_peer_report {
    socket_address peer;  ///< whose session it was
    error_code
        reason;  ///< idle_timeout; draining; `closed`: the session returned before its peer left
    std::exception_ptr exception;      ///< what left the session, if anything did
    std::uint64_t received = 0;        ///< datagrams, and below how many bytes
    std::uint64_t sent = 0;            ///< the same of those sent
    std::uint64_t bytes_received = 0;  ///< of payload
    std::uint64_t bytes_sent = 0;      ///< of payload
};

/// What peers may cost, and whom the server tells what happens.
struct udp_server_options {
    udp_options socket{};  ///< the kernel's part

    // From here on for servers with a session for each peer.

    /// How many there may be, how fast they may come, and how long they may be silent.
    peer_limits peers{};

    /// Bytes that may wait for the session of one peer; what comes above that is dropped and counted.
    std::size_t inbox_size = 64_KiB;

    /// Bytes that may wait for all sessions together.
    std::size_t memory_budget = 64_MiB;

    /// A peer whose address is not proven is sent no more than so many times what came from it:
    /// whoever makes up addresses gains little by us. `no_limit` where all peers are friends.
    std::size_t amplification = 3;

    /// Asks those whom nobody knows for a cookie first (see address_cookie), so that addresses that
    /// somebody has made up cost no memory. Both ends must know it: a udp_client does.
    bool cookie = false;

    /// How long sessions may take to finish when the server stops; then they are cancelled.
    duration drain_timeout = std::chrono::seconds(5);

    /// Hooks, called on the loop's thread; an exception from one ends the server. Silent by default.
    std::function<void(const std::string& local)> on_listening = nullptr;
    std::function<void(const udp_peer&)> on_open = nullptr;
    std::function<void(const udp_peer_report&)> on_close = nullptr;

    /// A datagram from somebody new was dropped because of a limit. A flood of datagrams is a flood of
    /// calls.
    std::function<void(const socket_address& who, peer_table::decision limit)> on_refused = nullptr;
};

/// As of the moment when they were asked for.
struct udp_server_stats {
    udp_stats socket{};            ///< all that the socket did
    std::uint64_t accepted = 0;    ///< sessions of peers since the start
    std::uint64_t active = 0;      ///< now
    std::uint64_t refused = 0;     ///< datagrams of those who were not let in
    std::uint64_t challenged = 0;  ///< that were answered by the question for a cookie
    std::uint64_t overflowed = 0;  ///< for whose session there was no room
    std::uint64_t truncated = 0;   ///< above max_datagram, not handed out
    std::uint64_t waiting = 0;     ///< bytes that wait for sessions now
};

/// Serves any number of peers over one socket: with one session for all of them,
///
///     task<> echo(udp_socket& socket);
///     libnet::udp_server server("127.0.0.1:9000", echo);
///
/// or with a session for each, which begins with its first datagram:
///
///     task<> echo(udp_peer& peer);
///     libnet::udp_server server("127.0.0.1:9000", echo);
///
///     return libnet::run(server.run());
///
/// A peer that cannot be reached ends its own session at most, an exception that leaves the session of
/// a peer likewise.
class LIBNET_ASIO_DECL udp_server {
public:
    /// What the server does: with the socket and everybody, or with one peer each.
    using socket_session = std::function<task<>(udp_socket&)>;
    using peer_session = std::function<task<>(udp_peer&)>;

    /// Opens nothing yet. Throws boost::system::system_error for text that is no HOST:PORT.
    udp_server(std::string_view where, socket_session serve, udp_server_options options = {});
    udp_server(std::string_view where, peer_session serve, udp_server_options options = {});

    udp_server(const udp_server&) = delete;
    udp_server& operator=(const udp_server&) = delete;
    ~udp_server();

    /// Serves until stop() or until it is cancelled; then sessions may finish. Once.
    ///
    /// Errors   throws boost::system::system_error if it cannot listen. What the one session for the
    ///          whole socket ends with, if that is not `closed`; the kernel's, of the socket itself.
    /// Cancel   is the same as stop().
    [[nodiscard]] task<> run();

    /// The same over shards, with a socket of each on the same port (SO_REUSEPORT). The kernel deals
    /// datagrams out by a hash of both addresses, so a peer stays on its shard. Session and hooks are
    /// copied once for each, and called on its thread; `on_listening` here, once. `max_peers`, their
    /// rate and `memory_budget` are divided: each shard has its part.
    ///
    /// Errors   as above. What ends one of them ends all, in good order, and is thrown here.
    /// Cancel   is the same as stop(). `over` must live until this has ended.
    [[nodiscard]] task<> run(shards& over);

    /// Any thread, any time, any number of times.
    void stop();

    /// Of all shards together. Any thread. While it runs, what the kernel dropped is as of the last
    /// datagram that came, which tells it; when run() has returned, it is complete.
    udp_server_stats stats() const;

private:
    struct state;
    std::shared_ptr<state> state_;
};

}  // namespace libnet
