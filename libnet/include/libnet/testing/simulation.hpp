#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/time.hpp>
#include <libnet/runtime/clock.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/runtime/operation.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/session/connection.hpp>
#include <libnet/testing/simulated_network.hpp>
#include <libnet/testing/stream_pair.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace libnet::testing {

/// Two connections that lead to each other. They belong to the simulation that made them.
struct connection_pair {
    connection& left;   ///< whose peer is `right`
    connection& right;  ///< whose peer is `left`
};

/// A loop in which time stands still until it is told otherwise. No test sleeps.
///
///     simulation sim;
///     auto [client, peer] = sim.connect({}, {.idle_timeout = 65s});
///     sim.serve(peer, echo);
///     result<std::string> reply = sim.run(ask(client, "hello"));
///     sim.advance(66s);                                   // now the idle timeout has struck
///
/// Everything is deterministic: same program, same order, in every run.
///
/// Lifetime  connections that connect() makes live as long as the simulation, which destroys the
///           tasks that still run before them. One that a test makes itself, and one that it moves
///           out of a pair, must outlive the tasks that use it: let those end first, by themselves,
///           by time, or by cancel() and settle().
class LIBNET_ASIO_TESTING_DECL simulation {
public:
    simulation();
    simulation(const simulation&) = delete;
    simulation& operator=(const simulation&) = delete;

    /// Destroys the tasks that still run, as the end of an io_context does.
    ~simulation();

    /// The loop on which all of it runs, and the time of its clock.
    loop& home() noexcept { return *loop_; }
    time_point now() const noexcept { return clock_.now(); }

    /// Where connect() and servers lead in here: nothing goes to the system's sockets.
    simulated_network& network() noexcept { return *network_; }

    /// Other random numbers, in the loop and on the lines, before anything has begun. They are the
    /// same in every run in any case.
    void seed(std::uint64_t start);

    /// Two connections over a stream_pair; options for each side and each direction.
    connection_pair connect(connection_options left = {}, connection_options right = {},
                            pipe_options forward = {}, pipe_options backward = {});

    /// Over a pair of the test's own, which keeps its hands on what lies between them.
    connection_pair connect(stream_pair& between, connection_options left = {},
                            connection_options right = {});

    /// Runs `body` to its end, letting time pass whenever nothing else can happen. Rethrows.
    /// Answers `no_value` if it can never end: everybody waits for something that nobody will do.
    template <class T>
    result<T> run(task<T> body);

    /// The same for what a connection does: `sim.run(client.receive())`.
    template <class T>
    result<T> run(operation<T> what);

    /// Starts `body` beside the test. What it ends with is looked at by outcome(), in order.
    void start(task<> body);

    /// Starts `session` over `peer` as a server would: when it has ended, however, `peer` is closed.
    void serve(connection& peer, std::function<task<>(connection&)> session);

    /// Tasks begun by start() or serve() that have not ended.
    std::size_t running() const noexcept;

    /// How the n-th task that was begun ended; empty while it runs. Rethrows what it threw.
    std::optional<result<>> outcome(std::size_t n) const;

    /// Cancels what was begun.
    void cancel();

    /// Lets everything happen that can happen without time passing.
    void settle();

    /// Lets time pass, from one due time to the next, settling after each.
    void advance(duration time);

    /// Does one piece of work, or goes to the next due time if there is none; false if nothing is
    /// left to do. So every cut of a scenario can be enumerated: step n times, then cancel.
    bool step();

    struct context;

private:
    struct started;

    bool next_timer(time_point limit);
    bool pass_time();

    struct belongings;

    manual_clock clock_;  // outlives all that waits on it
    std::unique_ptr<belongings> belongings_;
    std::unique_ptr<simulated_network> network_;
    std::unique_ptr<context> context_;
    loop* loop_;
    std::vector<std::shared_ptr<started>> started_;
};

namespace detail {

/// Owned by the task and the test: whichever ends first.
template <class T>
struct ending {
    std::optional<result<T>> outcome;
    std::exception_ptr thrown;
};

template <class T>
task<> keep(task<T> body, std::shared_ptr<ending<T>> end)
{
    try {
        end->outcome.emplace(co_await std::move(body));
    } catch (...) {
        end->thrown = std::current_exception();
    }
}

template <class T>
task<T> as_task(operation<T> what)
{
    co_return co_await checked(std::move(what));
}

}  // namespace detail

template <class T>
result<T> simulation::run(operation<T> what)
{
    return run(detail::as_task(std::move(what)));
}

template <class T>
result<T> simulation::run(task<T> body)
{
    const auto end = std::make_shared<detail::ending<T>>();
    start(detail::keep(std::move(body), end));
    do {
        settle();
    } while (!end->outcome && !end->thrown && pass_time());
    if (end->thrown) {
        std::rethrow_exception(end->thrown);
    }
    return end->outcome ? std::move(*end->outcome) : libnet::detail::failed<T>(error::no_value);
}

}  // namespace libnet::testing
