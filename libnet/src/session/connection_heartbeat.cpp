#include "connection_core.hpp"

#include <new>

/// Signs of life, below the session: it neither sees nor sends them.
namespace libnet::detail {

void connection_core::look_at_heartbeat(time_point now)
{
    const bool listens = reading_ || read_ahead();
    const heartbeat& how = *settings_->options.heartbeat;
    switch (pulse_->clock.look(how, now, listens)) {
    case heartbeat_clock::action::wait: break;
    case heartbeat_clock::action::ping: send_heartbeat(how.ping); break;
    case heartbeat_clock::action::give_up: fail(error::heartbeat_timeout); break;
    }
}

/// Reads though nobody receives, where that moves nothing that somebody looks at. False if messages wait for
/// the session, if there is no room, or no more to come.
bool connection_core::read_ahead()
{
    absorb_heartbeats();
    if (end_of_input_ || has_failed() || inbox_.has_found()) {
        return false;
    }
    const bool may_move = inbox_.handed_out == 0;
    const std::size_t most = may_move ? room_to_read() : 0;
    if (may_move && most == 0) {
        return false;
    }
    try {
        const mutable_bytes room = may_move ? inbox_.prepare(most) : inbox_.received.spare();
        if (room.empty()) {
            return false;
        }
        count_memory();
        stream_->read_some(room, *this);
        return reading_ = true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

/// Heartbeats must not wait for a session that is busy. Frames stay where they are.
void connection_core::absorb_heartbeats()
{
    std::size_t skipped = 1;
    while (skipped != 0 && !inbox_.has_found() && !inbox_.unseen().empty() &&
           inbox_.unseen().size() >= inbox_.needed) {
        decoded last;
        skipped = find_frames(inbox_.unseen(), inbox_.ahead(), last);
        inbox_.skip(skipped);
    }
}

namespace {

/// A frame of which the user's own function cannot say what it is, is the session's. Most are told by
/// their size.
beat kind_of(const heartbeat& how, bytes payload) noexcept
{
    if (!how.recognise && payload.size() != how.ping.size() && payload.size() != how.pong.size()) {
        return beat::none;
    }
    try {
        return how.kind_of(payload);
    } catch (...) {
        return beat::none;
    }
}

}  // namespace

/// Answers the bytes of heartbeats before the first frame; those between frames go with the frame
/// before them.
std::size_t connection_core::take_heartbeats_out(std::span<found_frame> frames) noexcept
{
    std::size_t before = 0;
    std::size_t kept = 0;
    const heartbeat& how = *settings_->options.heartbeat;
    for (const found_frame& frame : frames) {
        const beat kind = kind_of(how, frame.payload);
        if (kind == beat::none) {
            if (&frames[kept] != &frame) {
                frames[kept] = frame;
            }
            ++kept;
            continue;
        }
        take_heartbeat(kind);
        (kept == 0 ? before : frames[kept - 1].consumed) += frame.consumed;
    }
    if (has_failed()) {  // sending an answer was too much: nothing that was found counts any more
        inbox_.forget_found();
        return 0;
    }
    inbox_.ahead_end = static_cast<std::uint32_t>(kept);
    return before;
}

void connection_core::take_heartbeat(beat kind) noexcept
{
    if (!closing_) {
        input_.heartbeat_came();
    }
    if (kind == beat::ping) {
        send_heartbeat(settings_->options.heartbeat->pong);
    } else if (const auto took = pulse_->clock.answered(loop_.now())) {
        pulse_->round_trip = took;
    }
}

/// Not if the peer takes nothing: what is queued for it has a bound.
void connection_core::send_heartbeat(const std::string& payload) noexcept
{
    if (has_failed() || !senders_.empty() || !takes_more()) {
        return;
    }
    const bool alone = unsent() == 0 || only_heartbeats_;
    (void)accept_uncounted(as_bytes(payload));  // what fails now may work the next time
    if (alone) {
        only_heartbeats_ = true;
        out_.gathers_until = 0;  // so that the next message says that it is one
    }
}

}  // namespace libnet::detail
