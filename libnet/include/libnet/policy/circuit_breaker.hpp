#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/no_limit.hpp>
#include <libnet/core/time.hpp>
#include <libnet/policy/sliding_window.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace libnet {

/// When it opens, for how long, and what closes it again.
struct circuit_breaker_options {
    /// What opens it: so many failures in a row; or so many in a hundred, if there were at least
    /// `minimum_calls` in the last `window`. `no_limit` switches either off.
    std::size_t consecutive_failures = 5;
    std::size_t failure_percent = 50;
    std::size_t minimum_calls = 20;
    duration window = std::chrono::seconds(10);

    /// How long it stays open: `open_for` at first, twice as long each time that a probe fails, up to
    /// `longest_open`; of that anything from one half to all, so that those who broke together do
    /// not probe together. Closed for `longest_open`, it begins with `open_for` again.
    duration open_for = std::chrono::seconds(1);
    duration longest_open = std::chrono::seconds(30);

    /// Half-open: so many calls at a time, and so many have to succeed before it closes.
    std::size_t probes = 1;
    std::size_t successes_to_close = 1;

    /// A probe that nobody has reported on after so long is given up, or it would be the last one.
    duration probe_timeout = std::chrono::seconds(30);
};

/// Calls pass; none does; a few do, to see.
enum class circuit : unsigned char { closed, open, half_open };

/// "closed", "open", "half_open"
LIBNET_ASIO_DECL const char* name_of(circuit c) noexcept;

/// Stops calls to a server that fails anyway: they would only wait, and keep it from recovering.
///
///              failures               open_for has passed
///     closed ------------> open ---------------------------> half_open
///        ^                  ^           a probe fails            |
///        |                  +------------------------------------+
///        +-------------------------------------------------------+
///                               probes succeed
///
///     if (const auto ticket = breaker.ask(now())) {
///         if (call it) breaker.succeeded(*ticket, now());
///         else breaker.failed(*ticket, now(), random());
///     } else fail with circuit_open
///
/// A report on a call that was let through in an earlier state says nothing about this one and is
/// ignored.
class LIBNET_ASIO_DECL circuit_breaker {
public:
    /// The state in which a call was let through.
    using ticket = std::uint32_t;

    /// Errors   throws std::invalid_argument for a window of less than 10 ticks, and for 0 probes or
    ///          successes.
    explicit circuit_breaker(const circuit_breaker_options& options = {});

    /// Whether a call may be made. Every ticket is reported on by one of the three below.
    std::optional<ticket> ask(time_point now) noexcept;

    /// Whether ask() would say yes.
    bool would_allow(time_point now) const noexcept { return when_next(now) <= now; }

    /// How a call ended that was let pass. `random` spreads how long it stays open.
    void succeeded(ticket of, time_point now) noexcept;
    void failed(ticket of, time_point now, std::uint64_t random) noexcept;

    /// It ended without telling anything about the server: cancelled, say.
    void abandoned(ticket of) noexcept;

    /// From when on a call would be allowed: `now`, or later.
    time_point when_next(time_point now) const noexcept;

    /// As of the last call of ask().
    circuit state() const noexcept { return state_; }

private:
    void open(time_point now, std::uint64_t random) noexcept;
    void change_to(circuit next) noexcept;

    circuit_breaker_options options_;
    sliding_window window_;
    circuit state_ = circuit::closed;
    ticket generation_ = 0;
    std::size_t consecutive_ = 0;  // failures; successes while half-open
    std::size_t probing_ = 0;
    time_point probe_due_ = end_of_time;
    duration next_open_;
    time_point open_until_{};
    std::optional<time_point> closed_at_;  // after having been open
};

}  // namespace libnet
