#include <libnet/policy/outlier_ejection.hpp>

#include <algorithm>

namespace libnet {

outlier_ejection::outlier_ejection(std::size_t servers, const outlier_ejection_options& options)
    : options_(options), servers_(servers, record{.window = sliding_window(options.window)})
{
}

void outlier_ejection::succeeded(std::size_t server, time_point now) noexcept
{
    auto& s = servers_[server];
    ++s.window.at(now).calls;
    s.consecutive = 0;
}

void outlier_ejection::failed(std::size_t server, time_point now) noexcept
{
    auto& s = servers_[server];
    auto& lately = s.window.at(now);
    ++lately.calls;
    ++lately.marked;
    ++s.consecutive;
    if (!ejected(server, now) && may_eject_one(now) &&
        (s.consecutive >= options_.consecutive_failures || stands_out(server, now))) {
        eject(s, now);
    }
}

std::size_t outlier_ejection::ejected_count(time_point now) const noexcept
{
    return static_cast<std::size_t>(std::ranges::count_if(
        servers_, [now](const record& s) { return s.until > now; }));
}

bool outlier_ejection::stands_out(std::size_t server, time_point now) noexcept
{
    if (options_.percent_above_others == no_limit) {
        return false;
    }
    sliding_window::counts others;
    for (std::size_t i = 0; i != servers_.size(); ++i) {
        if (i != server) {
            const auto sum = servers_[i].window.sum(now);
            others.calls += sum.calls;
            others.marked += sum.marked;
        }
    }
    const auto own = servers_[server].window.sum(now);
    if (std::min(own.calls, others.calls) < std::max<std::size_t>(options_.minimum_calls, 1)) {
        return false;
    }
    return own.marked * 100 * others.calls >=
           (others.marked * 100 + options_.percent_above_others * others.calls) * own.calls;
}

bool outlier_ejection::may_eject_one(time_point now) const noexcept
{
    const std::size_t out = ejected_count(now) + 1;
    return out < servers_.size() && out * 100 <= servers_.size() * options_.most_percent;
}

void outlier_ejection::eject(record& s, time_point now) noexcept
{
    if (s.times != 0) {
        const duration good = now - s.until;
        const auto minutes = options_.forgive_after > duration::zero()
                                 ? static_cast<std::size_t>(good / options_.forgive_after)
                                 : s.times;
        s.times -= std::min(s.times, minutes);
    }
    duration wait = std::min(options_.first, options_.longest);
    for (std::size_t i = 0; i != s.times && wait < options_.longest; ++i) {
        wait = wait > options_.longest / 2 ? options_.longest : wait * 2;
    }
    ++s.times;
    s.until = add(now, wait);
    s.consecutive = 0;
    s.window.clear();  // it comes back with a clean slate
}

}  // namespace libnet
