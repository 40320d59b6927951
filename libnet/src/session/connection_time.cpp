#include "connection_core.hpp"

#include <algorithm>
#include <utility>

/// Time: one alarm, which looks at all deadlines when it comes by.
namespace libnet::detail {

connection_core::alarm::alarm(connection_core& c) noexcept
    : timer_node([](timer_node& node) { static_cast<alarm&>(node).core->look_at_deadlines(); }),
      core(&c)
{
}

/// Sees to it that the alarm looks at the deadlines by `due`. Mostly it will anyway.
void connection_core::watch(time_point due)
{
    if (due != end_of_time && (!alarm_.armed() || due < alarm_.due)) {
        loop_.time().arm(alarm_, due);
    }
}

void connection_core::look_at_deadlines()
{
    const events_reference alive(*this);
    const time_point now = loop_.now();
    if (closing_ && close_due_ <= now) {
        finish_close(error::close_timeout);
    } else if (writing_ && !broken_ && send_due_ <= now) {
        break_off(error::send_timeout);
    } else if (somebody_receives()) {
        if (const error struck = input_.look(now); struck != error{}) {
            fail(struck);
        }
    }
    if (lifetime_due_ <= now && !failure_) {
        lifetime_due_ = end_of_time;
        drain(error::lifetime_exceeded);
    }
    if (has_heartbeat() && !failure_ && !closed_) {
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
    time_point due = end_of_time;
    if (closing_) {
        due = close_due_;
    }
    if (writing_ && !broken_) {
        due = std::min(due, send_due_);
    }
    if (somebody_receives()) {
        due = std::min({due, input_.due(), next_look_at_draining()});
    }
    if (!failure_) {
        due = std::min(due, lifetime_due_);
        if (has_heartbeat()) {
            due = std::min(due, pulse_->clock.due(*settings_->options.heartbeat));
        }
    }
    if (may_park()) {
        due = std::min(due, add(waiting_since_, park_after));
    }
    return due;
}

void connection_core::use(std::shared_ptr<const connection_settings> settings) noexcept
{
    input_.use(settings->input);
    settings_ = std::move(settings);
    out_.gathers_until = 0;  // the next message looks at the new mark
    watch(next_deadline());
}

void connection_core::note_activity() noexcept
{
    last_moved_ = waiting_since_ = recent();
    if (!only_heartbeats_) {
        input_.activity(waiting_since_);
    }
}

}  // namespace libnet::detail
