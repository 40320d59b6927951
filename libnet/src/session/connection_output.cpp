#include "connection_core.hpp"

#include <boost/system/errc.hpp>

#include <array>
#include <utility>

/// Sending: gathering messages, writing them, and who waits for room.
namespace libnet::detail {

bool connection_core::takes_more() const noexcept
{
    return unsent() < options_.high_water_mark;
}

readiness connection_core::poll_send(bytes payload)
{
    send_refusal_ = {};
    if (failure_) {
        return readiness::failure;
    }
    if (!senders_.empty() || !takes_more()) {
        return readiness::pending;
    }
    send_refusal_ = accept(payload);
    if (send_refusal_ != error{} || failure_) [[unlikely]] {
        return readiness::failure;
    }
    return readiness::value;
}

result<> connection_core::take_send() const
{
    if (send_refusal_ != error{}) {
        return make_error_code(send_refusal_);
    }
    return failure_ ? result<>(failure_) : result<>();
}

/// Senders wait in order; the one that wakes appends its message then. So a send that was cancelled
/// has sent nothing.
void connection_core::wait_send(operation_waiter<void>& w)
{
    senders_.push_back(w);
    flush();
}

/// Appends one message, or writes it past the buffer if it is large.
error connection_core::accept(bytes payload)
{
    envelope e;
    options_.framing.encode(payload, e);
    if (e.refusal != error{}) [[unlikely]] {
        return e.refusal;
    }
    if (payload.size() >= direct_write && !writing_) {
        write_direct(e, payload);
    } else {
        out_.reserve(e.head.size() + payload.size() + e.tail.size());
        out_.append(e.head);
        out_.append(payload);
        out_.append(e.tail);
    }
    ++messages_sent_;
    if (writing_ || broken_ || out_.empty()) {
        return {};
    }
    if (!takes_more()) {
        flush();
    } else if (!flush_later_.linked()) {
        loop_.defer(flush_later_);
    }
    return {};
}

/// Gathers what is queued and the message into one write, straight from the caller's memory. Only
/// what the kernel does not take is copied.
void connection_core::write_direct(const envelope& e, bytes payload)
{
    const std::array<bytes, 4> pieces{out_.data(), e.head, payload, e.tail};
    const result<std::size_t> written = stream_->try_write(pieces);
    if (written.has_error()) {
        break_off(written.error());
        return;
    }
    bytes_sent_ += *written;
    flush_later_.unlink();
    const std::size_t from_queue = std::min(*written, out_.size());
    out_.drop_front(from_queue);
    try {
        keep_rest(std::span(pieces).subspan(1), *written - from_queue);
    } catch (const std::bad_alloc&) {  // half a frame is out: nothing can follow it
        break_off(make_error_code(boost::system::errc::not_enough_memory));
        return;
    }
    if (!out_.empty()) {
        std::swap(out_, in_flight_);
        flown_ = 0;
        write_rest();
    }
}

void connection_core::keep_rest(std::span<const bytes> pieces, std::size_t written)
{
    for (const bytes piece : pieces) {
        const std::size_t taken = std::min(written, piece.size());
        out_.append(piece.subspan(taken));
        written -= taken;
    }
}

/// Writes what has gathered; true if something went out at once.
bool connection_core::flush()
{
    flush_later_.unlink();
    if (writing_ || broken_ || out_.empty()) {
        return false;
    }
    const std::array<bytes, 1> pieces{out_.data()};
    const result<std::size_t> written = stream_->try_write(pieces);
    if (written.has_error()) {
        break_off(written.error());
        return false;
    }
    bytes_sent_ += *written;
    if (*written == out_.size()) {
        out_.clear();
        output_moved();
        return true;
    }
    std::swap(out_, in_flight_);
    flown_ = *written;
    write_rest();
    return flown_ != 0;
}

void connection_core::write_rest()
{
    writing_ = true;
    send_due_ = add(recent(), options_.send_timeout);
    watch(send_due_);
    const std::array<bytes, 1> pieces{in_flight_.data().subspan(flown_)};
    stream_->write_some(pieces, *this);
}

void connection_core::on_write(const error_code& failed, std::size_t count)
{
    writing_ = false;
    if (closed_) {
        return;
    }
    if (failed) {
        in_flight_.clear();
        flown_ = 0;
        break_off(failed);
        return;
    }
    flown_ += count;
    bytes_sent_ += count;
    receiving_since_ = recent();  // output that moves is activity
    if (broken_) {
        return;
    }
    if (flown_ != in_flight_.size()) {
        write_rest();
        return;
    }
    in_flight_.clear();
    flown_ = 0;
    output_moved();
}

/// Output has left. Whoever waited for room or for the end of it goes on.
void connection_core::output_moved()
{
    wake_senders();
    if (!writing_ && !out_.empty()) {
        flush();
    }
    if (unsent() == 0) {
        while (!flushers_.empty()) {
            static_cast<operation_waiter<void>&>(flushers_.pop_front()).complete({});
        }
        go_on_closing();
    }
}

void connection_core::wake_senders()
{
    while (!senders_.empty() && takes_more() && !failure_) {
        auto& next = static_cast<operation_waiter<void>&>(senders_.pop_front());
        const bytes payload{reinterpret_cast<const std::byte*>(next.arguments.first),
                            next.arguments.second};
        const error_code failed = accept_later(payload);
        next.complete(failed ? result<>(failed) : result<>());
    }
    while (!letters_.empty() && takes_more() && !broken_) {
        letter& next = letters_.pop_front();
        (void)accept_later(as_bytes(next.payload));
        link_->queued -= next.payload.size();
        delete &next;
    }
}

/// For those who wait: what accepting throws is theirs, and not that of whoever made room.
error_code connection_core::accept_later(bytes payload) noexcept
{
    try {
        const error refusal = accept(payload);
        return refusal != error{} ? make_error_code(refusal) : failure_;
    } catch (const std::bad_alloc&) {
        return make_error_code(boost::system::errc::not_enough_memory);
    }
}

void connection_core::post_letter(std::string payload)
{
    if (failure_) {
        link_->queued -= payload.size();
        return;
    }
    auto* waiting = new letter;
    waiting->payload = std::move(payload);
    letters_.push_back(*waiting);
    wake_senders();
}

readiness connection_core::poll_flush()
{
    flush();
    if (unsent() != 0) {
        return readiness::pending;
    }
    return broken_ ? readiness::failure : readiness::value;
}

result<> connection_core::take_flush() const
{
    return broken_ && failure_ ? result<>(failure_) : result<>();
}

void connection_core::wait_flush(operation_waiter<void>& w)
{
    flushers_.push_back(w);
}

}  // namespace libnet::detail
