#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/list_node.hpp>
#include <libnet/core/time.hpp>

#include <array>
#include <cstdint>

namespace libnet {

class clock;

namespace detail {

/// Something that is to happen at a point in time. Disarmed when it dies.
struct timer_node : list_node {
    using callback = void (*)(timer_node&);

    explicit timer_node(callback on_expiry) noexcept : expired(on_expiry) {}
    inline ~timer_node();

    bool armed() const noexcept { return armed_on != nullptr; }

    callback expired;
    clock* armed_on = nullptr;
    time_point due = end_of_time;
    std::uint64_t order = 0;  // the clock's own: a tick
    std::uint16_t slot = 0;   // the wheel's own
};

}  // namespace detail

/// What time it is, and who wants to be woken when. A loop has one; everything in libnet that
/// waits asks it and nothing else, so that a test can put a manual one in its place.
///
/// Threads  used on the loop's thread alone.
class LIBNET_ASIO_DECL clock {
public:
    virtual ~clock() = default;

    /// This moment, on a clock that only goes forward.
    virtual time_point now() const noexcept = 0;

    /// now(), or up to 10 ms after it where that is cheaper to know; never before it.
    virtual time_point recent() const noexcept { return now(); }

    /// Lets `node` expire at `due` or as soon after as the resolution allows, never before. A node
    /// that is armed already is moved. `end_of_time` disarms it.
    virtual void arm(detail::timer_node& node, time_point due) = 0;
    virtual void disarm(detail::timer_node& node) noexcept = 0;

    /// Nobody is left who could be waiting: forget about the next wake-up.
    virtual void rest() noexcept {}
};

detail::timer_node::~timer_node()
{
    if (armed_on != nullptr) {
        armed_on->disarm(*this);
    }
}

/// A clock that stands still until it is told otherwise. Timers expire in the order of their due
/// times, those of the same instant, and those that were due already when they were armed, in the
/// order of arming: the same in every run.
///
/// Cost  needs no memory, so arming cannot fail, as that of a real loop cannot. A timer moves at most
///       64 times, mostly a few, however many others wait.
class LIBNET_ASIO_DECL manual_clock final : public clock {
public:
    /// Stands still at `start`.
    explicit manual_clock(time_point start = time_point{} + std::chrono::hours(24)) noexcept;

    /// As those of `clock`; only advance() moves it.
    time_point now() const noexcept override { return now_; }
    void arm(detail::timer_node& node, time_point due) override;
    void disarm(detail::timer_node& node) noexcept override;

    /// When the next timer is due; `end_of_time` if there is none.
    time_point next_due() const noexcept;

    /// Goes to the next due time that is not after `limit` and expires one timer; false if there is
    /// none, and then the time is `limit`. Expiring only queues: let the loop run after each.
    bool step(time_point limit);

private:
    // A radix heap: nobody is armed for a time before the last that expired, so timers wait by the
    // highest bit in which they differ from it. Only those of the first drawer are ever sorted, into
    // the drawers below, in their order.
    struct drawer {
        detail::node_list<detail::timer_node> timers;
        mutable time_point earliest = end_of_time;
        mutable bool known = true;  // what the earliest is
    };

    static constexpr unsigned drawers = 64;

    void put(detail::timer_node& node) noexcept;
    unsigned first() const noexcept;
    time_point earliest(const drawer& in) const noexcept;

    time_point now_;
    time_point last_;         // expired
    std::uint64_t used_ = 0;  // a bit for each drawer that is not empty
    std::array<drawer, drawers> drawers_;
};

}  // namespace libnet
