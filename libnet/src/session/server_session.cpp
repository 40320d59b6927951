#include "describe_session.hpp"
#include "proxy_arrival.hpp"
#include "server_state.hpp"

#include <libnet/runtime/within.hpp>

#include <new>
#include <utility>

/// A session, from its start to the report of its end.
namespace libnet {

/// What comes before the session, in a task that ends when the session begins: it would lie below it
/// for as long as the connection lives.
task<> server::state::run_layer(group& sessions, std::unique_ptr<stream> transport, place in)
{
    connection_info info;  // for the report of a client with whom no session begins
    if (options.on_close) {
        info.peer = transport->peer();
        info.local = transport->local();
        info.opened = home->now();
    }
    error_code why;
    std::exception_ptr thrown;
    try {
        auto preparing = prepare(sessions, std::move(transport), in, info);
        auto ready = co_await std::move(preparing);
        if (ready && !*ready) {
            co_return;  // refused, and that has been told
        }
        if (ready) {
            connection peer(std::move(*ready), settings);
            sessions.start(run_session(std::move(peer), std::move(in)));
            co_return;
        }
        why = ready.error();
    } catch (...) {
        thrown = std::current_exception();
    }
    in.leave();
    report_layer(std::move(info), why, std::move(thrown));
}

/// The balancer's header, if there is to be one, and then the layer. Nothing if the client that the
/// header names was refused.
task<std::unique_ptr<stream>> server::state::prepare(group& sessions,
                                                     std::unique_ptr<stream> transport, place& in,
                                                     connection_info& info)
{
    if (options.proxy.is_on()) {
        auto receiving = detail::receive_proxy_header(std::move(transport), options.proxy);
        transport = co_await checked(std::move(receiving));
        if (options.on_close && transport->proxy() != nullptr) {
            info.peer = transport->peer();
            info.proxy = *transport->proxy();
        }
        const auto decision = in.belongs_to(transport->peer_address());
        if (decision != admission::decision::let_in) {
            --accepted;
            in.leave();
            refuse(sessions, std::move(transport), decision);
            co_return nullptr;
        }
    }
    if (options.layer) {
        endpoint nowhere;
        auto building = options.layer(std::move(transport), std::move(nowhere));
        transport = co_await checked(std::move(building));
    }
    co_return std::move(transport);
}

void server::state::report_layer(connection_info info, const error_code& why,
                                 std::exception_ptr thrown)
{
    if (options.on_close) {
        session_report report;
        report.reason = stopping && why == error::cancelled ? error::draining : why;
        report.ending = {.who = party_behind(report.reason),
                         .during = connection_ending::phase::handshake,
                         .why = report.reason};
        report.exception = std::move(thrown);
        report.info = std::move(info);
        report.info.age = home->now() - report.info.opened;
        report.info.ended = report.reason;
        options.on_close(report);
    }
}

/// One client, from accept to close. What is needed only at the end is in a frame that is there only
/// at the end: this one waits, ten thousand times over.
task<> server::state::run_session(connection peer, place in)
{
    running session(*this, peer, std::move(in));
    detail::describe_session(co_await detail::fiber_await{}, peer);
    if (options.on_open) {
        options.on_open(peer);
    }
    if (stopping) {
        drain(peer);  // it comes too late to be told with the others
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
