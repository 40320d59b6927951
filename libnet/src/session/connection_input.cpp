#include "../core/address_sanitizer.hpp"
#include "../core/first_words.hpp"
#include "connection_core.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <new>
#include <utility>

/// Receiving: from bytes to frames, and who waits for them.
namespace libnet::detail {
namespace {

/// What is no frame, and the first that a peer has said, is mostly another protocol on the wrong port.
error named_by_first_words(error failure, bytes received) noexcept
{
    if (begins_like_tls(received)) {
        return error::unexpected_tls;
    }
    return begins_like_http(received) ? error::unexpected_http : failure;
}

}  // namespace

readiness connection_core::poll_receive()
{
    const bool found_before = inbox_.next();
    poison(inbox_.received.consumed());
    return found_before ? readiness::value : look_for_frame();
}

/// Where there is none that is plain or was found before.
readiness connection_core::look_for_frame()
{
    if (has_failed()) {
        return readiness::failure;
    }
    if (inbox_.received.empty()) {
        return input_exhausted();
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
    for (;;) {
        if (inbox_.received.empty() || inbox_.received.size() < inbox_.needed) {
            return input_exhausted();
        }
        decoded last;
        const std::size_t skipped = find_frames(inbox_.received.data(), inbox_.ahead(), last);
        if (skipped != 0) [[unlikely]] {
            inbox_.skip(skipped);
        }
        if (inbox_.has_found()) [[likely]] {
            return readiness::value;
        }
        if (last.state == decoded::status::failed) {
            const bool is_first = inbox_.messages == 0;
            fail(is_first ? named_by_first_words(last.failure, inbox_.unseen()) : last.failure);
            return readiness::failure;
        }
        if (skipped == 0) {
            return input_exhausted();
        }
    }
}

/// Looks for frames in what was not looked at yet, and takes heartbeats out. Answers how many bytes
/// of these stand before the first frame.
std::size_t connection_core::find_frames(bytes unseen, std::span<found_frame> room, decoded& last)
{
    inbox_.ahead_next = 0;
    inbox_.ahead_end = static_cast<std::uint32_t>(framing_.decode_run(unseen, room, last));
    inbox_.needed = last.needed;
    return has_heartbeat() ? take_heartbeats_out(room.first(inbox_.ahead_end)) : 0;
}

readiness connection_core::poll_batch()
{
    if (!batch_) {
        batch_ = std::make_unique<frame_batch>();
    }
    batch_->clear();
    const readiness first = poll_receive();
    if (first != readiness::value) {
        return first;
    }
    std::size_t taken = inbox_.handed_out;
    batch_->add(inbox_.frame);
    for (;;) {
        for (; inbox_.ahead_next != inbox_.ahead_end; ++inbox_.ahead_next) {
            batch_->add(inbox_.ahead()[inbox_.ahead_next].payload);
            taken += inbox_.ahead()[inbox_.ahead_next].consumed;
        }
        taken += take_plain_frames(inbox_.received.data().subspan(taken));
        if (taken == inbox_.received.size() || inbox_.received.size() - taken < inbox_.needed ||
            batch_->size() >= largest_batch) {
            break;
        }
        decoded last;
        const auto room =
            std::span(inbox_.ahead())
                .first(std::min(inbox_.ahead().size(), largest_batch - batch_->size()));
        const std::size_t skipped = find_frames(inbox_.received.data().subspan(taken), room, last);
        taken += skipped;
        if (!inbox_.has_found() && skipped == 0) {
            break;  // what is wrong with it, the next receive finds out
        }
    }
    inbox_.handed_out = taken;
    inbox_.messages += batch_->size() - 1;
    return readiness::value;
}

/// Into the batch. Answers how many bytes they take.
std::size_t connection_core::take_plain_frames(bytes unseen)
{
    const plain_sizes sizes = inbox_.plain;
    bytes rest = unseen;
    std::size_t whole = 1;
    while (whole != 0 && batch_->size() < largest_batch) {
        const std::span<bytes> room = batch_->room();
        const std::size_t most = std::min(room.size(), largest_batch - batch_->size());
        std::size_t count = 0;
        for (; count != most && (whole = plain_frame_at(rest, sizes)) != 0; ++count) {
            room[count] = plain_payload(rest, whole);
            rest = {rest.data() + whole, rest.size() - whole};
        }
        batch_->commit(count);
    }
    return unseen.size() - rest.size();
}

/// No whole frame is there. Perhaps none will ever be.
readiness connection_core::input_exhausted()
{
    if (has_failed()) {
        return readiness::failure;  // an answer to a heartbeat could not be sent
    }
    if (end_of_input_) {
        if (!inbox_.received.empty()) {
            fail(error::truncated_frame);
        }
        return readiness::failure;
    }
    if (draining_ == error{} || is_reading() || awaits_frame()) {
        return readiness::pending;
    }
    end_draining();
    return readiness::failure;
}

error_code connection_core::why_no_frame() const
{
    if (has_failed()) {
        return failure_.error();
    }
    return end_of_input_ ? error::closed : draining_;
}

result<std::span<const bytes>> connection_core::take_batch() const
{
    if (inbox_.handed_out != 0) {
        return batch_->frames();
    }
    return why_no_frame();
}

void connection_core::wait_frame(operation_waiter<bytes>& w)
{
    begin_receive(w, reception::frame);
}

void connection_core::wait_batch(operation_waiter<std::span<const bytes>>& w)
{
    begin_receive(w, reception::batch);
}

void connection_core::begin_receive(work_node& who, reception what)
{
    receiver_ = &who;
    receives_ = what;
    begin_receive();
}

/// Whoever is about to sleep first sends what it has gathered. The read after a write that went out
/// whole waits for the next turn, if it would ask the kernel: the answer to it cannot be there yet, but
/// other connections' bytes can.
void connection_core::begin_receive()
{
    const time_point now = recent();
    waiting_since_ = now;
    if (std::exchange(moved_, false)) {
        last_moved_ = now;
    }
    answers_at_once_ = !out_.empty() && delivered_in_ == static_cast<std::uint32_t>(loop_.turns());
    const bool frame_came =
        std::exchange(messages_before_, static_cast<std::uint32_t>(inbox_.messages)) !=
        static_cast<std::uint32_t>(inbox_.messages);
    if (frame_came && inbox_.received.empty()) [[likely]] {
        input_.begin_idle(now);
        watch(now + settings_->first_look);
    } else {
        begin_other_wait(now, frame_came);
    }
    if (draining_ != error{}) [[unlikely]] {
        watch(next_look_at_draining());
    }
    const bool wrote_before = std::exchange(wrote_direct_, false);
    const bool wrote = flush() || wrote_before;
    if (reading_ || !somebody_receives()) {
        return;
    }
    if (wrote && !writing_ && !stream_->knows_when_empty()) {
        if (!read_later().linked()) {
            loop_.defer(read_later());
        }
    } else {
        read_now();
    }
}

/// Of which some may have passed, or a frame is under way.
void connection_core::begin_other_wait(time_point now, bool frame_came)
{
    if (frame_came) {
        input_.frame_came();
    }
    input_.begin_wait(now, inbox_.received.size());
    watch(inbox_.received.empty() ? std::min(input_.due(), add(now, park_after)) : input_.due());
}

void connection_core::read_now()
{
    if (read_later().linked()) {
        read_later().unlink();
    }
    const std::size_t most = room_to_read();
    if (most == 0) [[unlikely]] {
        return;  // goes on in memory_is_free()
    }
    try {
        mutable_bytes room = inbox_.same_room(most);
        if (room.empty()) {
            room = more_room(most);
        }
        stream_->read_some(room, *this);
        reading_ = true;
    } catch (const std::bad_alloc&) {
        break_off(make_error_code(boost::system::errc::not_enough_memory));
    }
}

/// Where the buffer has to be moved, or to grow.
mutable_bytes connection_core::more_room(std::size_t most)
{
    const std::size_t before = inbox_.received.capacity();
    const mutable_bytes room = inbox_.prepare(most);
    if (inbox_.received.capacity() != before) {
        count_memory();
    }
    return room;
}

/// Whether it holds a buffer for a peer that says nothing.
bool connection_core::may_park() const noexcept
{
    return somebody_receives() && reading_ && !parked_ && inbox_.received.empty() && unsent() == 0;
}

void connection_core::park()
{
    parked_ = stream_->cancel_read();  // goes on in on_read()
    if (!parked_) {
        waiting_since_ = recent();  // it cannot, now or ever: asked again as long afterwards
    }
}

/// An idle connection has given its buffers back.
void connection_core::wait_without_buffers()
{
    give_buffers_back();
    reading_ = parked_ = true;
    stream_->wait_readable(*this);
}

/// The end of input, a failure, or what an idle connection waits for without a buffer. True if there may be
/// something to deliver.
bool connection_core::on_other_read(const error_code& failed, std::size_t count, bool asked_to_park)
{
    if (asked_to_park && failed == error::cancelled && !closing_) {
        if (draining_ != error{}) {
            deliver();  // now it is known what has come
        } else if (somebody_receives()) {
            wait_without_buffers();
        }
        return false;
    }
    if (asked_to_park && !failed && count == 0 && !closing_) {
        if (somebody_receives()) {
            read_now();  // there is something now
        }
        return false;
    }
    if (failed == error::closed) {
        failed_during_ = phase();
        end_of_input_ = true;
    } else if (failed && !(asked_to_park && failed == error::cancelled)) {
        break_off(failed);
        return false;
    }
    return true;
}

void connection_core::on_read(const error_code& failed, std::size_t count)
{
    reading_ = false;
    wrote_direct_ = false;
    const bool asked_to_park = std::exchange(parked_, false);
    if (closed_) [[unlikely]] {
        return;
    }
    if ((failed || asked_to_park) && !on_other_read(failed, count, asked_to_park)) [[unlikely]] {
        return;
    }
    if (count != 0) {
        bytes_received_ += count;
        moved_ = true;
        if (has_heartbeat()) {
            pulse_->clock.heard(recent());
        }
    }
    if (closing_) {
        go_on_closing();
        return;
    }
    inbox_.received.commit(count);
    deliver();
}

/// A session that answers what it is given, and then waits for more, has its answer framed where it says
/// it, as if something were gathering already.
void connection_core::expect_answer(readiness found) noexcept
{
    delivered_in_ = static_cast<std::uint32_t>(loop_.turns());
    if (!answers_at_once_ || found != readiness::value || writing_ || has_failed() ||
        !out_.empty() || !senders_.empty() || flush_later().linked() ||
        settings_->options.when_full == overflow::drop_oldest) {
        return;
    }
    only_heartbeats_ = false;
    out_.gathers_until = high_water_mark();
    loop_.defer(flush_later());
}

void connection_core::deliver_or_read()
{
    if (!somebody_receives()) {
        if (has_heartbeat()) {
            absorb_heartbeats();
        }
        return;
    }
    const readiness found = receives_ == reception::batch ? poll_batch() : poll_receive();
    if (found == readiness::pending) {
        read_on();
        return;
    }
    work_node* const waiting = std::exchange(receiver_, nullptr);
    if (waiting == nullptr) {
        return;  // it was told how the connection has ended
    }
    switch (receives_) {
    case reception::frame:
        expect_answer(found);
        if (found == readiness::value) [[likely]] {
            waiter_for<bytes>(*waiting).complete_with(inbox_.frame);
        } else {
            waiter_for<bytes>(*waiting).complete(why_no_frame());
        }
        break;
    case reception::batch:
        expect_answer(found);
        waiter_for<std::span<const bytes>>(*waiting).complete(take_batch());
        break;
    case reception::watch: loop_.ready(*waiting); break;
    }
}

void connection_core::deliver()
{
    try {
        deliver_or_read();
    } catch (const std::bad_alloc&) {  // not the session's to catch: it sleeps
        break_off(make_error_code(boost::system::errc::not_enough_memory));
    }
}

/// Somebody waits, and what has come is not enough.
void connection_core::read_on()
{
    last_moved_ = recent();
    moved_ = false;
    if (!inbox_.received.empty()) {
        input_.bytes_came(last_moved_, inbox_.received.size());
        watch(input_.due());
    } else {
        watch(add(last_moved_, park_after));  // heartbeats were all that came
    }
    read_now();
}

/// A receive was cancelled: time counts only while somebody waits.
void connection_core::abandon_receive() noexcept
{
    receiver_ = nullptr;
    input_.end_wait(recent());
}

// ---- while nobody uses it -----------------------------------------------------------------------

bool connection_core::watch_while_idle(work_node& on_input)
{
    if (poll_receive() != readiness::pending) {
        return false;
    }
    begin_receive(on_input, reception::watch);
    return somebody_receives();
}

void connection_core::end_watch(work_node& on_input) noexcept
{
    if (receiver_ == &on_input) {
        abandon_receive();
    }
    on_input.unlink();
}

/// Or the end of it, or the middle of a frame.
bool connection_core::has_unread_input() const noexcept
{
    return has_failed() || end_of_input_ || draining_ != error{} || inbox_.has_frames() ||
           inbox_.received.size() != inbox_.handed_out;
}

// ---- what receive() calls from outside ----------------------------------------------------------

readiness next_frame(inbox& i)
{
    return i.core.poll_receive();
}

readiness look_for_frame(inbox& i)
{
    return i.core.look_for_frame();
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
    static_cast<inbox*>(i)->core.abandon_receive();
}

loop& home_of_inbox(void* i)
{
    return static_cast<inbox*>(i)->core.home();
}

}  // namespace libnet::detail
