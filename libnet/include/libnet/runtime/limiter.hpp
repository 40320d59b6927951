#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/time.hpp>
#include <libnet/policy/concurrency_limit.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/runtime/operation.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace libnet {

namespace detail {
class limiter_state;
}

/// How many at a time, and how long the others wait.
struct limiter_options {
    /// How many at a time, how many wait, and whether the limit finds itself.
    concurrency_limit_options limit{};

    /// Who has waited for so long is refused: whoever asked them has probably given up.
    duration longest_wait = std::chrono::seconds(1);
};

/// What a limiter has let in, and what it has not.
struct limiter_stats {
    std::size_t limit = 0;    ///< how many may run now
    std::size_t running = 0;  ///< tasks that have a turn
    std::size_t waiting = 0;  ///< tasks that wait for one

    std::uint64_t let_in = 0;   ///< since the start
    std::uint64_t waited = 0;   ///< those of them that had to wait
    duration wait_time{};       ///< of these together
    duration longest_wait{};    ///< that anybody had
    std::uint64_t refused = 0;  ///< at once, or after `longest_wait`
};

/// Leave to work, until it is given back; it gives itself back when it dies. May outlive its limiter.
class LIBNET_ASIO_DECL permit {
public:
    permit(permit&& other) noexcept : of_(std::move(other.of_)), began_(other.began_) {}
    permit& operator=(permit&& other) noexcept
    {
        std::swap(of_, other.of_);
        std::swap(began_, other.began_);
        return *this;
    }
    ~permit() { end(concurrency_limit::outcome::unknown); }

    /// Gives it back. A limit that adapts learns from it: that all went well, or that it was too much
    /// (a timeout, a "busy" from further down). One that just dies tells nothing about the load.
    void done() noexcept { end(concurrency_limit::outcome::done); }
    void overloaded() noexcept { end(concurrency_limit::outcome::overloaded); }

private:
    friend class detail::limiter_state;
    permit(std::shared_ptr<detail::limiter_state> of, time_point began) noexcept
        : of_(std::move(of)), began_(began)
    {
    }
    void end(concurrency_limit::outcome how) noexcept;

    std::shared_ptr<detail::limiter_state> of_;
    time_point began_;
};

/// So much work at a time, however many want to do some: the others wait in the order in which they
/// came, or are refused while that costs nothing yet. One for all sessions of a server that share
/// what is scarce: a database, a disk, memory.
///
///     limiter at_once(here, {.limit = {.limit = 16}});
///     ...
///     auto turn = co_await at_once.acquire();
///     if (!turn) { co_await peer.send("busy"); continue; }
///     const auto answer = co_await look_up(question);
///     turn->done();
///
/// Threads   the loop's.
/// Lifetime  must outlive those who wait.
class LIBNET_ASIO_DECL limiter {
public:
    /// Errors   throws std::invalid_argument for what concurrency_limit does not take.
    explicit limiter(loop& home, const limiter_options& options = {});
    limiter(const limiter&) = delete;
    limiter& operator=(const limiter&) = delete;
    ~limiter();

    /// Waits for leave to work, first come, first served.
    ///
    /// Errors   limit_reached: at once if too many wait, or if at the present pace the turn would come
    ///          after `longest_wait` or after the deadline around the await; or when `longest_wait` is
    ///          over.
    /// Cancel   safe: leaves the queue. Overlap any number.
    /// Cost     no allocation; a look at the clock.
    [[nodiscard]] operation<permit> acquire();

    /// As of now.
    limiter_stats stats() const noexcept;

private:
    std::shared_ptr<detail::limiter_state> state_;
};

}  // namespace libnet
