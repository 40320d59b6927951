#include "connection_settings.hpp"
#include "describe_session.hpp"
#include "refusals.hpp"

#include <libnet/session/server.hpp>

#include <libnet/runtime/group.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/transport/tcp.hpp>
#include <libnet/transport/unix_domain.hpp>

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

namespace libnet {
namespace {

constexpr duration first_pause = std::chrono::milliseconds(10);
constexpr duration longest_pause = std::chrono::milliseconds(500);
constexpr int aborted_in_a_row = 16;  // then even these are taken for a lasting trouble

/// Errors that concern the connection that was about to be accepted and no other (accept(2)).
bool concerns_one_connection(const error_code& failed)
{
    namespace errc = boost::system::errc;
    return failed == errc::connection_aborted || failed == errc::protocol_error ||
           failed == errc::interrupted || failed == errc::connection_reset ||
           failed == errc::host_unreachable || failed == errc::network_unreachable ||
           failed == errc::network_down || failed == errc::invalid_argument ||
           failed == errc::operation_not_permitted || failed == errc::timed_out;
}

/// accept() itself said so, and not a socket option of a client that had gone. One alone may be a
/// client's all the same.
bool says_not_listening(const error_code& failed)
{
    namespace errc = boost::system::errc;
    return failed.category() == boost::system::system_category() &&
           failed.value() == errc::invalid_argument;
}

connection_options with_defaults_of_servers(connection_options options)
{
    if (!options.first_frame_timeout) {
        options.first_frame_timeout = server_options::default_first_frame_timeout;
    }
    if (!options.idle_timeout && !options.heartbeat) {
        options.idle_timeout = server_options::default_idle_timeout;
    }
    return options;
}

}  // namespace

struct server::state {
    state(result<endpoint> e, std::unique_ptr<listener> l, session s, server_options o)
        : where(std::move(e)),
          source(std::move(l)),
          serve(std::move(s)),
          options(std::move(o)),
          gate(options.admission),
          refusals(options.refusal, options.connection.framing, [this] { accept_again(); })
    {
        auto shared = std::make_shared<detail::connection_settings>(
            with_defaults_of_servers(options.connection));
        if (options.memory_budget != no_limit) {
            shared->budget = std::make_shared<detail::memory_budget>(options.memory_budget);
        }
        settings = std::move(shared);
    }

    class place;
    class running;

    task<> run_session(connection peer, place in);
    task<> close_session(connection& peer);
    std::optional<task<>> closing_of(connection& peer) noexcept;
    void report(const connection& peer, const connection_ending& ending, std::exception_ptr thrown);
    task<> accept_all(group& sessions);
    task<> admit(group& sessions, std::unique_ptr<stream> transport);
    task<> wait_for_room();
    void begin(group& sessions, std::unique_ptr<stream> transport, place in);
    void refuse(group& sessions, std::unique_ptr<stream> transport, admission::decision limit);
    connection_ending ending_of(const connection& peer, const result<>& outcome,
                                const std::exception_ptr& thrown) const;
    void count(const connection_info& info) noexcept;
    void accept_again() noexcept;
    void tell_pressure(const memory_pressure& p) noexcept;
    void stop_accepting() noexcept;

    result<endpoint> where;
    std::unique_ptr<listener> source;
    session serve;
    std::shared_ptr<const detail::connection_settings> settings;
    server_options options;

    // The loop's thread.
    loop* home = nullptr;
    detail::node_list<running> served;
    admission gate;  // before run(): under stop_mutex
    detail::refusals refusals;
    bool stopping = false;
    error_code listening_failed;
    std::exception_ptr hook_failed;
    std::optional<timer> retry;  // accepting pauses on it; moved, it also ends a pause to come

    std::mutex stop_mutex;  // of the next two
    std::shared_ptr<detail::mailbox> box;
    bool stop_asked = false;

    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> active{0};
    std::atomic<std::uint64_t> refused{0};
    std::atomic<std::uint64_t> accept_errors{0};
    std::atomic<std::uint64_t> messages_received{0};
    std::atomic<std::uint64_t> messages_sent{0};
    std::atomic<std::uint64_t> bytes_received{0};
    std::atomic<std::uint64_t> bytes_sent{0};
};

/// The place of somebody who was let in, free again when it goes, however it goes.
class server::state::place {
public:
    place(state& s, const ip_address& who) noexcept : of_(&s), who_(who) {}
    place(place&& other) noexcept : of_(std::exchange(other.of_, nullptr)), who_(other.who_) {}
    place& operator=(place&&) = delete;
    ~place() { leave(); }

    void leave() noexcept
    {
        if (state* const of = std::exchange(of_, nullptr)) {
            of->gate.leave(who_);
            of->accept_again();
        }
    }

private:
    state* of_;
    ip_address who_;
};

/// A session that runs: on the list, counted and in its place until it leaves.
class server::state::running : public detail::list_node {
public:
    running(state& s, connection& c, place in) noexcept : peer(c), of_(&s), in_(std::move(in))
    {
        s.served.push_back(*this);
    }
    running(const running&) = delete;
    running& operator=(const running&) = delete;
    ~running() { leave(); }

    void leave() noexcept
    {
        if (state* const of = std::exchange(of_, nullptr)) {
            unlink();
            --of->active;
            in_.leave();
        }
    }

    connection& peer;

private:
    state* of_;
    place in_;
};

/// One client, from accept to close. What is needed only at the end is in a frame that is there only
/// at the end: this one waits, ten thousand times over.
task<> server::state::run_session(connection peer, place in)
{
    running session(*this, peer, std::move(in));
    detail::describe_session(co_await detail::fiber_await{}, peer);
    if (options.on_open) {
        options.on_open(peer);
    }
    result<> outcome;
    std::exception_ptr thrown;
    try {
        outcome = co_await serve(peer);
    } catch (...) {
        thrown = std::current_exception();
    }
    const connection_ending ending = ending_of(peer, outcome, thrown);
    if (auto closing = closing_of(peer)) {
        co_await checked(std::move(*closing));
    }
    session.leave();
    report(peer, ending, std::move(thrown));
}

/// Nothing if there is no memory to wait in: then the connection's destructor closes it.
std::optional<task<>> server::state::closing_of(connection& peer) noexcept
{
    try {
        return close_session(peer);
    } catch (const std::bad_alloc&) {
        return std::nullopt;
    }
}

task<> server::state::close_session(connection& peer)
{
    try {
        (void)co_await shielded(never, peer.close());
    } catch (const std::bad_alloc&) {
    }
}

void server::state::report(const connection& peer, const connection_ending& ending,
                           std::exception_ptr thrown)
{
    session_report report;
    report.ending = ending;
    report.reason = ending.why;
    report.exception = std::move(thrown);
    try {
        report.info = peer.info();
        count(report.info);
    } catch (const std::bad_alloc&) {
    }
    if (options.on_close) {
        options.on_close(report);
    }
}

/// What happened to the connection, and only then what the session made of it.
connection_ending server::state::ending_of(const connection& peer, const result<>& outcome,
                                           const std::exception_ptr& thrown) const
{
    connection_ending ending = peer.ending();
    if (peer.ended()) {
        return ending;
    }
    if (thrown || outcome.has_error()) {
        ending.who = connection_ending::party::session;
    }
    if (outcome.has_error()) {
        ending.why = outcome.error();
    } else if (stopping && ending.why == error::closed && !thrown) {
        ending.who = connection_ending::party::owner;
        ending.why = error::draining;
    }
    return ending;
}

void server::state::begin(group& sessions, std::unique_ptr<stream> transport, place in)
{
    connection peer(std::move(transport), settings);
    sessions.start(run_session(std::move(peer), std::move(in)));
    ++accepted;
    ++active;  // the session itself begins later
}

task<> server::state::accept_all(group& sessions)
{
    const detail::fiber& self = co_await detail::fiber_await{};
    duration pause = first_pause;
    int aborted = 0;
    int deaf = 0;
    // Not every accept() waits, and one that does not wait does not learn that it was cancelled.
    while (!stopping && self.current_scope()->stopped == error{}) {
        error_code failed;
        try {
            if (const auto room = co_await wait_for_room(); !room) {
                break;
            }
            auto transport = co_await source->accept();
            if (transport) {
                (void)co_await admit(sessions, std::move(*transport));
                pause = first_pause;
                aborted = deaf = 0;
                continue;
            }
            failed = transport.error();
        } catch (const std::bad_alloc&) {
            failed = make_error_code(boost::system::errc::not_enough_memory);
        }
        if (stopping || failed == error::cancelled || failed == error::timeout ||
            failed == error::closed) {
            break;
        }
        ++accept_errors;
        deaf = says_not_listening(failed) ? deaf + 1 : 0;
        if (concerns_one_connection(failed) && ++aborted < aborted_in_a_row) {
            continue;
        }
        if (deaf >= aborted_in_a_row) {
            listening_failed = failed;  // somebody has ended the socket: it will never listen again
            break;
        }
        if (options.on_accept_error) {
            options.on_accept_error(failed, pause);
        }
        // Out of descriptors or memory: no task of its own here, which would need some. Clients wait
        // in the backlog meanwhile; a connection that ends wakes us early.
        retry->expires_after(pause);
        (void)co_await retry->wait();
        pause = std::min(2 * pause, longest_pause);
    }
}

/// Lets a client in, or turns it away. It waits here only if the limits have become lower since
/// accept() began.
task<> server::state::admit(group& sessions, std::unique_ptr<stream> transport)
{
    const ip_address who = transport->peer_address();
    for (;;) {
        const auto decision = gate.ask(who, home->now());
        if (decision == admission::decision::let_in) {
            begin(sessions, std::move(transport), place(*this, who));
            co_return;
        }
        if (options.surplus == libnet::surplus::refuse ||
            decision == admission::decision::max_per_address) {
            refuse(sessions, std::move(transport), decision);
            co_return;
        }
        co_await checked(wait_for_room());
    }
}

/// As long as nobody can be let in, nobody is accepted: clients wait in the backlog. A connection
/// that ends and new limits wake us early. Fails if the server stops meanwhile.
task<> server::state::wait_for_room()
{
    while (options.surplus == libnet::surplus::wait) {
        if (stopping) {
            co_await fail(error::closed);
        }
        const time_point now = home->now();
        const time_point when = gate.when_next(now);
        if (when <= now) {
            co_return;
        }
        retry->expires_at(when);
        co_await checked(retry->wait());
    }
}

void server::state::refuse(group& sessions, std::unique_ptr<stream> transport,
                           admission::decision limit)
{
    ++refused;
    if (options.on_refused) {
        options.on_refused({.peer = transport->peer(), .limit = limit});
    }
    refusals.turn_away(sessions, std::move(transport));
}

/// There may be a descriptor, or room, or another limit.
void server::state::accept_again() noexcept
{
    if (retry) {
        retry->expires_after(duration::zero());
    }
}

/// The budget cannot be kept waiting by an exception: the server ends with it.
void server::state::tell_pressure(const memory_pressure& p) noexcept
{
    try {
        options.on_memory_pressure(p);
    } catch (...) {
        hook_failed = std::current_exception();
        stop_accepting();
    }
}

void server::state::stop_accepting() noexcept
{
    stopping = true;
    if (source) {
        source->close();
    }
    accept_again();
}

void server::state::count(const connection_info& info) noexcept
{
    messages_received += info.messages_received;
    messages_sent += info.messages_sent;
    bytes_received += info.bytes_received;
    bytes_sent += info.bytes_sent;
}

server::server(std::string_view where, session serve, server_options options)
    : state_(std::make_shared<state>(endpoint::parse(where), nullptr, std::move(serve),
                                     std::move(options)))
{
    if (state_->where.has_error()) {
        throw boost::system::system_error(state_->where.error(),
                                          "cannot listen on '" + std::string(where) + "'");
    }
}

server::server(std::unique_ptr<listener> source, session serve, server_options options)
    : state_(std::make_shared<state>(error::invalid_endpoint, std::move(source), std::move(serve),
                                     std::move(options)))
{
}

server::~server()
{
    try {
        stop();
    } catch (const std::bad_alloc&) {  // it only matters if somebody destroys a server that runs
    }
}

task<> server::run()
{
    return [](std::shared_ptr<state> s) -> task<> {
        loop& home = co_await this_loop();
        {
            const std::lock_guard lock(s->stop_mutex);
            s->home = &home;
            s->retry.emplace(home);
            s->box = home.remote();
            s->stopping = s->stop_asked;
        }
        if (!s->source) {
            const endpoint& where = *s->where;
            s->source = where.is_unix() ? unix_domain::listen(home, where.path, s->options.socket)
                                        : tcp::listen(home, where, s->options.socket);
        }
        if (s->settings->budget && s->options.on_memory_pressure) {
            s->settings->budget->tell([who = std::weak_ptr(s)](const memory_pressure& p) {
                if (const auto still_there = who.lock()) {
                    still_there->tell_pressure(p);
                }
            });
        }
        const std::string local = s->source->local();
        if (s->options.on_listening) {
            s->options.on_listening(local);
        }
        auto serve_until_stopped = [&](group& sessions) -> task<> {
            co_await s->accept_all(sessions);
            s->stop_accepting();
            s->served.for_each([](state::running& r) { r.peer.drain(); });
            (void)co_await shielded(s->options.drain_timeout, sessions.join());
            s->served.for_each([](state::running& r) { r.peer.fail(error::drain_timeout); });
        };
        co_await checked(with_group(serve_until_stopped));
        if (s->hook_failed) {
            std::rethrow_exception(s->hook_failed);
        }
        if (s->listening_failed) {
            throw boost::system::system_error(s->listening_failed,
                                              "no longer listening on " + local);
        }
    }(state_);
}

void server::stop()
{
    const std::lock_guard lock(state_->stop_mutex);
    state_->stop_asked = true;
    if (state_->box) {
        state_->box->post([s = state_] { s->stop_accepting(); });
    }
}

void server::set_admission(const admission_limits& limits)
{
    const std::lock_guard lock(state_->stop_mutex);
    if (!state_->box) {
        state_->gate = admission(limits);
        return;
    }
    state_->box->post([s = state_, limits] {
        s->gate.set_limits(limits, s->home->now());
        s->accept_again();
    });
}

server_stats server::stats() const
{
    const auto& budget = state_->settings->budget;
    return {.accepted = state_->accepted,
            .active = state_->active,
            .refused = state_->refused,
            .accept_errors = state_->accept_errors,
            .memory = budget ? budget->used() : 0,
            .shed = budget ? budget->shed() : 0,
            .messages_received = state_->messages_received,
            .messages_sent = state_->messages_sent,
            .bytes_received = state_->bytes_received,
            .bytes_sent = state_->bytes_sent};
}

}  // namespace libnet
