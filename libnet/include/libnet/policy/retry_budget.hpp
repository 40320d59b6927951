#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/time.hpp>
#include <libnet/policy/sliding_window.hpp>
#include <libnet/policy/token_bucket.hpp>

#include <cstddef>

namespace libnet {

/// How many retries calls earn.
struct retry_budget_options {
    /// Retries for every hundred calls of the last `window`.
    std::size_t percent = 20;
    duration window = std::chrono::seconds(10);

    /// So many a second in any case, or who calls rarely could never retry.
    std::size_t at_least_per_second = 10;
};

/// Whether a failed call may be made again. Where each of three layers retries three times, one
/// failure becomes 64 calls, just when the server has too many already. With a budget retries stay a
/// share of the calls, whatever fails.
///
///     budget.call(now());
///     while (call failed && budget.take(now())) ...call again, after a backoff
///
/// One for each server, shared by all who call it.
class LIBNET_ASIO_DECL retry_budget {
public:
    /// Errors   throws std::invalid_argument for a window of less than 10 ticks of the clock.
    explicit retry_budget(const retry_budget_options& options = {});

    /// A call is made for the first time.
    void call(time_point now) noexcept { ++window_.at(now).calls; }

    /// One more retry, if there is budget for it. false: the failure is the answer.
    bool take(time_point now) noexcept;

private:
    retry_budget_options options_;
    sliding_window window_;  // calls, and the retries among what was sent
    token_bucket floor_;
};

}  // namespace libnet
