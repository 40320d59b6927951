#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/time.hpp>
#include <libnet/policy/backoff.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace libnet {

/// When a request whose answer does not come is sent again.
struct retransmission_options {
    /// How often it is sent, all in all. 1: never again.
    std::size_t attempts = 5;

    /// What an answer may take. It is waited for so long in any case, and on top of it, from the first
    /// failure on, anything between nothing and `spread`, then twice that, and so on up to `longest`:
    /// so that those whose requests were lost together do not come back together.
    duration answer_time = std::chrono::milliseconds(200);
    duration spread = std::chrono::milliseconds(200);
    duration longest = std::chrono::seconds(2);
};

/// The schedule of one request. Knows neither a clock nor random numbers: both are arguments.
///
///     send  |answer_time|+ spread      |+ 2 spread                |+ 4 spread ...
///           |           again          again                      again           gives up
class LIBNET_ASIO_DECL retransmission {
public:
    /// Errors   throws std::invalid_argument for durations below 0, or no attempt at all.
    explicit retransmission(const retransmission_options& options = {});

    /// It is sent now: how long to wait for the answer. Nothing: it is not sent any more, it was sent
    /// often enough.
    std::optional<duration> sending(time_point now, std::uint64_t random) noexcept;

    /// How many times it was sent.
    std::size_t attempts() const noexcept { return attempts_; }

private:
    retransmission_options options_;
    backoff pauses_;
    std::size_t attempts_ = 0;
};

}  // namespace libnet
