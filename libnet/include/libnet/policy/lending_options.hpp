#pragma once

#include <libnet/core/time.hpp>
#include <libnet/policy/backoff.hpp>
#include <libnet/policy/circuit_breaker.hpp>
#include <libnet/policy/outlier_ejection.hpp>

#include <cstddef>

namespace libnet {

/// Which of several endpoints gets the next call.
enum class balance : unsigned char {
    round_robin,   ///< one after the other
    least_loaded,  ///< of two picked by chance the one that works less: no herd runs to the emptiest
};

/// How many connections there are, how long they are kept, and when they are looked at.
struct lending_options {
    /// Connections at a time, to all endpoints together: those being made, idle and lent.
    std::size_t max_size = 8;

    /// Kept ready, so that the first callers after a pause need not wait for a handshake.
    std::size_t min_idle = 1;

    /// Borrowers that wait, first come, first served; each for `borrow_timeout` at most, then it is
    /// told `pool_exhausted`. So is the one above `max_waiting`, at once.
    std::size_t max_waiting = 1000;
    duration borrow_timeout = std::chrono::seconds(5);

    /// A connection is replaced at that age, up to a tenth earlier so that not all go together: behind
    /// a name or a balancer there may be another server by now.
    duration max_lifetime = std::chrono::minutes(30);

    /// Unused for so long it is closed, unless it is one of `min_idle`, which are renewed then. Less
    /// than the server's own idle timeout, or it would close just what is being lent: a minute at
    /// most proxies, 65 s at a server of libnet.
    duration idle_timeout = std::chrono::seconds(50);

    /// Idle for longer, it is checked before it is lent; and in the background after `check_every`.
    /// Only where there is a check, which has to answer within `check_timeout`.
    duration check_after = std::chrono::seconds(10);
    duration check_every = std::chrono::seconds(30);
    duration check_timeout = std::chrono::seconds(1);

    libnet::balance balance = libnet::balance::round_robin;  ///< between endpoints that work

    /// Where an endpoint has two connections more than another, as when that comes back after an
    /// outage, one is moved each time that so long has passed, or anything down to half of it: idle
    /// ones, or on their way back. `never` leaves it to `max_lifetime`.
    duration even_out_every = std::chrono::seconds(5);

    /// When to connect again after a failure, for each endpoint. A pool never gives up.
    backoff_options retry{};

    /// When an endpoint fails so often that borrowers are told `circuit_open` at once.
    circuit_breaker_options breaker{};

    /// Whom of several to leave out for a while.
    outlier_ejection_options outliers{};
};

}  // namespace libnet
