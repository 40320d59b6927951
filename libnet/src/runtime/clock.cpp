#include <libnet/runtime/clock.hpp>

#include <algorithm>
#include <bit>

namespace libnet {

manual_clock::manual_clock(time_point start) noexcept : now_(start), last_(start) {}

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
    put(node);
}

void manual_clock::put(detail::timer_node& node) noexcept
{
    const auto bits = [](time_point at) {
        return static_cast<std::uint64_t>(at.time_since_epoch().count());
    };
    const auto width = std::bit_width(bits(std::max(node.due, last_)) ^ bits(last_));
    node.slot = static_cast<std::uint16_t>(std::min<std::size_t>(width, drawers - 1));
    used_ |= std::uint64_t{1} << node.slot;
    drawer& in = drawers_[node.slot];
    in.timers.push_back(node);
    in.earliest = std::min(in.earliest, node.due);
}

void manual_clock::disarm(detail::timer_node& node) noexcept
{
    node.unlink();
    node.armed_on = nullptr;
    drawer& from = drawers_[node.slot];
    if (from.timers.empty()) {
        used_ &= ~(std::uint64_t{1} << node.slot);
        from.earliest = end_of_time;
        from.known = true;
    } else if (node.due <= from.earliest) {
        from.known = node.slot == 0;  // what is there is due already
    }
}

/// The first drawer in which there is something, or the number of drawers.
unsigned manual_clock::first() const noexcept
{
    return static_cast<unsigned>(std::countr_zero(used_));
}

time_point manual_clock::earliest(const drawer& in) const noexcept
{
    if (!in.known) {
        in.earliest = end_of_time;
        in.timers.for_each([&](const detail::timer_node& node) {
            in.earliest = std::min(in.earliest, node.due);
        });
        in.known = true;
    }
    return in.earliest;
}

time_point manual_clock::next_due() const noexcept
{
    const unsigned at = first();
    return at == drawers ? end_of_time : earliest(drawers_[at]);
}

bool manual_clock::step(time_point limit)
{
    const unsigned at = first();
    if (at == drawers || earliest(drawers_[at]) > limit) {
        now_ = std::max(now_, limit);
        return false;
    }
    drawer& next = drawers_[at];
    if (at != 0) {
        last_ = next.earliest;
        detail::node_list<detail::timer_node> sorted;
        sorted.take_from(next.timers);
        next.earliest = end_of_time;
        used_ &= ~(std::uint64_t{1} << at);
        while (!sorted.empty()) {
            put(sorted.pop_front());
        }
    }
    detail::timer_node& node = drawers_[0].timers.front();
    now_ = std::max(now_, node.due);
    disarm(node);
    node.expired(node);
    return true;
}

}  // namespace libnet
