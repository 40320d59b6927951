#pragma once

#include <libnet/core/config.hpp>
#include <libnet/runtime/clock.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace libnet {

/// Any number of timers at constant cost each: fifteen wheels of 8 slots, the first with a tick of
/// 1 ms, each next one 8 times as coarse (G. Varghese and T. Lauck, 1987).
///
///     level 0    |0|1|..|7|           1 ms each     a due slot expires
///     level 1    |0|1|..|7|           8 ms each     a due slot is dealt out to the levels below
///     level 14   |0|1|..|7|      139 years each     more than a time_point can hold
///
/// A pure structure: it is told the time. earliest() says when to come back, and nothing needs to
/// happen before. Nodes are rounded up to the next tick, never down.
///
/// Cost  insert, remove: constant, no allocation. advance: the expired and the dealt-out nodes; a timer
///       of a minute is dealt out five times at most. The wheel itself is 2.9 KiB: every strand has one.
class LIBNET_ASIO_DECL timer_wheel {
public:
    /// What it rounds up to.
    static constexpr duration tick = std::chrono::milliseconds(1);

    /// Empty, with its first tick at `origin`.
    explicit timer_wheel(time_point origin) noexcept;

    /// `node` must not be in a wheel.
    void insert(detail::timer_node& node, time_point due) noexcept;
    void remove(detail::timer_node& node) noexcept;

    /// How many timers are in it.
    bool empty() const noexcept { return count_ == 0; }
    std::size_t size() const noexcept { return count_; }

    /// No node expires before; `end_of_time` when empty. Exact while no node was removed, else
    /// perhaps too early, at most once for each slot.
    time_point earliest() const noexcept;

    /// Moves all nodes that are due at `now` to `expired`, by due tick.
    void advance(time_point now, detail::node_list<detail::timer_node>& expired) noexcept;

private:
    static constexpr std::size_t levels = 15;
    static constexpr std::size_t slots = 8;
    static constexpr std::uint16_t nowhere = 0xffff;

    struct slot {
        detail::node_list<detail::timer_node> nodes;
        std::uint64_t earliest = UINT64_MAX;  // a lower bound of the nodes' ticks
    };

    void place(detail::timer_node& node) noexcept;
    std::size_t first_occupied(std::size_t level) const noexcept;
    std::uint64_t ceiling(time_point due) const noexcept;

    time_point origin_;
    std::uint64_t now_ = 0;  // ticks since origin_
    std::size_t count_ = 0;
    std::array<std::uint8_t, levels> occupied_{};  // a bit for each slot
    std::array<std::array<slot, slots>, levels> wheel_;
};

}  // namespace libnet
