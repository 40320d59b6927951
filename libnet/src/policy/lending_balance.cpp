#include "lending_places.hpp"

#include <algorithm>
#include <utility>

/// Connections move to endpoints that have fewer, one now and then: an endpoint that was away gets its
/// share again, and is not overrun by all who waited for it.
namespace libnet {

using kind = lending::action::kind;

/// One endpoint has two connections more than another, or more.
struct lending::unevenness {
    std::size_t fullest;
    std::size_t emptiest;  // or rather, of those with too few, the one that may be tried first
    time_point may_open_at;
};

std::size_t lending::fullest() const noexcept
{
    const auto most = std::ranges::max_element(targets_, {}, &target::size);
    return static_cast<std::size_t>(most - targets_.begin());
}

std::optional<lending::unevenness> lending::uneven(time_point now) const noexcept
{
    std::optional<unevenness> found;
    if (targets_.size() == 1 || options_.even_out_every == never) {
        return found;
    }
    const std::size_t full = fullest();
    for (std::size_t e = 0; e != targets_.size(); ++e) {
        if (targets_[e].size + 2 > targets_[full].size) {
            continue;
        }
        const time_point when = std::max({now, may_open_at(e, now), outliers_.until(e)});
        const bool is_better =
            !found || when < found->may_open_at ||
            (when == found->may_open_at && targets_[e].size < targets_[found->emptiest].size);
        if (is_better) {
            found = unevenness{.fullest = full, .emptiest = e, .may_open_at = when};
        }
    }
    return found;
}

/// Before the old one goes there is a new one, if there is room for both.
lending::action lending::even_out(time_point now, std::uint64_t random) noexcept
{
    const auto found = uneven(now);
    if (!found) {
        even_out_at_ = end_of_time;
        return {};
    }
    const bool has_to_wait = now >= even_out_at_ && found->may_open_at > now;
    if (even_out_at_ == end_of_time || has_to_wait) {
        const auto half = static_cast<std::uint64_t>(options_.even_out_every.count() / 2);
        even_out_at_ = add(found->may_open_at,
                           duration(static_cast<duration::rep>(half + random % (half + 1))));
    }
    if (now < even_out_at_) {
        return {};
    }
    if (stats_.size != options_.max_size) {
        even_out_at_ = end_of_time;
        const action opening = open_at(found->emptiest, now);
        members_[opening.place].replaces = true;
        return opening;
    }
    target& full = targets_[found->fullest];
    if (full.idle.empty()) {
        return {};  // the next one that comes back
    }
    even_out_at_ = end_of_time;
    moving_to_ = found->emptiest;
    ++stats_.moved;
    return drop(full.idle.front());
}

/// Whether one that comes back is given up for one elsewhere.
bool lending::moves_away(const member& m, time_point now) noexcept
{
    if (now < even_out_at_ || stats_.size != options_.max_size) {
        return false;
    }
    const auto found = uneven(now);
    if (!found || found->fullest != m.target || found->may_open_at > now) {
        return false;
    }
    even_out_at_ = end_of_time;
    moving_to_ = found->emptiest;
    ++stats_.moved;
    return true;
}

/// The half that comes after: a new one for one that has gone, or one that goes for a new one.
lending::action lending::finish_moving(time_point now) noexcept
{
    if (moving_to_) {
        const std::size_t e = *std::exchange(moving_to_, std::nullopt);
        if (stats_.size != options_.max_size && may_open(e, now)) {
            return open_at(e, now);
        }
    }
    target& full = targets_[fullest()];
    const bool is_fuller = full.size > std::ranges::min_element(targets_, {}, &target::size)->size;
    if (std::exchange(has_moved_, false) && is_fuller && !full.idle.empty()) {
        ++stats_.moved;
        return drop(full.idle.front());
    }
    return {};
}

}  // namespace libnet
