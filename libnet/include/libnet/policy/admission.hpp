#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/ip_address.hpp>
#include <libnet/core/no_limit.hpp>
#include <libnet/core/time.hpp>
#include <libnet/policy/token_bucket.hpp>

#include <cstddef>
#include <memory>
#include <optional>

namespace libnet {

/// How many are let in, and how fast. 0 lets nobody in.
struct admission_limits {
    /// At a time. The default is beyond what most processes may have descriptors for (`ulimit -n`);
    /// it bounds the memory of those that may have more.
    std::size_t max_connections = 10'000;

    /// Of one address at a time. Off by default: behind one address there can be a whole office, or
    /// the proxy through which everybody comes.
    std::size_t max_per_address = no_limit;

    /// How many leading bits make an address: a customer of IPv6 has a whole /64, or more. Peers
    /// without an address, of Unix sockets, count in max_connections only.
    unsigned ipv4_prefix = 32;
    unsigned ipv6_prefix = 64;

    /// New ones per second; and how many of them at once, after a pause. Unset that is as many as a
    /// second brings; at least one.
    std::size_t accept_rate = no_limit;
    std::optional<std::size_t> accept_burst = std::nullopt;
};

/// Decides who is let in, and counts who is. Knows no sockets and no clock.
///
/// Memory  one entry for each address that has connections now; so no flood can make it grow beyond
///         them, and no choice of addresses can make it slow.
class LIBNET_ASIO_DECL admission {
public:
    /// The limit that is in the way of the next one, or none. That of the address comes first.
    enum class decision { let_in, max_per_address, max_connections, accept_rate };

    /// With nobody in.
    explicit admission(const admission_limits& limits = {}) noexcept;
    admission(admission&& other) noexcept;
    admission& operator=(admission&& other) noexcept;
    ~admission();

    /// Asks for one more, and counts it if it is let in; only then it costs some of the rate.
    ///
    /// Errors   throws std::bad_alloc, and has counted nothing, if there is no memory for the first
    ///          one of an address.
    /// Cost     no allocation for an address that has connections already. Looks at no more
    ///          addresses of a network than max_per_address.
    decision ask(const ip_address& who, time_point now);

    /// One that was let in turns out to be of another address: behind a balancer that is known only
    /// when it has said for whom it connects. Counts there from now on, if there is room; else nothing
    /// changes.
    ///
    /// Errors   throws std::bad_alloc, as ask().
    decision recount(const ip_address& before, const ip_address& now_as);

    /// One that was let in has gone.
    void leave(const ip_address& who) noexcept;

    /// When somebody can be let in, whoever it is: `now`, when the rate allows it, or `end_of_time`
    /// if first somebody has to leave or limits have to change.
    time_point when_next(time_point now) const noexcept;

    /// Any time. Nobody has to leave: above a lower limit nobody is let in until they are fewer.
    void set_limits(const admission_limits& limits, time_point now) noexcept;

    /// Those that hold now.
    const admission_limits& limits() const noexcept { return limits_; }

    /// Those who are in.
    std::size_t connections() const noexcept { return connections_; }

    /// Entries: addresses with at least one connection.
    std::size_t addresses() const noexcept;

private:
    bool has_room_for(const ip_address& who) const noexcept;
    void count(const ip_address& who);
    void forget(const ip_address& who) noexcept;

    admission_limits limits_;
    std::size_t connections_ = 0;

    struct counts;
    std::unique_ptr<counts> of_address_;  // once somebody with an address has come
    token_bucket tokens_;
};

/// The name of the limit in admission_limits; "let_in" if there is none.
LIBNET_ASIO_DECL const char* name_of(admission::decision d) noexcept;

}  // namespace libnet
