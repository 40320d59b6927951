#include "asio_clock.hpp"

#include "asio_loop.hpp"

#include <boost/asio/bind_executor.hpp>

#include <ctime>

namespace libnet::detail {
namespace {

#if defined(CLOCK_MONOTONIC_COARSE)
duration since_epoch(const timespec& t)
{
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

#endif

/// How far the clock that is cheap to read may be behind.
duration coarse_tick()
{
#if defined(CLOCK_MONOTONIC_COARSE)
    timespec t;
    if (::clock_getres(CLOCK_MONOTONIC_COARSE, &t) == 0) {
        return since_epoch(t);
    }
#endif
    return std::chrono::milliseconds(10);
}

}  // namespace

asio_clock::asio_clock(boost::asio::io_context& context, asio_loop& home)
    : loop_(home),
      coarse_tick_(coarse_tick()),
      wheel_(steady::now()),
      timer_(context.get_executor())
{
}

time_point asio_clock::recent() const noexcept
{
#if defined(CLOCK_MONOTONIC_COARSE)
    // The same clock as of the kernel's last tick, at a quarter of the price. A tick is added, or
    // deadlines that are counted from here would strike early.
    timespec t;
    if (::clock_gettime(CLOCK_MONOTONIC_COARSE, &t) == 0) {
        return time_point(since_epoch(t)) + coarse_tick_ - stood_still_;
    }
#endif
    return now();
}

void asio_clock::arm(timer_node& node, time_point due)
{
    if (node.armed()) {
        node.armed_on->disarm(node);
    }
    if (due == end_of_time) {
        return;
    }
    wheel_.insert(node, due);
    node.armed_on = this;
    if (due < wakes_at_) {
        // Others of the same tick have set the alarm already.
        if (const time_point first = wheel_.earliest(); first < wakes_at_) {
            wake_at(first);
        }
    }
}

void asio_clock::disarm(timer_node& node) noexcept
{
    wheel_.remove(node);
    node.armed_on = nullptr;
}

void asio_clock::rest() noexcept
{
    if (wakes_at_ != end_of_time) {
        wakes_at_ = end_of_time;
        timer_.cancel();
    }
}

void asio_clock::wake_at(time_point due)
{
    wakes_at_ = due;
    timer_.expires_at(due + stood_still_);
    if (const auto* strand = loop_.strand()) {
        // The memory of a wait that was cancelled is freed outside of the strand: none is lent.
        timer_.async_wait(boost::asio::bind_executor(
            *strand, [this, kept = loop_.shared_from_this()](
                         const boost::system::error_code& cancelled) {
                if (!cancelled) {
                    woken();
                }
            }));
        return;
    }
    timer_.async_wait(
        lent_memory_handler{&waiting_, [this](const boost::system::error_code& cancelled) {
                                if (!cancelled) {
                                    woken();
                                }
                            }});
}

void asio_clock::woken()
{
    loop::turn this_turn(loop_);
    if (const duration late = now() - wakes_at_; late > too_late) {
        stood_still_ += late;
    }
    wakes_at_ = end_of_time;
    node_list<timer_node> expired;
    wheel_.advance(now(), expired);
    while (!expired.empty()) {
        timer_node& node = expired.pop_front();
        node.armed_on = nullptr;
        node.expired(node);
    }
    if (!wheel_.empty() && wheel_.earliest() < wakes_at_) {
        wake_at(wheel_.earliest());
    }
}

}  // namespace libnet::detail
