#pragma once

#include <libnet/core/config.hpp>
#include <libnet/policy/backoff.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/session/client_event.hpp>
#include <libnet/session/connect.hpp>
#include <libnet/session/connection.hpp>
#include <libnet/session/connection_handle.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace libnet {

/// What comes after a session.
enum class after_session : unsigned char {
    again,     ///< another connection, after a pause
    finished,  ///< nothing: the client has done what it was for
};

/// How it connects, and what it does between two connections.
struct client_options {
    connect_options connect{};  ///< each attempt

    /// Between attempts, whether they could not connect or their session ended. By default up to 100 ms
    /// at first, doubling up to 30 s, without an end: `give_up_after` sets one.
    backoff_options backoff{};

    /// How long the session may take to finish when the client stops; then it is cancelled.
    duration drain_timeout = std::chrono::seconds(5);

    /// Hooks, called on the loop's thread; an exception from one ends the client. Silent by default.
    std::function<void(const client_event&)> on_event = nullptr;

    /// run() ends, with this error or none: the place to close() the requests that nobody will answer
    /// any more.
    std::function<void(const error_code& why)> on_end = nullptr;
};

/// What has become of its attempts.
struct client_stats {
    bool connected = false;      ///< a session runs
    std::uint64_t attempts = 0;  ///< to connect, since the start
    std::uint64_t sessions = 0;  ///< attempts that led to a session
    std::uint64_t failures = 0;  ///< in a row: attempts that failed, sessions that did not last
};

/// Connects, runs a session, and when that has ended does so again, after a pause:
///
///                  failed, or ended: a pause
///             +------------------------------------+
///             v                                    |
///     run() -> connecting --- connected ---> session
///             | give_up_after failures         | `finished`, or stop()
///             v                                v
///           the end, with an error           the end
///
///     client feed("quotes:9000", subscribe);
///     co_await feed.run();                    // until stop()
///
/// The session is the same coroutine that a server would run. What it ends with says what comes next:
/// a `task<after_session>` says so itself; a `task<>` always means `again`, and so does an error. An
/// exception is none of that: it leaves run().
///
/// For questions and answers over whatever connection there is, see `requests`.
class LIBNET_ASIO_DECL client {
public:
    /// What it does with each connection; the first says whether it is to connect again.
    using session = std::function<task<after_session>(connection&)>;
    using endless_session = std::function<task<>(connection&)>;

    /// Makes a connection: instead of HOST:PORT, for whatever else can be connected to.
    using connector = std::function<task<connection>()>;

    /// Opens nothing yet. Throws boost::system::system_error for text that is no HOST:PORT and no
    /// unix:PATH, std::invalid_argument for a backoff with a duration below 0.
    client(std::string_view where, session talk, client_options options = {});
    client(std::string_view where, endless_session talk, client_options options = {});

    /// The connector has its own deadline and options. `name` is for people.
    client(std::string name, connector dial, session talk, client_options options = {});

    client(const client&) = delete;
    client& operator=(const client&) = delete;
    ~client();

    /// Until the session has `finished`, stop(), or the client gives up. Once.
    ///
    /// Errors   that of the last attempt or session, when it gives up; cancelled.
    /// Cancel   as stop(), and ends with `cancelled`.
    [[nodiscard]] task<> run();

    /// Waits until a session runs; answers a handle of its connection.
    ///
    /// Errors   what run() has ended with; `closed` if that was no error.
    /// Cancel   safe. Overlap any number. Threads: the loop's.
    [[nodiscard]] task<connection_handle> connected();

    /// Drains the session as a stopping server does: what has come is still handed out, then
    /// receive() answers `draining`. Calls of `requests` that are under way are lost: wait for them
    /// first. Any thread, any time, any number of times.
    void stop();

    /// Any thread.
    client_stats stats() const;

private:
    struct state;
    std::shared_ptr<state> state_;
};

}  // namespace libnet
