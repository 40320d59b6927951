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
            begin_session(sessions, connection(std::move(*ready), settings), std::move(in));
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

// ---- the session --------------------------------------------------------------------------------

void server::state::begin_session(group& sessions, connection peer, place in)
{
    new running(sessions, std::move(peer), std::move(in));  // the group's
}

server::state::running::running(group& sessions, connection c, place in)
    : served_client(std::move(c), std::move(in)), group_member(sessions, seat.server().open(*this))
{
}

task<> server::state::open(served_client& who)
{
    served.push_back(who);
    if (options.on_open) {
        options.on_open(who.peer);
    }
    if (stopping) {
        drain(who.peer);  // it comes too late to be told with the others
    }
    co_return;
}

/// Of one of its tasks: then the next one begins.
void server::state::running::ended() noexcept
{
    const std::exception_ptr thrown = promise().failure.exception();
    if (at == stage::opens && !thrown) {
        serve();
    } else if (at == stage::serves) {
        close(promise().failure.error(), thrown);
    } else {
        group_member::ended();  // with what a hook has thrown
    }
}

void server::state::running::serve() noexcept
{
    at = stage::serves;
    try {
        go_on_with(server().serve(peer));
    } catch (...) {
        close({}, std::current_exception());
    }
}

void server::state::running::close(const error_code& failure, std::exception_ptr thrown) noexcept
{
    at = stage::closes;
    try {
        go_on_with(server().close(*this, failure, thrown));
        return;
    } catch (const std::bad_alloc&) {  // then the connection's destructor closes it
    }
    const connection_ending ending = server().ending_of(peer, failure, thrown != nullptr);
    served_client::leave();
    try {
        server().report(peer, ending, std::move(thrown));
        leave_group({}, nullptr);
    } catch (...) {
        leave_group({}, std::current_exception());
    }
}

/// The frame of the session has gone, and what its locals have made of the connection counts.
task<> server::state::close(served_client& who, error_code failure, std::exception_ptr thrown)
{
    const connection_ending ending = ending_of(who.peer, failure, thrown != nullptr);
    try {
        (void)co_await shielded(never, who.peer.close());
    } catch (const std::bad_alloc&) {
    }
    who.leave();
    report(who.peer, ending, std::move(thrown));
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
connection_ending server::state::ending_of(const connection& peer, const error_code& failure,
                                           bool has_thrown) const noexcept
{
    connection_ending ending = peer.ending();
    if (peer.ended()) {
        return ending;
    }
    if (has_thrown || failure) {
        ending.who = connection_ending::party::session;
    }
    if (failure) {
        ending.why = failure;
    } else if (stopping && ending.why == error::closed && !has_thrown) {
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
