#include "stall_watch.hpp"

#include <utility>

namespace libnet::detail {

stall_watch::stall_watch(hook tell, duration longest, time_point now)
    : tell_(std::move(tell)), longest_(longest), begun_(now)
{
}

void stall_watch::piece_of(const promise_base* innermost) noexcept
{
    running_ = innermost != nullptr ? &innermost->running_in() : nullptr;
    depth_ = 0;
    for (const promise_base* at = innermost; at != nullptr && depth_ != deepest; at = at->parent) {
        const std::source_location place = location_of(at->where);
        if (place.line() != 0) {  // has awaited something before
            from_[depth_++] = place;
        }
    }
}

void stall_watch::forget(const fiber& f) noexcept
{
    if (running_ == &f) {
        running_ = nullptr;
    }
}

bool stall_watch::piece_ended(time_point now, stall_report& report)
{
    const duration lasted = now - std::exchange(begun_, now);
    const fiber* ran = std::exchange(running_, nullptr);
    const std::size_t depth = std::exchange(depth_, 0);
    if (lasted <= longest_) {
        return false;
    }
    report.lasted = lasted;
    report.from.assign(from_.begin(), from_.begin() + static_cast<std::ptrdiff_t>(depth));
    if (ran != nullptr) {
        report.session = ran->description();
        if (!ran->promise().done) {
            report.to = ran->trace();
        }
    }
    return true;
}

}  // namespace libnet::detail
