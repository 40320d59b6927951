#pragma once

#include "operation_memory.hpp"

#include <libnet/runtime/clock.hpp>
#include <libnet/runtime/timer_wheel.hpp>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>

namespace libnet::detail {

class asio_loop;

/// Real time: a timer wheel and one Asio timer, armed for the wheel's earliest due time.
///
/// Time in which the process did not run does not count, as CLOCK_MONOTONIC does not count that in
/// which the machine slept: after a SIGSTOP, or a debugger, everybody's deadline would have passed,
/// though nobody was listened to. It is noticed by an alarm that comes much too late.
class asio_clock final : public clock {
public:
    asio_clock(boost::asio::io_context& context, asio_loop& home);

    time_point now() const noexcept override { return steady::now() - stood_still_; }
    LIBNET_ASIO_HOT time_point recent() const noexcept override;
    void arm(timer_node& node, time_point due) override;
    void disarm(timer_node& node) noexcept override;
    void rest() noexcept override;

private:
    using steady = std::chrono::steady_clock;

    /// So late is no alarm of a process that runs, however busy it is: a busy one must go on counting,
    /// or its deadlines would never come.
    static constexpr duration too_late = std::chrono::seconds(2);

    using asio_timer = boost::asio::basic_waitable_timer<steady, boost::asio::wait_traits<steady>,
                                                         boost::asio::io_context::executor_type>;

    void wake_at(time_point due);
    void woken();

    asio_loop& loop_;
    const duration coarse_tick_;  // of the clock that is cheap to read
    timer_wheel wheel_;
    asio_timer timer_;
    operation_memory waiting_;
    time_point wakes_at_ = end_of_time;
    duration stood_still_{};  // altogether
};

}  // namespace libnet::detail
