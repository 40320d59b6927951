#include "describe_session.hpp"
#include "server_state.hpp"

#include <libnet/runtime/within.hpp>

#include <new>
#include <utility>

/// A session, from its start to the report of its end.
namespace libnet {

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

void server::state::count(const connection_info& info) noexcept
{
    messages_received += info.messages_received;
    messages_sent += info.messages_sent;
    bytes_received += info.bytes_received;
    bytes_sent += info.bytes_sent;
}

}  // namespace libnet
