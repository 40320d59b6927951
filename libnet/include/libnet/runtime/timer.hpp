#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/time.hpp>
#include <libnet/runtime/operation.hpp>
#include <libnet/runtime/task.hpp>

namespace libnet {

/// Lets `wait` pass on the loop's clock. Errors: cancelled or timeout, if a scope is stopped.
LIBNET_ASIO_DECL task<> sleep_for(duration wait);

/// Sleeps until the loop's clock shows `when`; at once if it has passed.
LIBNET_ASIO_DECL task<> sleep_until(time_point when);

/// Lets everything else that is ready run, and the loop look at its sockets, before going on.
LIBNET_ASIO_DECL task<> yield();

/// The loop that the task runs on: `loop& l = co_await this_loop();`.
inline detail::loop_await this_loop() noexcept
{
    return {};
}

/// A point in time that can be moved while somebody waits for it.
///
///     timer quiet(co_await this_loop());
///     quiet.expires_after(5s);          // again whenever something was heard
///     co_await quiet.wait();
///
/// Lifetime  must outlive its wait. Threads: the loop's.
class LIBNET_ASIO_DECL timer {
public:
    /// On the clock of `l`, which must outlive it. Set to no time.
    explicit timer(loop& l) noexcept;
    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;
    ~timer() = default;

    /// Moves the point in time; whoever waits, waits for the new one.
    void expires_at(time_point when);
    void expires_after(duration wait);

    /// Lets the wait that is under way end with `cancelled`, and the next one wait for ever.
    void cancel();

    /// Errors   cancelled. Cancel  safe. Overlap  one at a time.
    [[nodiscard]] operation<> wait();

private:
    struct source;

    struct expiry : detail::timer_node {
        explicit expiry(timer& t) noexcept;
        timer* owner;
    };

    loop& loop_;
    time_point due_ = end_of_time;
    expiry expiry_;
    detail::operation_waiter<void>* waiter_ = nullptr;
};

}  // namespace libnet
