#include <libnet/runtime/clock.hpp>

namespace libnet {

void manual_clock::arm(detail::timer_node& node, time_point due)
{
    if (node.armed()) {
        node.armed_on->disarm(node);
    }
    if (due == end_of_time) {
        return;
    }
    node.due = due;
    node.order = armed_so_far_++;
    node.armed_on = this;
    waiting_.insert(&node);
}

void manual_clock::disarm(detail::timer_node& node) noexcept
{
    waiting_.erase(&node);
    node.armed_on = nullptr;
}

time_point manual_clock::next_due() const noexcept
{
    return waiting_.empty() ? end_of_time : (*waiting_.begin())->due;
}

bool manual_clock::step(time_point limit)
{
    if (waiting_.empty() || next_due() > limit) {
        now_ = std::max(now_, limit);
        return false;
    }
    detail::timer_node& node = **waiting_.begin();
    now_ = std::max(now_, node.due);
    disarm(node);
    node.expired(node);
    return true;
}

}  // namespace libnet
