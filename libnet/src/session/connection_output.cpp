#include "connection_core.hpp"

#include <boost/system/errc.hpp>

#include <array>
#include <cstdint>
#include <new>
#include <utility>

/// Sending: gathering messages, writing them, and who waits for room.
namespace libnet::detail {

/// Appends one message, or writes it past the buffer if it is large.
error connection_core::accept(bytes payload)
{
    if (!out_.frame(payload)) {
        if (const error refusal = encode(payload); refusal != error{}) [[unlikely]] {
            return refusal;
        }
    }
    if (out_.size() >= out_.gathers_until) [[unlikely]] {
        gather_or_flush();
    }
    return {};
}

/// As the framing has it.
error connection_core::encode(bytes payload)
{
    envelope e;
    std::size_t written = not_written;
    if (payload.size() < direct_write) [[likely]] {
        written = framing_.encode_into(payload, out_.room(), e);
    } else {
        framing_.encode(payload, e);
    }
    if (written != not_written) [[likely]] {
        out_.commit(written);
    } else if (e.refusal == error{}) {
        append(e, payload);
    } else {
        ++messages_refused_;
        return last_refusal_ = e.refusal;
    }
    return {};
}

/// What was accepted leaves together with its neighbours when the turn ends; much of it leaves now.
void connection_core::gather_or_flush()
{
    only_heartbeats_ = false;
    const bool marks = settings_->options.when_full == overflow::drop_oldest;
    if (marks && !out_.empty()) {
        out_.mark_message();
    }
    if (writing_ || broken_ || out_.empty()) {
        return;
    }
    const std::size_t mark = high_water_mark();
    if (out_.size() >= mark) {  // nothing is under way
        flush_and_note();
        return;
    }
    if (!flush_later().linked()) {
        loop_.defer(flush_later());
    }
    if (senders_.empty() && !has_failed() && !marks) {
        out_.gathers_until = mark;
    }
}

void connection_core::stop_gathering() noexcept
{
    flush_later().unlink();
    out_.gathers_until = 0;
}

readiness connection_core::poll_send(bytes payload)
{
    if (out_.size() >= out_.gathers_until) [[unlikely]] {
        if (has_failed()) {
            return readiness::failure;
        }
        if (is_kept_waiting()) {
            const readiness room = overflows(payload.size());
            if (room != readiness::value) {
                return room;
            }
        }
    }
    send_refusal_ = accept(payload);
    if (send_refusal_ != error{} || (out_.gathers_until == 0 && has_failed())) [[unlikely]] {
        return readiness::failure;
    }
    ++out_.messages;
    return readiness::value;
}

/// Those of a batch that do not just join others. All of them or none: if the first has to wait, nothing
/// was accepted.
readiness connection_core::poll_send_batch(std::span<const bytes> rest, bool begun)
{
    if (has_failed()) {
        return readiness::failure;
    }
    if (!begun && is_kept_waiting()) {
        std::size_t size = 0;
        for (const bytes payload : rest) {
            size += payload.size();
        }
        const readiness room = overflows(size, rest.size());
        if (room != readiness::value) {
            return room;
        }
    }
    send_refusal_ = accept_batch(rest);
    return send_refusal_ != error{} || has_failed() ? readiness::failure : readiness::value;
}

/// Until one is refused, or the connection has ended.
error connection_core::accept_batch(std::span<const bytes> payloads)
{
    while (!payloads.empty()) {
        payloads = payloads.subspan(out_.put_all(payloads));
        if (payloads.empty()) {
            break;
        }
        if (const error refusal = accept(payloads.front()); refusal != error{}) {
            return refusal;
        }
        if (has_failed()) {
            break;
        }
        ++out_.messages;
        payloads = payloads.subspan(1);
    }
    return {};
}

result<> connection_core::take_send()
{
    if (const error refusal = std::exchange(send_refusal_, {}); refusal != error{}) {
        return make_error_code(refusal);
    }
    return has_failed() ? result<>(failure_.error()) : result<>();
}

/// Senders wait in order; the one that wakes appends its message then. So a send that was cancelled
/// has sent nothing.
void connection_core::wait_send(operation_waiter<void>& w)
{
    senders_.push_back(w);
    flush();
}

void connection_core::wait_send_batch(operation_waiter<void>& w)
{
    w.arguments.second |= is_batch;
    wait_send(w);
}

/// One for which the buffer must grow, or that is not worth copying there.
void connection_core::append(const envelope& e, bytes payload)
{
    if (payload.size() >= direct_write && !writing_) {
        write_direct(e, payload);
    } else {
        out_.append(e.head, payload, e.tail, high_water_mark());
        count_memory();
    }
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
    count_sent(*written);
    stop_gathering();
    const std::size_t from_queue = std::min(*written, out_.size());
    out_.drop_front(from_queue);
    try {
        keep_rest(std::span(pieces).subspan(1), *written - from_queue);
    } catch (const std::bad_alloc&) {  // half a frame is out: nothing can follow it
        break_off(make_error_code(boost::system::errc::not_enough_memory));
        return;
    }
    note_activity();
    if (!out_.empty()) {
        write_gathered(0);
    } else if (stream_->holds_output()) {
        write_rest();
    } else {
        wrote_direct_ = payload.size() < long_write;
    }
}

void connection_core::keep_rest(std::span<const bytes> pieces, std::size_t written)
{
    for (const bytes piece : pieces) {
        const std::size_t taken = std::min(written, piece.size());
        out_.append(piece.subspan(taken), high_water_mark());
        written -= taken;
    }
}

/// Writes what has gathered; true if something went out at once.
bool connection_core::flush()
{
    stop_gathering();
    if (writing_ || broken_ || out_.empty()) {
        return false;
    }
    const std::array<bytes, 1> pieces{out_.data()};
    const result<std::size_t> written = stream_->try_write(pieces);
    if (written.has_error()) {
        break_off(written.error());
        return false;
    }
    count_sent(*written);
    if (*written == out_.size()) {
        out_.clear();
        if (stream_->holds_output()) [[unlikely]] {
            write_rest();
        } else {
            output_moved();
        }
        return true;
    }
    write_gathered(*written);
    return *written != 0;
}

/// All that has gathered is the stream's now, which has taken so much of it already.
void connection_core::write_gathered(std::size_t flown)
{
    if (prepare_flight()) {
        std::swap<output_buffer>(out_, flight_->output);
        flight_->flown = flown;
        write_rest();
    }
}

/// False without memory for one: then the connection has ended.
bool connection_core::prepare_flight()
{
    if (!flight_) {
        flight_.reset(new (std::nothrow) flight);
        if (!flight_) {
            break_off(make_error_code(boost::system::errc::not_enough_memory));
        }
    }
    return flight_ != nullptr;
}

void connection_core::forget_flight() noexcept
{
    if (flight_) {
        flight_->output.clear();
        flight_->flown = 0;
    }
}

/// Output that moves is activity, also while another task waits for input.
void connection_core::flush_and_note()
{
    if (flush()) {
        note_activity();
    }
}

/// What the stream has not taken, or only has not got rid of yet: then there is nothing to offer, and
/// it tells when that is gone.
void connection_core::write_rest()
{
    if (!prepare_flight()) {
        return;
    }
    writing_ = true;
    count_memory();
    flight_->due = add(recent(), settings_->options.send_timeout);
    watch(flight_->due);
    const std::array<bytes, 1> pieces{flight_->rest()};
    try {
        stream_->write_some(pieces, *this);
    } catch (const std::bad_alloc&) {
        forget_flight();
        break_off(make_error_code(boost::system::errc::not_enough_memory));
        writing_ = false;
    }
}

void connection_core::on_write(const error_code& failed, std::size_t count)
{
    if (failed && !closed_) {
        forget_flight();
        break_off(failed);  // first, since this was the phase in which it ended
    }
    writing_ = false;
    if (failed || closed_) {
        return;
    }
    if (flight_) {
        flight_->flown += count;
    }
    count_sent(count);
    note_activity();
    if (broken_) {
        return;
    }
    if ((flight_ && !flight_->rest().empty()) || stream_->holds_output()) {
        write_rest();
        return;
    }
    forget_flight();
    output_moved();
}

void connection_core::count_sent(std::size_t count) noexcept
{
    bytes_sent_ += count;
    if (count != 0 && !only_heartbeats_ && !closing_) {
        input_.activity();
    }
}

void connection_core::wake_behind_output()
{
    const bool somebody_waits = !senders_.empty() || has_letters();
    wake_flushers();
    if (waking_) {
        return;  // a sender that was woken has sent: the loop there goes on
    }
    if (somebody_waits && unsent() <= settings_->low_water_mark) {
        wake_senders();
    }
    if (!writing_ && !out_.empty()) {
        flush();
    }
    if (unsent() == 0 && !writing_) {
        go_on_closing();
    }
}

/// Each waits for what was accepted before it came, not for what others send after it.
void connection_core::wake_flushers()
{
    while (!flushers_.empty()) {
        auto& first = static_cast<operation_waiter<void>&>(flushers_.front());
        if (first.arguments.first > bytes_sent_) {
            return;
        }
        first.complete({});
    }
}

void connection_core::wake_senders()
{
    waking_ = true;
    while (!senders_.empty() && takes_more() && !has_failed()) {
        auto& next = static_cast<operation_waiter<void>&>(senders_.pop_front());
        const error_code failed = accept_waiting(next.arguments);
        next.complete(failed ? result<>(failed) : result<>());
    }
    // What a handle has taken is not lost for want of memory without a word.
    while (has_letters() && takes_more() && !broken_) {
        letter& next = link_->letters.pop_front();
        const error_code failed = accept_later(as_bytes(next.payload));
        link_->queued -= connection_link::cost_of(next.payload);
        delete &next;
        if (failed == boost::system::errc::not_enough_memory) {
            break_off(failed);
        }
    }
    waking_ = false;
}

/// A message, or a batch of them.
error_code connection_core::accept_waiting(operation_arguments asked) noexcept
{
    if ((asked.second & is_batch) == 0) {
        return accept_later({reinterpret_cast<const std::byte*>(asked.first), asked.second});
    }
    try {
        const error refusal =
            accept_batch({reinterpret_cast<const bytes*>(asked.first), asked.second & ~is_batch});
        return refusal != error{} ? make_error_code(refusal) : failure_.error();
    } catch (const std::bad_alloc&) {
        return make_error_code(boost::system::errc::not_enough_memory);
    }
}

/// For those who wait: what accepting throws is theirs, and not that of whoever made room.
error_code connection_core::accept_later(bytes payload) noexcept
{
    const error_code failed = accept_uncounted(payload);
    out_.messages += failed ? 0 : 1;
    return failed;
}

error_code connection_core::accept_uncounted(bytes payload) noexcept
{
    try {
        const error refusal = accept(payload);
        return refusal != error{} ? make_error_code(refusal) : failure_.error();
    } catch (const std::bad_alloc&) {
        return make_error_code(boost::system::errc::not_enough_memory);
    }
}

void connection_core::post_letter(std::string payload)
{
    const std::size_t cost = connection_link::cost_of(payload);
    if (has_failed()) {
        link_->queued -= cost;
        return;
    }
    auto* waiting = new (std::nothrow) letter;
    if (waiting == nullptr) {
        link_->queued -= cost;
        break_off(make_error_code(boost::system::errc::not_enough_memory));
        return;
    }
    waiting->payload = std::move(payload);
    link_->letters.push_back(*waiting);
    wake_senders();
}

readiness connection_core::poll_flush()
{
    flush();
    if (broken_) {
        return readiness::failure;
    }
    return unsent() != 0 || writing_ ? readiness::pending : readiness::value;
}

result<> connection_core::take_flush() const
{
    return broken_ && has_failed() ? result<>(failure_.error()) : result<>();
}

void connection_core::wait_flush(operation_waiter<void>& w)
{
    w.arguments.first = static_cast<std::uintptr_t>(bytes_sent_ + unsent());
    flushers_.push_back(w);
}

// ---- what send() calls from outside -------------------------------------------------------------

readiness send_otherwise(outbox& o, bytes payload)
{
    return o.core.poll_send(payload);
}

readiness send_batch_otherwise(outbox& o, std::span<const bytes> rest, bool begun)
{
    return o.core.poll_send_batch(rest, begun);
}

result<> take_send(void* o)
{
    return static_cast<outbox*>(o)->core.take_send();
}

void wait_send(void* o, operation_waiter<void>& w)
{
    static_cast<outbox*>(o)->core.wait_send(w);
}

void wait_send_batch(void* o, operation_waiter<void>& w)
{
    static_cast<outbox*>(o)->core.wait_send_batch(w);
}

void abandon_send(void*, operation_waiter<void>& w) noexcept
{
    w.unlink();
}

loop& home_of_outbox(void* o)
{
    return static_cast<outbox*>(o)->core.home();
}

}  // namespace libnet::detail
