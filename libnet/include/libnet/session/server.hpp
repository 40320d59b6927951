#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/literals.hpp>
#include <libnet/policy/admission.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/session/connection.hpp>
#include <libnet/session/memory_pressure.hpp>
#include <libnet/session/proxy_protocol.hpp>
#include <libnet/session/refusal.hpp>
#include <libnet/transport/listener.hpp>
#include <libnet/transport/socket_options.hpp>
#include <libnet/transport/stream_layer.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace libnet {

class shards;

/// How a connection of a server ended.
struct session_report {
    connection_info info;  ///< as of its end; without what the kernel knew, whose socket is closed
    connection_ending ending;  ///< who ended it, in which phase; `why` is the reason again
    error_code reason;  ///< `closed`: in order, by the peer or the session; `draining`: by us
    std::exception_ptr exception;  ///< what left the session, if anything did

    /// One line for people: "closed in order", "the session threw: ...". Messages that the framing
    /// refused show here too, since a session that does not look at what send() answers would never
    /// know: "closed in order; 1 message was not sent: ...".
    LIBNET_ASIO_DECL std::string text() const;
};

/// What clients may cost, what they are told, and whom the server tells what happens.
struct server_options {
    /// What connections have whose options say nothing else.
    static constexpr duration default_first_frame_timeout = std::chrono::seconds(10);
    static constexpr duration default_idle_timeout = std::chrono::seconds(65);

    /// For each connection. Timeouts for the first frame and for idleness that are not set are the
    /// defaults above; with a heartbeat idleness has none.
    connection_options connection{};
    socket_options socket{};

    /// Behind a balancer: whether it says first who the client is. Read in the task of its own client,
    /// before the layer; who fails is told by on_close(), with the phase `handshake`.
    ///
    /// Whoever is trusted to send a header does not count in `max_per_address` until it is there: the
    /// client that it names does, and is refused if there are too many of it. Balancers that connect
    /// for themselves (LOCAL), or for a client whom they do not name, count in `max_connections` only.
    proxy_protocol proxy{};

    /// What stands between the transport and the session: a tls_context, say. It works in the task of
    /// its own client, after accept: a slow client keeps nobody else waiting. Clients count and have
    /// their place from accept on; the session, `on_open` and the timeouts of the connection begin when
    /// it is done. If it fails, on_close() tells, with the phase `handshake`.
    stream_layer layer = nullptr;

    /// How many clients are let in, and how fast; server::set_admission() changes it later.
    admission_limits admission{};

    /// What becomes of those above max_connections and accept_rate. One above max_per_address is
    /// refused in any case, or it would stand in the way of the others.
    libnet::surplus surplus = libnet::surplus::wait;

    /// The message that a refused client gets, framed like every other; none if it is empty, and none
    /// where there is a layer, which nobody builds up for that.
    std::string refusal{};

    /// Bytes that the buffers of all connections may hold together. Above three quarters of it,
    /// connections that hold more than their share are not read from and gather no more output;
    /// above all of it the greatest end with `limit_reached`, until an eighth is free again.
    std::size_t memory_budget = no_limit;

    /// How long sessions may take to finish when the server stops; then they are cancelled, and
    /// connections close within half a second.
    duration drain_timeout = std::chrono::seconds(30);

    /// What a client is told when the server stops: the message that this function makes, framed like
    /// every other, ahead of replies that are still to come; nothing if it is empty. Without it clients
    /// learn by the end of the connection.
    std::function<std::string(const libnet::connection&)> goodbye = nullptr;

    /// How long a server that stops still waits for what has not begun to come: the first frame of a
    /// client that has just connected, and all that one asks who was told goodbye, which may have
    /// crossed it. Others are done when what they have asked is answered.
    duration drain_grace = std::chrono::seconds(1);

    /// Hooks, called on the loop's thread, over shards on that of the connection's; an exception from
    /// one ends the server. Silent by default.
    std::function<void(const std::string& local)> on_listening = nullptr;
    std::function<void(const libnet::connection&)> on_open = nullptr;
    std::function<void(const session_report&)> on_close = nullptr;

    /// A client was refused. A flood of clients is a flood of calls.
    std::function<void(const refusal_report&)> on_refused = nullptr;

    /// `memory_budget` has become tight, three quarters of it are in use; or is so no longer, below
    /// five eighths. Told before anything is done about it; connections that it ends have reports of
    /// their own.
    std::function<void(const memory_pressure&)> on_memory_pressure = nullptr;

    /// accept failed: the server goes on by itself, after `pause`.
    std::function<void(error_code why, duration pause)> on_accept_error = nullptr;
};

/// As of the moment when they were asked for.
struct server_stats {
    std::uint64_t accepted = 0;       ///< connections since the start, without those refused
    std::uint64_t active = 0;         ///< connections now
    std::uint64_t refused = 0;        ///< clients turned away since the start
    std::uint64_t accept_errors = 0;  ///< since the start; it went on after each
    std::uint64_t memory = 0;         ///< bytes that connections hold now, where there is a budget
    std::uint64_t shed = 0;           ///< connections that the budget has ended

    /// Of connections that have ended.
    std::uint64_t messages_received = 0;
    std::uint64_t messages_sent = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t bytes_sent = 0;
};

/// Listens, accepts, and runs a session for each connection until it is stopped.
///
///     libnet::server server("127.0.0.1:9000", echo);
///     return libnet::run(server.run());
///
/// Survives every error that accepting can have but the loss of its own socket: without descriptors or
/// memory it tries again when a connection ends, or after 10 ms and then longer, 500 ms at most;
/// meanwhile clients wait in the backlog. An exception that leaves a session is reported and ends that connection only.
class LIBNET_ASIO_DECL server {
public:
    /// What the server does with one client. It may end with an error, which is reported.
    using session = std::function<task<>(connection&)>;

    /// Opens nothing yet. Throws boost::system::system_error for text that is no HOST:PORT
    /// and no unix:PATH, and for a `refusal` that the framing cannot carry; std::invalid_argument where
    /// the PROXY protocol is on and nobody is trusted.
    server(std::string_view where, session serve);
    server(std::string_view where, session serve, server_options options);

    /// Takes connections from `source` instead of a TCP socket of its own.
    server(std::unique_ptr<listener> source, session serve);
    server(std::unique_ptr<listener> source, session serve, server_options options);

    server(const server&) = delete;
    server& operator=(const server&) = delete;
    ~server();

    /// Listens and serves until stop() or until it is cancelled; then drains: lets nobody in but those
    /// who have a connection already, has connections drain, so that receive() answers what was asked
    /// and then `draining`, and returns when the last session has ended. Once.
    ///
    /// Errors   throws boost::system::system_error if it cannot listen; its text says where and why.
    ///          Also if somebody ends its socket (`ss -K`): after the sessions have drained.
    /// Cancel   is the same as stop().
    [[nodiscard]] task<> run();

    /// The same over shards: each client is served by one of them, with the hooks and the session called
    /// on its thread, so that they must be ready for calls from several. (Session and hooks are copied
    /// once for each.) `on_listening`, and what concerns accepting, is called on the thread that accepts.
    ///
    /// With `socket.reuse_port` each shard listens for itself on the same port, and the kernel deals
    /// clients out by a hash: no thread sees what another accepts. Otherwise, and for Unix sockets and a
    /// listener of the caller's, the loop of this task accepts, and gives each client to the shard that has the
    /// fewest; it refuses, too.
    ///
    /// Limits of admission hold for all shards together; each has its part of `memory_budget`. When
    /// something ends one of them, a hook's exception or the loss of its socket, all end in good order,
    /// and that is thrown here.
    ///
    /// Errors   as above; also for a listener whose streams have no descriptor.
    /// Cancel   is the same as stop(). `over` must live until this has ended.
    [[nodiscard]] task<> run(shards& over);

    /// Any thread, any time, any number of times.
    void stop();

    /// Other limits than those it began with. Any thread, any time. Nobody who is in has to leave:
    /// above a lower limit nobody is let in until they are fewer.
    void set_admission(const admission_limits& limits);

    /// Takes over what can change while it runs: of `changed` the timeouts and water marks of
    /// connections, for those that are there as well; admission, surplus, drain_timeout and
    /// drain_grace. A lifetime counts for new connections. All else, framing and heartbeat too, stays
    /// as it began. Any thread, any time.
    void reconfigure(server_options changed);

    /// As stop(), but the listening socket is left to another process that has it too: those who have
    /// not been accepted yet are that one's (see takeover). Any thread.
    void hand_over();

    /// The listening socket, for handing it over; -1 while there is none, and where each of several
    /// shards has its own. The loop's thread.
    int native_handle() const noexcept;

    /// Of all shards together. Any thread.
    server_stats stats() const;

private:
    struct state;
    std::shared_ptr<state> state_;
};

}  // namespace libnet
