#include "../core/address_sanitizer.hpp"
#include "connection_core.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <new>
#include <utility>

/// Receiving: from bytes to frames, and who waits for them.
namespace libnet::detail {

readiness connection_core::poll_receive()
{
    if (inbox_.next()) {
        poison(inbox_.received.consumed());
        return readiness::value;
    }
    poison(inbox_.received.consumed());
    if (failure_) {
        return readiness::failure;
    }
    const readiness found = decode_ahead();
    if (found == readiness::value) {
        inbox_.next();
    }
    return found;
}

/// Finds several frames at once, if several are there: dense small messages would otherwise spend
/// their time on the way to the framing and back. What is wrong behind a frame shows when it is
/// that frame's turn.
readiness connection_core::decode_ahead()
{
    if (inbox_.received.empty() || inbox_.received.size() < needed_) {
        return input_exhausted();
    }
    decoded last;
    inbox_.ahead_next = 0;
    inbox_.ahead_end = options_.framing.decode_run(inbox_.received.data(), inbox_.ahead, last);
    needed_ = last.needed;
    if (inbox_.ahead_end != 0) [[likely]] {
        stop_frame_time();
        idle_before_ = duration::zero();
        return readiness::value;
    }
    if (last.state == decoded::status::failed) {
        fail(last.failure);
        return readiness::failure;
    }
    return input_exhausted();
}

readiness connection_core::poll_batch()
{
    batch_.clear();
    const readiness first = poll_receive();
    if (first != readiness::value) {
        return first;
    }
    std::size_t taken = inbox_.handed_out;
    batch_.push_back(inbox_.frame);
    for (;;) {
        for (; inbox_.ahead_next != inbox_.ahead_end; ++inbox_.ahead_next) {
            batch_.push_back(inbox_.ahead[inbox_.ahead_next].payload);
            taken += inbox_.ahead[inbox_.ahead_next].consumed;
        }
        if (taken == inbox_.received.size() || inbox_.received.size() - taken < needed_ ||
            batch_.size() >= largest_batch) {
            break;
        }
        decoded last;
        const auto room = std::span(inbox_.ahead)
                              .first(std::min(inbox_.ahead.size(), largest_batch - batch_.size()));
        inbox_.ahead_next = 0;
        inbox_.ahead_end =
            options_.framing.decode_run(inbox_.received.data().subspan(taken), room, last);
        needed_ = last.needed;
        if (inbox_.ahead_end == 0) {
            break;  // what is wrong with it, the next receive finds out
        }
    }
    inbox_.handed_out = taken;
    inbox_.messages += batch_.size() - 1;
    return readiness::value;
}

/// No whole frame is there. Perhaps none will ever be.
readiness connection_core::input_exhausted()
{
    if (end_of_input_) {
        if (!inbox_.received.empty()) {
            fail(error::truncated_frame);
        }
        return readiness::failure;
    }
    return draining_ && inbox_.received.empty() ? readiness::failure : readiness::pending;
}

error_code connection_core::why_no_frame() const
{
    if (failure_) {
        return failure_;
    }
    return end_of_input_ ? error::closed : error::draining;
}

result<std::span<const bytes>> connection_core::take_batch() const
{
    if (inbox_.handed_out != 0) {
        return std::span<const bytes>(batch_);
    }
    return why_no_frame();
}

bool connection_core::somebody_receives() const noexcept
{
    return receiver_ != nullptr || batch_receiver_ != nullptr;
}

void connection_core::wait_frame(operation_waiter<bytes>& w)
{
    receiver_ = &w;
    begin_receive();
}

void connection_core::wait_batch(operation_waiter<std::span<const bytes>>& w)
{
    batch_receiver_ = &w;
    begin_receive();
}

/// Whoever is about to sleep first sends what it has gathered. The read after a write that went out
/// whole waits for the next turn: the answer to it cannot be there yet, but other connections'
/// bytes can.
void connection_core::begin_receive()
{
    receiving_since_ = recent();
    if (!inbox_.received.empty()) {
        count_frame_time();
    }
    if (frame_due_ == end_of_time) {
        watch(std::min(idle_due(), add(receiving_since_, park_after)));
    }
    const bool wrote = flush();
    if (reading_ || !somebody_receives()) {
        return;
    }
    if (wrote && !writing_) {
        if (!read_later_.linked()) {
            loop_.defer(read_later_);
        }
    } else {
        read_now();
    }
}

void connection_core::read_now()
{
    read_later_.unlink();
    try {
        stream_->read_some(inbox_.received.prepare(needed_), *this);
        reading_ = true;
    } catch (const std::bad_alloc&) {
        break_off(make_error_code(boost::system::errc::not_enough_memory));
    }
}

/// Whether it holds a buffer for a peer that says nothing.
bool connection_core::may_park() const noexcept
{
    return somebody_receives() && reading_ && !parked_ && inbox_.received.empty() && unsent() == 0;
}

void connection_core::park()
{
    parked_ = stream_->cancel_read();  // goes on in on_read()
}

/// An idle connection has given its buffers back.
void connection_core::wait_without_buffers()
{
    inbox_.received.release();
    if (unsent() == 0) {
        out_.release();
        in_flight_.release();
    }
    reading_ = parked_ = true;
    stream_->wait_readable(*this);
}

void connection_core::on_read(const error_code& failed, std::size_t count)
{
    reading_ = false;
    const bool asked_to_park = std::exchange(parked_, false);
    if (closed_) {
        return;
    }
    if (asked_to_park && failed == error::cancelled && !closing_) {
        if (somebody_receives()) {
            wait_without_buffers();
        }
        return;
    }
    if (asked_to_park && !failed && count == 0 && !closing_) {
        if (somebody_receives()) {
            read_now();  // there is something now
        }
        return;
    }
    if (failed == error::closed) {
        end_of_input_ = true;
    } else if (failed && !(asked_to_park && failed == error::cancelled)) {
        break_off(failed);
        return;
    }
    bytes_received_ += count;
    if (closing_) {
        go_on_closing();
        return;
    }
    inbox_.received.commit(count);
    deliver();
}

void connection_core::deliver()
{
    try {
        deliver_or_read();
    } catch (const std::bad_alloc&) {  // not the session's to catch: it sleeps
        break_off(make_error_code(boost::system::errc::not_enough_memory));
    }
}

void connection_core::deliver_or_read()
{
    if (receiver_ != nullptr) {
        const readiness found = poll_receive();
        if (found != readiness::pending) {
            if (auto* w = std::exchange(receiver_, nullptr)) {
                w->complete(take_frame(&inbox_));
            }
            return;
        }
    } else if (batch_receiver_ != nullptr) {
        const readiness found = poll_batch();
        if (found != readiness::pending) {
            if (auto* w = std::exchange(batch_receiver_, nullptr)) {
                w->complete(take_batch());
            }
            return;
        }
    } else {
        return;
    }
    count_frame_time();
    if (frame_due_ == end_of_time) {
        note_activity();
    }
    read_now();
}

/// Part of a frame is there and somebody waits for the rest: its time runs.
void connection_core::count_frame_time()
{
    if (frame_due_ == end_of_time) {
        frame_due_ = add(recent(), frame_time_left_);
        watch(frame_due_);
    }
}

void connection_core::stop_frame_time() noexcept
{
    frame_due_ = end_of_time;
    frame_time_left_ = options_.frame_timeout;
}

/// A receive was cancelled. Time in which nobody waits for the frame does not count against it, but
/// that in which somebody did is not forgotten: `within(1s, peer.receive())` in a loop would
/// otherwise defeat the timeouts.
void connection_core::abandon_frame() noexcept
{
    receiver_ = nullptr;
    idle_before_ += std::max(duration::zero(), recent() - receiving_since_);
    if (frame_due_ != end_of_time) {
        frame_time_left_ = std::max(duration::zero(), frame_due_ - recent());
        frame_due_ = end_of_time;
    }
}

void connection_core::abandon_batch() noexcept
{
    batch_receiver_ = nullptr;
    abandon_frame();
}

// ---- what receive() calls from outside ----------------------------------------------------------

readiness look_for_frame(inbox& i)
{
    return i.core.poll_receive();
}

result<bytes> why_no_frame(const inbox& i)
{
    return i.core.why_no_frame();
}

void wait_for_frame(void* i, operation_waiter<bytes>& w)
{
    static_cast<inbox*>(i)->core.wait_frame(w);
}

void abandon_frame(void* i, operation_waiter<bytes>&) noexcept
{
    static_cast<inbox*>(i)->core.abandon_frame();
}

loop& home_of_inbox(void* i)
{
    return static_cast<inbox*>(i)->core.home();
}

}  // namespace libnet::detail
