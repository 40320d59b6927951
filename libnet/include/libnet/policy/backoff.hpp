#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/no_limit.hpp>
#include <libnet/core/time.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace libnet {

/// How long to wait between attempts.
struct backoff_options {
    /// The longest wait after the first failure, twice that after the second, and so on up to
    /// `longest`. `first` 0: never wait.
    duration first = std::chrono::milliseconds(100);
    duration longest = std::chrono::seconds(30);

    /// How long a success has to last before what failed earlier is forgotten. What is lost sooner
    /// counts as one more failure, or a server that accepts and dies would be hammered.
    duration stable_after = std::chrono::minutes(1);

    /// After so many failures in a row there is no other attempt.
    std::size_t give_up_after = no_limit;
};

/// When to try again: exponential backoff with full jitter. Each wait is anything between nothing
/// and its longest, so that those who failed together do not come back together.
///
///     failures     1         2              3                       4
///     wait up to  |100 ms|  |   200 ms   |  |        400 ms        |  |   800 ms ...   30 s
///
/// An attempt that nobody answers says more than one that is refused, and it is made of several: the
/// kernel repeats it. Who was not answered for 3 s does not wait for 100 ms, but for up to 6 s, then 12,
/// 24, ... and for a third of that at least.
///
///     backoff retry;
///     while (!try_it()) {
///         const auto wait = retry.failed(now(), random());
///         if (!wait) ...                      // gives up
///     }
///
/// Cost     some arithmetic; knows neither a clock nor random numbers: both are arguments.
class LIBNET_ASIO_DECL backoff {
public:
    /// Errors   throws std::invalid_argument for durations below 0.
    explicit backoff(const backoff_options& options = {});

    /// An attempt has failed, or what it had achieved is lost. How long to wait before the next one;
    /// nothing: there is none. `random` is any number, all of them equally likely; `unanswered` is how
    /// long the attempt was made in vain, if it failed because no answer came.
    std::optional<duration> failed(time_point now, std::uint64_t random,
                                   duration unanswered = duration::zero()) noexcept;

    /// An attempt has succeeded. What went wrong earlier is forgotten when that has lasted.
    void succeeded(time_point now) noexcept { standing_since_ = now; }

    /// Forgets all failures now.
    void reset() noexcept;

    /// In a row, those included that a success has not outlasted yet.
    std::size_t failures() const noexcept { return failures_; }

    /// failed() would answer, or has answered, that there is no other attempt.
    bool gives_up() const noexcept { return failures_ >= options_.give_up_after; }

    /// Those that it was made with.
    const backoff_options& options() const noexcept { return options_; }

private:
    backoff_options options_;
    duration ceiling_;  // of the next wait
    std::size_t failures_ = 0;
    std::optional<time_point> standing_since_;
};

}  // namespace libnet
