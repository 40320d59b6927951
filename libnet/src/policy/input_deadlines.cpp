#include <libnet/policy/input_deadlines.hpp>

#include <algorithm>

namespace libnet {

void input_deadlines::begin_other_wait(time_point now, std::size_t under_way) noexcept
{
    if (gave_up_) {  // time in which nobody waited does not count
        const duration away = now - gave_up_at_;
        opened_at_ += away;
        idle_start_ += away;
        frame_start_ += away;
        rate_start_ = add(rate_start_, away);
        gave_up_ = false;
    } else {
        idle_start_ = now;
        if (state_ == state::opened) {
            opened_at_ = now;
        }
    }
    if (state_ == state::opened) {
        state_ = state::silent;
    }
    if (under_way != 0) {
        bytes_came(now, under_way);
    }
}

void input_deadlines::end_wait(time_point now) noexcept
{
    gave_up_ = true;
    gave_up_at_ = now;
}

void input_deadlines::bytes_came(time_point now, std::size_t under_way) noexcept
{
    if (!in_frame_) {
        start_frame(now);
    } else if (under_way > under_way_ && timeouts_->frame == never) {
        idle_start_ = now;
    }
    under_way_ = under_way;
    if (now < rate_start_) {
        counted_ = under_way;
    }
}

void input_deadlines::start_frame(time_point now) noexcept
{
    in_frame_ = true;
    frame_start_ = now;
    rate_start_ = add(now, timeouts_->minimum_rate.grace);
    counted_ = 0;
}

time_point input_deadlines::first_due() const noexcept
{
    return state_ == state::between ? end_of_time : add(opened_at_, timeouts_->first_frame);
}

time_point input_deadlines::frame_due() const noexcept
{
    const std::size_t beyond = under_way_ > included_bytes ? under_way_ - included_bytes : 0;
    const auto earned = std::chrono::seconds(beyond / bytes_per_second);
    return add(add(frame_start_, timeouts_->frame), earned);
}

time_point input_deadlines::rate_due() const noexcept
{
    const data_rate& rate = timeouts_->minimum_rate;
    return rate.bytes == 0 ? end_of_time : add(rate_start_, rate.interval);
}

time_point input_deadlines::due_otherwise() const noexcept
{
    time_point due = in_frame_ ? std::min(frame_due(), rate_due()) : first_due();
    if (idle_counts()) {
        due = std::min(due, add(idle_start_, timeouts_->idle));
    }
    return due;
}

error input_deadlines::look(time_point now) noexcept
{
    if (in_frame_) {
        if (frame_due() <= now) {
            return error::frame_timeout;
        }
        if (rate_due() <= now) {
            if (under_way_ - counted_ < timeouts_->minimum_rate.bytes) {
                return error::too_slow;
            }
            counted_ = under_way_;
            rate_start_ = now;
        }
    } else if (first_due() <= now) {
        return error::first_frame_timeout;
    }
    return idle_counts() && add(idle_start_, timeouts_->idle) <= now ? error::idle_timeout
                                                                     : error{};
}

}  // namespace libnet
