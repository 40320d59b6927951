#include "connection_core.hpp"
#include "server_state.hpp"

#include <new>
#include <utility>

/// The end of a server in good order: what was asked is answered.
namespace libnet {
namespace {

/// For connections to close in, once the time for draining is up.
constexpr duration last_words = std::chrono::milliseconds(500);

}  // namespace

void server::state::hand_over() noexcept
{
    if (source) {
        source->leave_to_others();
    }
    stop_accepting();
}

task<> server::state::drain(group& sessions)
{
    served.for_each([this](served_client& c) { drain(c.peer); });
    co_await take_in_the_rest(sessions);
    co_await checked(sessions.join());
}

/// A part to which clients are handed out has none.
void server::state::close_source() noexcept
{
    if (source) {
        source->close();
    }
}

/// Those who had a connection when arrivals ended. Who finds no room now is refused: nobody will wait
/// for room any more.
task<> server::state::take_in_the_rest(group& sessions)
{
    int failures = 0;
    while (some_are_left) {
        try {
            auto transport = co_await source->accept();
            if (transport) {
                failures = 0;
                const ip_address who = counted_as(**transport);
                const auto decision = gate->ask(who, home->now());
                if (decision == admission::decision::let_in) {
                    begin(sessions, std::move(*transport), place(*this, who));
                } else {
                    refuse(sessions, std::move(*transport), decision);
                }
                continue;
            }
            some_are_left =
                concerns_one_connection(transport.error()) && ++failures < aborted_in_a_row;
        } catch (const std::bad_alloc&) {
            some_are_left = false;
        }
    }
    close_source();
}

void server::state::drain(connection& peer)
{
    if (peer.draining() || peer.ended()) {
        return;
    }
    const bool told = say_goodbye(peer);
    peer.drain({.first_frame = options.drain_grace,
                .any_frame = told ? options.drain_grace : duration::zero()});
}

bool server::state::say_goodbye(connection& peer)
{
    if (!options.goodbye) {
        return false;
    }
    std::string message;
    try {
        message = options.goodbye(peer);
    } catch (...) {
        fail_hook();
    }
    if (message.empty()) {
        return false;
    }
    detail::connection_access::core(peer).send_now(as_bytes(message));
    return true;
}

/// The time is up: nobody is waited for any more.
void server::state::end_sessions()
{
    close_source();
    served.for_each([](served_client& c) {
        c.peer.fail(error::drain_timeout);
        detail::connection_access::core(c.peer).close_within(last_words);
    });
}

/// A hook threw: the server ends with that.
void server::state::fail_hook() noexcept
{
    hook_failed = std::current_exception();
    stop_accepting();
}

}  // namespace libnet
