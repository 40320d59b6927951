#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/ip_address.hpp>
#include <libnet/core/time.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace libnet {

/// The order in which to try the addresses of a host: as they are given, but the families take turns,
/// beginning with that of the first. So a family that does not work costs one attempt, not all of
/// them. Answers the places of `addresses` in that order.
LIBNET_ASIO_DECL std::vector<std::size_t>
interleave_families(std::span<const ip_address> addresses);

/// When to try which address of a host that has several (RFC 8305, "happy eyeballs"): one after the
/// other, but the next need not wait until the one before has failed.
///
///     0 ms          250 ms        500 ms
///     |-- IPv6 ------------------------------------ ...   nothing comes back
///                   |-- IPv4 -- connected                 the first that is connected wins
///
/// An attempt that fails lets the next one begin at once. Time is an argument; the addresses are
/// numbers, from 0.
class LIBNET_ASIO_DECL happy_eyeballs {
public:
    /// What RFC 8305 recommends between two attempts.
    static constexpr duration usual_delay = std::chrono::milliseconds(250);

    /// For so many addresses, in the order in which they are to be tried.
    explicit happy_eyeballs(std::size_t addresses, duration delay = usual_delay) noexcept
        : addresses_(addresses), delay_(delay)
    {
    }

    /// The address to begin an attempt with now; nothing: not yet, or there is none left.
    std::optional<std::size_t> next(time_point now) noexcept;

    /// An attempt ended without a connection.
    void failed() noexcept;

    /// When next() will answer the next address, if no attempt fails before.
    time_point due() const noexcept { return next_ < addresses_ ? due_ : end_of_time; }

    /// All of them were tried, and failed; at once if there is no address at all.
    bool lost() const noexcept { return failed_ == addresses_; }

private:
    std::size_t addresses_;
    duration delay_;
    std::size_t next_ = 0;
    std::size_t failed_ = 0;
    time_point due_ = time_point::min();
};

}  // namespace libnet
