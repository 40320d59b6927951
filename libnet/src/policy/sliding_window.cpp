#include <libnet/policy/sliding_window.hpp>

#include <algorithm>
#include <stdexcept>

namespace libnet {

sliding_window::sliding_window(duration span)
    : width_(span / static_cast<duration::rep>(slot_count))
{
    if (width_ <= duration::zero()) {
        throw std::invalid_argument("sliding_window: the span is too short");
    }
}

sliding_window::counts& sliding_window::at(time_point t) noexcept
{
    advance(t);
    return slots_[current_];
}

sliding_window::counts sliding_window::sum(time_point t) noexcept
{
    advance(t);
    counts all;
    for (const counts& slot : slots_) {
        all.calls += slot.calls;
        all.marked += slot.marked;
    }
    return all;
}

void sliding_window::advance(time_point t) noexcept
{
    if (end_ == time_point::min()) {
        end_ = add(t, width_);
        return;
    }
    if (t < end_) {
        return;
    }
    const auto passed = static_cast<std::size_t>((t - end_) / width_) + 1;
    for (std::size_t i = 0; i != std::min(passed, slot_count); ++i) {
        current_ = (current_ + 1) % slot_count;
        slots_[current_] = {};
    }
    end_ = add(end_, width_ * static_cast<duration::rep>(passed));
}

}  // namespace libnet
