#include "connection_core.hpp"

#include <algorithm>
#include <utility>

namespace libnet::detail {

connection_core::alarm::alarm(connection_core& c) noexcept
    : timer_node([](timer_node& node) { static_cast<alarm&>(node).core->look_at_deadlines(); }),
      core(&c)
{
}

connection_core::connection_core(std::unique_ptr<stream> transport, connection_options options)
    : loop_(transport->home()),
      stream_(std::move(transport)),
      options_(std::move(options)),
      alarm_(*this),
      receiving_since_(recent()),
      frame_time_left_(options_.frame_timeout),
      peer_(stream_->peer()),
      local_(stream_->local()),
      opened_(loop_.now())
{
    options_.high_water_mark = std::max<std::size_t>(options_.high_water_mark, 1);
    flush_later_.core = read_later_.core = at_shutdown_.core = this;
    flush_later_.run = [](work_node& node) {
        static_cast<task_node&>(node).core->flush_and_note();
    };
    read_later_.run = [](work_node& node) {
        connection_core& core = *static_cast<task_node&>(node).core;
        if (core.somebody_receives() && !core.reading_ && !core.closed_) {
            core.read_now();
        }
    };
    at_shutdown_.run = [](work_node& node) {
        static_cast<task_node&>(node).core->finish_close(error::closed);
    };
    loop_.enter();
}

connection_core::~connection_core()
{
    if (link_) {
        link_->core = nullptr;
    }
    while (!letters_.empty()) {
        delete &letters_.pop_front();
    }
    loop_.exit();
}

// ---- the end ------------------------------------------------------------------------------------

void connection_core::fail(const error_code& why)
{
    if (!failure_) {
        failure_ = why;
        gathers_until_ = 0;
        inbox_.forget_found();
        if (link_) {
            link_->alive = false;
        }
    }
    answer_receiver();
    while (!senders_.empty()) {
        static_cast<operation_waiter<void>&>(senders_.pop_front()).complete(failure_);
    }
}

/// The stream itself failed, or we gave up on it: nothing that is queued can be delivered.
void connection_core::break_off(const error_code& why)
{
    broken_ = true;
    out_.clear();
    stop_gathering();
    fail(why);
    while (!flushers_.empty()) {
        static_cast<operation_waiter<void>&>(flushers_.pop_front()).complete(failure_);
    }
    while (!letters_.empty()) {
        letter& unsent = letters_.pop_front();
        link_->queued -= connection_link::cost_of(unsent.payload);
        delete &unsent;
    }
    if (closing_) {
        finish_close({});
    }
}

void connection_core::answer_receiver()
{
    if (auto* w = std::exchange(receiver_, nullptr)) {
        w->complete(failure_);
    }
    if (auto* w = std::exchange(batch_receiver_, nullptr)) {
        w->complete(failure_);
    }
}

void connection_core::drain()
{
    draining_ = true;
    if (somebody_receives() && inbox_.received.empty()) {
        if (auto* w = std::exchange(receiver_, nullptr)) {
            w->complete(error::draining);
        }
        if (auto* w = std::exchange(batch_receiver_, nullptr)) {
            w->complete(error::draining);
        }
    }
}

void connection_core::abandon() noexcept
{
    const events_reference until_done(*this);
    const loop::turn this_turn(loop_);  // whoever still waits ends before the owner has gone
    release();                          // the owner's
    if (closed_) {
        return;
    }
    if (loop_.shutting_down()) {
        fail(error::closed);
        finish_close(error::closed);
        return;
    }
    self_ = events_reference(*this);
    loop_.at_shutdown(at_shutdown_);
    begin_close();
}

void connection_core::begin_close()
{
    if (closing_) {
        return;
    }
    closing_ = true;
    fail(error::closed);
    if (broken_) {
        finish_close({});
        return;
    }
    close_due_ = add(loop_.now(), options_.close_timeout);
    watch(close_due_);
    flush();
    go_on_closing();
}

/// Flush, half-close, discard until the peer's end. Called whenever one of them has moved on.
void connection_core::go_on_closing()
{
    if (!closing_ || closed_) {
        return;
    }
    if (unsent() == 0 && !half_closed_) {
        half_closed_ = true;
        if (stream_->shutdown_send()) {
            finish_close({});  // the peer has gone already
            return;
        }
    }
    if (end_of_input_) {
        if (half_closed_) {
            finish_close({});
        }
    } else if (
        !reading_) {  // also while output waits: the peer may have to be rid of its own first
        inbox_.clear();
        needed_ = 0;
        read_now();
    }
}

void connection_core::finish_close(const error_code& why) noexcept
{
    if (closed_) {
        return;
    }
    closing_ = closed_ = broken_ = true;
    close_failure_ = why;
    stop_gathering();
    read_later_.unlink();
    at_shutdown_.unlink();
    if (alarm_.armed()) {
        alarm_.armed_on->disarm(alarm_);
    }
    if (link_) {
        link_->alive = false;
    }
    stream_->close();
    while (!flushers_.empty()) {
        static_cast<operation_waiter<void>&>(flushers_.pop_front()).complete(failure_);
    }
    while (!closers_.empty()) {
        static_cast<operation_waiter<void>&>(closers_.pop_front()).complete(take_close());
    }
    const events_reference last = std::move(self_);  // may be the end of *this
}

readiness connection_core::poll_close()
{
    if (!closing_) {
        begin_close();
    }
    if (!closed_) {
        return readiness::pending;
    }
    return close_failure_ ? readiness::failure : readiness::value;
}

result<> connection_core::take_close() const
{
    return close_failure_ ? result<>(close_failure_) : result<>();
}

void connection_core::wait_close(operation_waiter<void>& w)
{
    closers_.push_back(w);
}

// ---- time ---------------------------------------------------------------------------------------

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
    } else if (somebody_receives() && frame_due_ <= now) {
        fail(error::frame_timeout);
    } else if (somebody_receives() && frame_due_ == end_of_time && idle_due() <= now) {
        fail(error::idle_timeout);
    }
    if (may_park() && add(receiving_since_, park_after) <= now) {
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
        due = std::min(due, frame_due_ != end_of_time ? frame_due_ : idle_due());
    }
    if (may_park()) {
        due = std::min(due, add(receiving_since_, park_after));
    }
    return due;
}

time_point connection_core::idle_due() const noexcept
{
    const duration limit = options_.idle_timeout.value_or(never);
    return limit == never ? end_of_time : add(receiving_since_, limit - idle_before_);
}

void connection_core::note_activity() noexcept
{
    receiving_since_ = recent();
    idle_before_ = duration::zero();
}

// ---- what is known ------------------------------------------------------------------------------

connection_info connection_core::info() const
{
    return {.peer = peer_,
            .local = local_,
            .opened = opened_,
            .bytes_received = bytes_received_,
            .bytes_sent = bytes_sent_,
            .messages_received = inbox_.messages,
            .messages_sent = messages_sent_,
            .messages_refused = messages_refused_,
            .refusal = messages_refused_ != 0 ? make_error_code(last_refusal_) : error_code(),
            .unread = inbox_.received.size() - inbox_.handed_out,
            .unsent = unsent(),
            .ended = failure_};
}

std::shared_ptr<connection_link> connection_core::link()
{
    if (!link_) {
        link_ = std::make_shared<connection_link>();
        link_->box = loop_.remote();
        link_->core = this;
        link_->limit = options_.high_water_mark;
        link_->alive = !failure_ && !closed_;
    }
    return link_;
}

}  // namespace libnet::detail
