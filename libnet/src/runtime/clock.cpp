#include <libnet/runtime/clock.hpp>

#include <algorithm>

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
    node.armed_on = this;
    waiting_.insert_sorted(node, [](const auto& a, const auto& b) { return a.due < b.due; });
}

void manual_clock::disarm(detail::timer_node& node) noexcept
{
    node.unlink();
    node.armed_on = nullptr;
}

time_point manual_clock::next_due() const noexcept
{
    return waiting_.empty() ? end_of_time : waiting_.front().due;
}

bool manual_clock::step(time_point limit)
{
    if (waiting_.empty() || next_due() > limit) {
        now_ = std::max(now_, limit);
        return false;
    }
    detail::timer_node& node = waiting_.front();
    now_ = std::max(now_, node.due);
    disarm(node);
    node.expired(node);
    return true;
}

}  // namespace libnet
