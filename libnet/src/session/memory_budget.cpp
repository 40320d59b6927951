#include "memory_budget.hpp"

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

namespace libnet::detail {

memory_budget::memory_budget(std::size_t limit) noexcept
    : limit_(limit), tight_at_(limit - limit / 4)
{
    review_.budget = this;
    review_.run = [](work_node& node) { static_cast<review_node&>(node).budget->review(); };
}

void memory_budget::enter(account& a, loop& home) noexcept
{
    home_ = &home;
    ++count_;
    accounts_.push_back(a);
    charge(a, 0);
}

void memory_budget::leave(account& a) noexcept
{
    a.unlink();
    --count_;
    change(a, 0);
}

void memory_budget::change(account& a, std::size_t held) noexcept
{
    used_ += held - a.held();
    a.hold(held);
    if (used_ > limit_ || (somebody_waits_ && !is_tight()) || pressure_changes()) {
        review_later();
    }
}

/// In a turn of its own: who ends, or reads, must not do so inside of somebody's call.
void memory_budget::review_later() noexcept
{
    if (home_ != nullptr && !review_.linked()) {
        home_->defer(review_);
    }
}

std::size_t memory_budget::fair_share() const noexcept
{
    return tight_at_ / std::max<std::size_t>(count_, 1);
}

std::size_t memory_budget::allowance_when_tight(std::size_t wish) const noexcept
{
    return std::min(wish, std::max<std::size_t>(fair_share() / 2, 1));
}

std::size_t memory_budget::room_to_read(account& a, std::size_t growth) noexcept
{
    if (!is_tight(growth)) {
        return receive_buffer::largest_read;
    }
    if (a.held() == without_buffers || a.held() + receive_buffer::smallest_read <= fair_share()) {
        return receive_buffer::smallest_read;
    }
    somebody_waits_ = true;
    a.set_waits(true);
    return 0;
}

void memory_budget::review() noexcept
{
    look_at_pressure();
    if (used_ > limit_) {
        shed_greatest();
    }
    if (!somebody_waits_ || is_tight()) {
        return;
    }
    somebody_waits_ = false;
    accounts_.for_each([](account& a) {
        if (a.waits()) {
            a.set_waits(false);
            a.memory_is_free();
        }
    });
}

/// Some way lies between its beginning and its end, or it would begin and end with every frame.
void memory_budget::look_at_pressure() noexcept
{
    if (!pressure_changes()) {
        return;
    }
    under_pressure_ = !under_pressure_;
    if (tell_) {
        tell_({.is_tight = under_pressure_, .used = used_, .limit = limit_});
    }
    if (under_pressure_) {
        accounts_.for_each([](account& a) { a.give_unused_back(); });
    }
}

void memory_budget::shed_greatest() noexcept
{
    const std::size_t enough = limit_ - limit_ / 8;
    std::vector<account*> greatest;
    try {
        accounts_.for_each([&](account& a) { greatest.push_back(&a); });
    } catch (const std::bad_alloc&) {
        return;  // the next charge comes back
    }
    std::ranges::sort(greatest, std::ranges::greater{}, &account::held);
    for (account* a : greatest) {
        if (used_ <= enough) {
            return;
        }
        ++shed_;
        used_ -= a->held();  // though it lets go a little later, or too many would go
        a->hold(0);
        a->give_memory_up();
    }
}

}  // namespace libnet::detail
