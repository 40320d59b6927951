#include <libnet/runtime/timer_wheel.hpp>

#include <algorithm>
#include <bit>
#include <cassert>

namespace libnet {
namespace {

constexpr unsigned bits_per_level = 3;
constexpr std::uint64_t slot_mask = (1U << bits_per_level) - 1;

constexpr std::size_t slot_at(std::uint64_t tick, std::size_t level) noexcept
{
    return (tick >> (bits_per_level * level)) & slot_mask;
}

constexpr std::uint8_t bit_of(std::size_t slot) noexcept
{
    return static_cast<std::uint8_t>(1U << slot);
}

}  // namespace

timer_wheel::timer_wheel(time_point origin) noexcept : origin_(origin) {}

std::uint64_t timer_wheel::ceiling(time_point due) const noexcept
{
    if (due <= origin_) {
        return 0;
    }
    const duration wait = due - origin_;
    return static_cast<std::uint64_t>(wait / tick) + (wait % tick != duration::zero() ? 1 : 0);
}

void timer_wheel::insert(detail::timer_node& node, time_point due) noexcept
{
    node.due = due;
    node.order = std::max(ceiling(due), now_ + 1);
    place(node);
    ++count_;
}

/// The level is that of the highest digit (of 3 bits) in which the node's tick and now differ; so
/// on every level the slots up to that of now are empty.
void timer_wheel::place(detail::timer_node& node) noexcept
{
    static_assert(slots == slot_mask + 1 && slots <= 8 * sizeof occupied_[0]);
    static_assert(duration::max() / tick < (std::int64_t{1} << (bits_per_level * levels)),
                  "no node is too far away for the last level");
    const std::uint64_t differing = node.order ^ now_;
    const auto bits = static_cast<std::size_t>(std::bit_width(differing));
    const std::size_t level = bits == 0 ? 0 : (bits - 1) / bits_per_level;
    const std::size_t index = slot_at(node.order, level);
    slot& s = wheel_[level][index];
    s.nodes.push_back(node);
    s.earliest = std::min(s.earliest, node.order);
    occupied_[level] |= bit_of(index);
    node.slot = static_cast<std::uint16_t>(level * slots + index);
}

void timer_wheel::remove(detail::timer_node& node) noexcept
{
    node.unlink();
    if (node.slot == nowhere) {
        return;  // expired already, on its way to its callback
    }
    const std::size_t level = node.slot / slots;
    const std::size_t index = node.slot % slots;
    slot& s = wheel_[level][index];
    if (s.nodes.empty()) {
        s.earliest = UINT64_MAX;
        occupied_[level] &= static_cast<std::uint8_t>(~bit_of(index));
    }
    node.slot = nowhere;
    --count_;
}

std::size_t timer_wheel::first_occupied(std::size_t level) const noexcept
{
    return static_cast<std::size_t>(std::countr_zero(occupied_[level]));
}

time_point timer_wheel::earliest() const noexcept
{
    for (std::size_t level = 0; level < levels; ++level) {
        if (occupied_[level] != 0) {
            const std::uint64_t due = wheel_[level][first_occupied(level)].earliest;
            return origin_ + tick * static_cast<duration::rep>(due);
        }
    }
    return end_of_time;
}

void timer_wheel::advance(time_point now, detail::node_list<detail::timer_node>& expired) noexcept
{
    const std::uint64_t target =
        now <= origin_ ? 0 : static_cast<std::uint64_t>((now - origin_) / tick);
    while (now_ < target) {
        std::size_t level = 0;
        while (level < levels && occupied_[level] == 0) {
            ++level;
        }
        if (level == levels) {
            now_ = target;
            return;
        }
        // The next slot in time is the first occupied one of the lowest occupied level.
        const std::size_t index = first_occupied(level);
        const unsigned shift = bits_per_level * static_cast<unsigned>(level);
        const std::uint64_t around = (now_ >> shift) & ~slot_mask;
        const std::uint64_t begins = (around | index) << shift;
        if (begins > target) {
            now_ = target;
            return;
        }
        now_ = std::max(now_, begins);
        slot& s = wheel_[level][index];
        detail::node_list<detail::timer_node> reached;
        reached.take_from(s.nodes);
        s.earliest = UINT64_MAX;
        occupied_[level] &= static_cast<std::uint8_t>(~bit_of(index));
        while (!reached.empty()) {
            detail::timer_node& node = reached.pop_front();
            if (node.order <= now_) {
                node.slot = nowhere;
                --count_;
                expired.push_back(node);
            } else {
                place(node);
            }
        }
    }
}

}  // namespace libnet
