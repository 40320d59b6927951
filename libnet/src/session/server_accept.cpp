#include "server_state.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <new>
#include <utility>

/// Accepting: what the kernel may answer, who is let in, and when to try again.
namespace libnet {
namespace {

constexpr duration first_pause = std::chrono::milliseconds(10);
constexpr duration longest_pause = std::chrono::milliseconds(500);

/// accept() itself said so, and not a socket option of a client that had gone. One alone may be a
/// client's all the same.
bool says_not_listening(const error_code& failed)
{
    namespace errc = boost::system::errc;
    return failed.category() == boost::system::system_category() &&
           failed.value() == errc::invalid_argument;
}

}  // namespace

bool server::state::concerns_one_connection(const error_code& failed)
{
    namespace errc = boost::system::errc;
    return failed == errc::connection_aborted || failed == errc::protocol_error ||
           failed == errc::interrupted || failed == errc::connection_reset ||
           failed == errc::host_unreachable || failed == errc::network_unreachable ||
           failed == errc::network_down || failed == errc::invalid_argument ||
           failed == errc::operation_not_permitted || failed == errc::timed_out;
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
        if (beside_others) {
            gate->wait(*beside_others);
        }
        retry->expires_after(pause);
        (void)co_await retry->wait();
        pause = std::min(2 * pause, longest_pause);
    }
}

/// Lets a client in, or turns it away. It waits here only if the limits have become lower since
/// accept() began; should the server stop meanwhile, the client has come for nothing.
task<> server::state::admit(group& sessions, std::unique_ptr<stream> transport)
{
    const ip_address who = counted_as(*transport);
    for (;;) {
        const auto decision = gate->ask(who, home->now());
        if (decision == admission::decision::let_in) {
            begin(sessions, std::move(transport), place(*this, who));
            co_return;
        }
        if (options.surplus == libnet::surplus::refuse ||
            decision == admission::decision::max_per_address) {
            refuse(sessions, std::move(transport), decision);
            co_return;
        }
        const auto room = co_await wait_for_room();
        if (!room) {
            refuse(sessions, std::move(transport), decision);
            co_return;
        }
    }
}

/// Behind a balancer everybody would be the same, so there it is not known yet whom to count.
ip_address server::state::counted_as(const stream& arriving) const noexcept
{
    const ip_address who = arriving.peer_address();
    return options.proxy.is_on() && options.proxy.trusts(who) ? ip_address() : who;
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
        time_point when = gate->when_next(now, beside_others ? &*beside_others : nullptr);
        if (when <= now) {
            co_return;
        }
        if (beside_others) {
            when =
                std::min(when, now + longest_pause);  // nobody may have had the memory to tell us
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

task<> server::state::wait_until_stopped()
{
    const detail::fiber& self = co_await detail::fiber_await{};
    while (!stopping && self.current_scope()->stopped == error{}) {
        retry->expires_at(end_of_time);
        (void)co_await retry->wait();
    }
}

/// There may be a descriptor, or room, or another limit.
void server::state::accept_again() noexcept
{
    if (retry) {
        retry->expires_after(duration::zero());
    }
}

void server::state::begin(group& sessions, std::unique_ptr<stream> transport, place in)
{
    if (handing_out) {
        hand_out(std::move(transport), std::move(in));
        return;
    }
    if (options.layer || options.proxy.is_on()) {
        sessions.start(run_layer(sessions, std::move(transport), std::move(in)));
    } else {
        begin_session(sessions, connection(std::move(transport), settings), std::move(in));
    }
    ++accepted;
}

void server::state::stop_accepting() noexcept
{
    stopping = true;
    if (source && !std::exchange(arrivals_ended, true)) {
        some_are_left = source->end_arrivals();
    }
    accept_again();
}

}  // namespace libnet
