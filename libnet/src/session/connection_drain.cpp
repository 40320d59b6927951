#include "connection_core.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

/// Draining: what has come is still handed out, and nothing that comes later.
///
///     | read | in the kernel | comes later
///            drain()         ^ last_frames_begin_before
///
/// A client that asks without a pause would never be done, so the line is drawn when draining begins.
/// A frame that begins before it is waited for.
namespace libnet::detail {
namespace {

/// How often it is looked at what a stream has only an estimate of.
constexpr duration between_looks = std::chrono::milliseconds(100);

}  // namespace

void connection_core::drain(error why, const drain_grace& grace)
{
    if (draining_ == error{}) {
        draining_ = why;
        // A read under way may have its bytes already, and its end has only not been told.
        const bool may_have_read = is_reading() && !stream_->knows_when_empty();
        const std::size_t perhaps_read = may_have_read ? inbox_.received.capacity() : 0;
        try {
            drain_line_ = std::make_unique<drain_line>(drain_line{
                .last_frames_begin_before = bytes_received_ + perhaps_read + stream_->arrived(),
                .first_frame_until = add(opened_, grace.first_frame),
                .any_frame_until = add(loop_.now(), grace.any_frame)});
        } catch (const std::bad_alloc&) {  // then what is here is all that is handed out
        }
    }
    look_at_draining();
}

/// Somebody receives, perhaps in vain.
void connection_core::look_at_draining()
{
    if (draining_ == error{} || !somebody_receives() || has_begun_last_frame()) {
        return;
    }
    if (is_reading() && !writing_ && stream_->cancel_read()) {
        parked_ = true;  // goes on in on_read(), which knows what has been read
        return;
    }
    if ((is_reading() && writing_) || awaits_frame()) {
        watch(next_look_at_draining());
        return;
    }
    end_draining();
    answer_receiver(draining_);
}

/// Some of it is here, and it began in time.
bool connection_core::has_begun_last_frame() const noexcept
{
    const std::size_t begun = inbox_.unseen().size();
    return begun != 0 && drain_line_ &&
           bytes_received_ - begun < drain_line_->last_frames_begin_before;
}

/// Whether the next frame is one of those that are still handed out, if it comes.
bool connection_core::awaits_frame() const noexcept
{
    if (!drain_line_) {
        return false;
    }
    const drain_line& line = *drain_line_;
    if (has_begun_last_frame() ||
        (bytes_received_ < line.last_frames_begin_before && stream_->arrived() != 0)) {
        return true;
    }
    const time_point now = recent();
    return now < line.any_frame_until || (inbox_.messages == 0 && now < line.first_frame_until);
}

/// It has been said, and holds.
void connection_core::end_draining() noexcept
{
    drain_line_.reset();
}

time_point connection_core::next_look_at_draining() const noexcept
{
    if (draining_ == error{} || has_failed() || !somebody_receives() || has_begun_last_frame()) {
        return end_of_time;
    }
    return add(recent(), between_looks);
}

}  // namespace libnet::detail
