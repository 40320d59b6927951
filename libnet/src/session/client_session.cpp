#include "client_state.hpp"
#include "describe_session.hpp"

#include <libnet/runtime/group.hpp>
#include <libnet/runtime/within.hpp>

#include <exception>
#include <utility>

/// What a client does while it runs: connect, session, pause, again. Each step is left when it has
/// ended, or when the client is to stop.
namespace libnet {

void client::state::begin(loop& here)
{
    home = &here;
    leave_step.emplace(here);
    const std::lock_guard lock(stop_mutex);
    box = here.remote();
    stopping = stop_asked;
}

void client::state::stop() noexcept
{
    stopping = true;
    leave_step->wake_all();
}

void client::state::end(const error_code& why)
{
    ended = why;
    if (waiting) {
        waiting->wake_all();
    }
    if (options.on_end) {
        options.on_end(why);
    }
    client_event e = event(client_event::kind::stopped);
    e.why = why;
    tell(e);
}

client_event client::state::event(client_event::kind what) const
{
    client_event e;
    e.what = what;
    e.where = where;
    e.attempt = attempts;
    return e;
}

void client::state::tell(const client_event& e) const
{
    if (options.on_event) {
        options.on_event(e);
    }
}

task<> client::state::keep_connected()
{
    backoff retry(options.backoff);
    while (!stopping) {
        ++attempts;
        tell(event(client_event::kind::connecting));
        const time_point began = home->now();
        duration unanswered{};
        std::optional<result<connection>> dialed;
        co_await checked(connect(dialed));
        client_event how = event(client_event::kind::failed);
        if (stopping || !dialed) {
            break;
        }
        if (*dialed) {
            retry.succeeded(home->now());
            how.what = client_event::kind::ended;
            auto talking = talk_over(std::move(**dialed), how);
            const auto next = co_await std::move(talking);
            if (next.has_error() || *next == after_session::finished) {
                tell(how);
                co_await checked(next);
                co_return;
            }
        } else {
            how.why = dialed->error();
            unanswered = how.why == condition::timeout ? home->now() - began : duration::zero();
            how.tried = std::exchange(tried, {});
        }
        if (!stopping) {
            how.pause = retry.failed(home->now(), home->random(), unanswered);
            failures = retry.failures();
        }
        tell(how);
        if (stopping) {
            break;
        }
        if (!how.pause) {
            co_await fail(how.why);
        }
        co_await checked(pause_for(*how.pause));
    }
}

/// Ends early, and well, when the client is to stop.
task<> client::state::pause_for(duration wait)
{
    const time_point until = add(home->now(), wait);
    const auto left = co_await within(wait, leave_step->wait());
    if (left.has_error() && home->now() < until) {
        co_await fail(left.error());  // it is whoever runs us who has no more time
    }
}

/// Leaves `dialed` as it is if the client is to stop.
task<> client::state::connect(std::optional<result<connection>>& dialed)
{
    tried.clear();
    auto until_stopped = [&](group& g) -> task<> {
        g.start(dial_into(dialed));
        while (!dialed && !stopping) {
            co_await checked(leave_step->wait());
        }
    };
    co_await checked(with_group(until_stopped));
}

task<> client::state::dial_into(std::optional<result<connection>>& dialed)
{
    auto dialing = dial();
    dialed.emplace(co_await std::move(dialing));
    leave_step->wake_all();
}

task<after_session> client::state::talk_over(connection peer, client_event& how)
{
    std::optional<result<after_session>> outcome;
    auto until_ended = [&](group& g) -> task<> {
        g.start(talk_into(peer, outcome));
        result<> left;
        while (!outcome && !stopping && left.has_value()) {
            left = co_await leave_step->wait();
        }
        if (!outcome) {
            peer.drain();
            (void)co_await shielded(options.drain_timeout, g.join());
        }
        if (!outcome) {
            peer.fail(error::drain_timeout);
        }
        co_await checked(left);
    };
    how.peer = peer.peer();
    result<> left;
    std::exception_ptr thrown;
    try {
        left = co_await with_group(until_ended);
    } catch (...) {
        thrown = std::current_exception();
    }
    how.ending = peer.ending();
    how.why = peer.ended()            ? peer.ended()
              : outcome && !*outcome  ? outcome->error()
                                      : make_error_code(error::closed);
    (void)co_await shielded(never, peer.close());
    if (thrown) {
        std::rethrow_exception(thrown);
    }
    co_await checked(left);
    co_return outcome && *outcome ? **outcome : after_session::again;
}

/// Whoever is asked for the connection has it as long as the session runs.
task<> client::state::talk_into(connection& peer, std::optional<result<after_session>>& outcome)
{
    struct presence {
        presence(state& s, connection& c) : of(s)
        {
            of.current = &c;
            of.is_connected = true;
            ++of.sessions;
        }
        ~presence()
        {
            of.current = nullptr;
            of.is_connected = false;
        }
        state& of;
    };
    detail::describe_session(co_await detail::fiber_await{}, peer);
    const presence here(*this, peer);
    client_event begun = event(client_event::kind::connected);
    begun.peer = peer.peer();
    tell(begun);
    if (waiting) {
        waiting->wake_all();
    }
    auto talking = talk(peer);
    outcome.emplace(co_await std::move(talking));
    leave_step->wake_all();
}

}  // namespace libnet
