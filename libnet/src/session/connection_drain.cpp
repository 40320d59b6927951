#include "connection_core.hpp"

#include <algorithm>
#include <utility>

/// Draining: what has come is still handed out, and nothing that comes later.
///
///     | read | in the kernel | comes later
///            drain()         ^ last_frames_begin_before_
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
        last_frames_begin_before_ = bytes_received_ + perhaps_read + stream_->arrived();
        first_frame_until_ = add(opened_, grace.first_frame);
        any_frame_until_ = add(loop_.now(), grace.any_frame);
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
    if (auto* w = std::exchange(receiver_, nullptr)) {
        w->complete(draining_);
    }
    if (auto* w = std::exchange(batch_receiver_, nullptr)) {
        w->complete(draining_);
    }
    tell_watcher();
}

/// Some of it is here, and it began in time.
bool connection_core::has_begun_last_frame() const noexcept
{
    const std::size_t begun = inbox_.unseen().size();
    return begun != 0 && bytes_received_ - begun < last_frames_begin_before_;
}

/// Whether the next frame is one of those that are still handed out, if it comes.
bool connection_core::awaits_frame() const noexcept
{
    if (has_begun_last_frame() ||
        (bytes_received_ < last_frames_begin_before_ && stream_->arrived() != 0)) {
        return true;
    }
    const time_point now = recent();
    return now < any_frame_until_ || (inbox_.messages == 0 && now < first_frame_until_);
}

/// It has been said, and holds.
void connection_core::end_draining() noexcept
{
    last_frames_begin_before_ = 0;
    first_frame_until_ = any_frame_until_ = time_point();
}

time_point connection_core::next_look_at_draining() const noexcept
{
    if (draining_ == error{} || failure_ || !somebody_receives() || has_begun_last_frame()) {
        return end_of_time;
    }
    return add(recent(), between_looks);
}

}  // namespace libnet::detail
