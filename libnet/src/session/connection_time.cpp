#include "connection_core.hpp"

#include <algorithm>
#include <utility>

/// Time: one alarm, which looks at all deadlines when it comes by.
namespace libnet::detail {

/// Sees to it that the alarm looks at the deadlines by `when`. Mostly it will anyway.
void connection_core::watch(time_point when)
{
    if (when != end_of_time && (!alarm().armed() || when < alarm().due)) {
        loop_.time().arm(alarm(), when);
    }
}

void connection_core::look_at_deadlines()
{
    const events_reference alive(*this);
    const time_point now = loop_.now();
    if (closing_ && end_.due <= now) {
        finish_close(error::close_timeout);
    } else if (writing_ && !broken_ && send_due() <= now) {
        break_off(error::send_timeout);
    } else if (somebody_receives()) {
        if (const error struck = input_.look(now); struck != error{}) {
            fail(struck);
        }
    }
    if (lifetime_due_ <= now && !has_failed()) {
        lifetime_due_ = end_of_time;
        drain(error::lifetime_exceeded);
    }
    if (has_heartbeat() && !has_failed() && !closed_) {
        look_at_heartbeat(now);
    }
    look_at_draining();
    if (may_park() && add(waiting_since_, park_after) <= now) {
        park();
    }
    if (!closed_) {
        watch(next_deadline());
    }
}

time_point connection_core::next_deadline() const noexcept
{
    time_point next = end_of_time;
    if (closing_) {
        next = end_.due;
    }
    if (writing_ && !broken_) {
        next = std::min(next, send_due());
    }
    if (somebody_receives()) {
        next = std::min({next, input_.due(), next_look_at_draining()});
    }
    if (!has_failed()) {
        next = std::min(next, lifetime_due_);
        if (has_heartbeat()) {
            next = std::min(next, pulse_->clock.due(*settings_->options.heartbeat));
        }
    }
    if (may_park()) {
        next = std::min(next, add(waiting_since_, park_after));
    }
    return next;
}

void connection_core::use(std::shared_ptr<const connection_settings> settings) noexcept
{
    if (!closing_) {
        input_.use(settings->input);
    }
    settings_ = std::move(settings);
    out_.gathers_until = 0;  // the next message looks at the new mark
    watch(next_deadline());
}

void connection_core::note_activity() noexcept
{
    last_moved_ = waiting_since_ = recent();
    if (!only_heartbeats_ && !closing_) {
        input_.activity(waiting_since_);
    }
}

}  // namespace libnet::detail
