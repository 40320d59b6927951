#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/time.hpp>

#include <cstddef>
#include <optional>

namespace libnet {

/// A limit that finds itself: one more when all went well for as many calls as the limit has, a tenth
/// less when something was overloaded; so that it stays just below what can be borne.
struct adaptive_limit {
    std::size_t least = 4;    ///< it never goes below
    std::size_t most = 1000;  ///< or above

    /// A call that took longer than that says `overloaded`, whatever else it says.
    duration too_slow = std::chrono::seconds(1);
};

/// How many run at a time, and what becomes of the others.
struct concurrency_limit_options {
    /// Calls at a time; where it adapts, at first.
    std::size_t limit = 100;

    /// Above that so many wait, and the rest is refused. A queue makes up for bursts; a long one only
    /// makes everybody late. 0: nobody waits.
    std::size_t max_waiting = 100;

    std::optional<adaptive_limit> adaptive = std::nullopt;  ///< set: the limit finds itself
};

/// Sheds load: what is above the limit is refused at once, while it costs nothing yet, instead of
/// being late together with everything else. Whoever asks keeps the queue, as `limiter` does; this
/// says who may go on.
///
///     switch (limit.ask(patience)) {
///     case begin:  work; limit.end(began, now(), outcome::done); and while (limit.next()) wake one
///     case wait:   queue; when woken, work as above; limit.leave_queue() when it gives up
///     case refuse: answer "busy"
///     }
class LIBNET_ASIO_DECL concurrency_limit {
public:
    /// What becomes of one that comes.
    enum class decision : unsigned char { begin, wait, refuse };

    /// How a call ended, as far as it tells something about the load.
    enum class outcome : unsigned char {
        done,
        overloaded,  ///< a timeout, or somebody said that it has too much to do
        unknown,     ///< cancelled, or failed for a reason of its own
    };

    /// Errors   throws std::invalid_argument for a limit of 0, or an adaptive one between 0 and
    ///          something, or between more and less.
    explicit concurrency_limit(const concurrency_limit_options& options = {});

    /// Nobody is told to wait who would probably wait for longer than `patience`.
    decision ask(duration patience = never) noexcept;

    /// Whether ask() would say `begin`.
    bool has_room() const noexcept { return running_ < limit_ && waiting_ == 0; }

    /// Whether ask() would say `refuse`, however patient who asks.
    bool is_full() const noexcept { return !has_room() && waiting_ >= options_.max_waiting; }

    /// How long whoever began to wait now would probably wait: those before them, at the pace of the
    /// last few calls. 0 before any has ended.
    duration expected_wait() const noexcept;

    /// Lets the first in the queue begin, if there is room.
    bool next() noexcept;

    /// One that waited has given up.
    void leave_queue() noexcept { --waiting_; }

    /// A call has ended that had begun at `began`.
    void end(time_point began, time_point now, outcome how) noexcept;

    /// How many may run now, how many do, and how many wait.
    std::size_t limit() const noexcept { return limit_; }
    std::size_t running() const noexcept { return running_; }
    std::size_t waiting() const noexcept { return waiting_; }

private:
    void adapt(time_point began, time_point now, outcome how) noexcept;

    concurrency_limit_options options_;
    std::size_t limit_;
    std::size_t running_ = 0;
    std::size_t waiting_ = 0;
    std::size_t good_ = 0;  // calls since the limit last changed
    time_point cut_at_ = time_point::min();
    duration usual_{};  // that a call takes, the last ones counting most
};

}  // namespace libnet
