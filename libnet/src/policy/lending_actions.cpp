#include "lending_places.hpp"

#include <algorithm>

/// What a pool does: whom it serves, with which connection, and where new ones come from.
namespace libnet {

using kind = lending::action::kind;

lending::action lending::next(time_point now, std::uint64_t random) noexcept
{
    if (draining_) {
        if (!claims_.empty()) {
            return next_refusal(now);
        }
        for (target& t : targets_) {
            if (!t.idle.empty()) {
                return drop(t.idle.front());
            }
        }
        return {};
    }
    if (const action dropping = drop_worn(now); dropping.what != kind::none) {
        return dropping;
    }
    if (const action loan = next_loan(now, random); loan.what != kind::none) {
        return loan;
    }
    if (const action refusal = next_refusal(now); refusal.what != kind::none) {
        return refusal;
    }
    if (const action moving = finish_moving(now); moving.what != kind::none) {
        return moving;
    }
    if (const action supplying = supply(now); supplying.what != kind::none) {
        return supplying;
    }
    if (const action moving = even_out(now, random); moving.what != kind::none) {
        return moving;
    }
    return look_after_idle(now);
}

lending::action lending::next_loan(time_point now, std::uint64_t random) noexcept
{
    if (claims_.empty() || draining_) {
        return {};
    }
    const auto from = pick_to_lend(now, random);
    if (!from) {
        return {};
    }
    claim& first = claims_.pop_front();
    --stats_.waiting;
    const duration waited = now - first.since;
    ++stats_.waited;
    stats_.wait_time += waited;
    stats_.longest_wait = std::max(stats_.longest_wait, waited);
    return {.what = kind::lend, .place = lend(*from, now), .endpoint = *from, .whose = &first};
}

lending::action lending::next_refusal(time_point now) noexcept
{
    if (claims_.empty()) {
        return {};
    }
    if (draining_) {
        return refuse(error::draining);
    }
    if (now >= add(claims_.front().since, options_.borrow_timeout)) {
        return refuse(error::pool_exhausted);
    }
    return is_hopeless(now) ? refuse(error::circuit_open) : action{};
}

/// What is due by now has been done, or is in the way of nothing that time would change.
time_point lending::due(time_point now) const noexcept
{
    time_point first = end_of_time;
    const auto consider = [&](time_point when) {
        if (when > now) {
            first = std::min(first, when);
        }
    };
    if (!claims_.empty()) {
        consider(add(claims_.front().since, options_.borrow_timeout));
    }
    for (const member& m : members_) {
        if (m.now_in == phase::idle) {
            consider(worn_at(m));
            if (stats_.checking == 0) {
                consider(add(m.seen, options_.check_every));
            }
        }
    }
    if (!draining_) {
        consider(even_out_at_);
    }
    if ((!claims_.empty() || wants_more()) && !draining_) {
        for (std::size_t e = 0; e != targets_.size(); ++e) {
            consider(may_open_at(e, now));
            consider(targets_[e].breaker.when_next(now));
            consider(outliers_.until(e));
        }
    }
    return first;
}

// ---- whom to lend from --------------------------------------------------------------------------

bool lending::is_fresh(const member& m, time_point now) const noexcept
{
    return !is_worn(m, now) && now <= add(m.seen, options_.check_after);
}

/// Not seen to be good since something failed there, and too long ago to be lent unseen: a check
/// would probably only cost time.
bool lending::is_doubtful(const member& m, time_point now) const noexcept
{
    return !is_fresh(m, now) && m.seen < targets_[m.target].last_failure;
}

/// When it is closed if nobody uses it. Those that are kept ready are renewed as the server sees it,
/// to which a check is use.
time_point lending::worn_at(const member& m) const noexcept
{
    const bool surplus = stats_.idle > options_.min_idle;
    return std::min(m.expires, add(surplus ? m.used : m.seen, options_.idle_timeout));
}

/// Whether calls may go there. One that is left out still gets them where the others are worse.
bool lending::is_usable(std::size_t e, time_point now) const noexcept
{
    if (!targets_[e].breaker.would_allow(now)) {
        return false;
    }
    if (!outliers_.ejected(e, now)) {
        return true;
    }
    for (std::size_t other = 0; other != targets_.size(); ++other) {
        if (!outliers_.ejected(other, now) && targets_[other].breaker.would_allow(now)) {
            return false;
        }
    }
    return true;
}

/// Every endpoint fails, and none is being tried.
bool lending::is_hopeless(time_point now) const noexcept
{
    return std::ranges::all_of(targets_, [now](const target& t) {
        return t.breaker.state() == circuit::open && !t.breaker.would_allow(now);
    });
}

bool lending::can_lend_from(std::size_t e, time_point now) const noexcept
{
    const target& t = targets_[e];
    return !t.idle.empty() && is_fresh(t.idle.back(), now) && is_usable(e, now);
}

std::optional<std::size_t> lending::pick_to_lend(time_point now, std::uint64_t random) noexcept
{
    const std::size_t count = targets_.size();
    if (count == 1) {
        return can_lend_from(0, now) ? std::optional<std::size_t>(0) : std::nullopt;
    }
    if (options_.balance == balance::least_loaded) {
        const std::size_t one = random % count;
        const std::size_t other = (one + 1 + (random >> 32) % (count - 1)) % count;
        const bool first = can_lend_from(one, now);
        const bool second = can_lend_from(other, now);
        if (first || second) {
            const bool prefer_first = targets_[one].lent <= targets_[other].lent;
            return first && (prefer_first || !second) ? one : other;
        }
    }
    for (std::size_t i = 0; i != count; ++i) {
        const std::size_t e = (turn_ + i) % count;
        if (can_lend_from(e, now)) {
            turn_ = (e + 1) % count;
            return e;
        }
    }
    return std::nullopt;
}

std::size_t lending::lend(std::size_t e, time_point now) noexcept
{
    target& t = targets_[e];
    member& m = t.idle.back();
    m.ticket = *t.breaker.ask(now);
    enter(m, phase::lent);
    ++stats_.lent;
    return static_cast<std::size_t>(&m - members_.data());
}

// ---- where connections come from, and go to -----------------------------------------------------

bool lending::wants_more() const noexcept
{
    return stats_.waiting > coming() ||
           (stats_.idle + coming() < options_.min_idle + stats_.waiting &&
            stats_.size < options_.max_size);
}

lending::action lending::supply(time_point now) noexcept
{
    if (stats_.waiting > coming()) {
        if (member* const m = stale_one(now)) {
            return begin_check(*m);
        }
        if (stats_.size == options_.max_size) {
            return make_room(now);
        }
        return open_one(now);
    }
    return wants_more() ? open_one(now) : action{};
}

/// An idle one that a check makes fit to be lent.
lending::member* lending::stale_one(time_point now) noexcept
{
    for (std::size_t e = 0; e != targets_.size(); ++e) {
        target& t = targets_[e];
        if (!t.idle.empty() && is_usable(e, now) && !is_fresh(t.idle.back(), now) &&
            !is_doubtful(t.idle.back(), now)) {
            return &t.idle.back();
        }
    }
    return nullptr;
}

/// All places are taken, and some by connections that nobody can be lent.
lending::action lending::make_room(time_point now) noexcept
{
    if (!pick_to_open(now)) {
        return {};
    }
    for (std::size_t e = 0; e != targets_.size(); ++e) {
        target& t = targets_[e];
        if (!t.idle.empty() && (!is_usable(e, now) || is_doubtful(t.idle.front(), now))) {
            return drop(t.idle.front());
        }
    }
    return {};
}

bool lending::may_open(std::size_t e, time_point now) const noexcept
{
    return is_usable(e, now) && may_open_at(e, now) <= now;
}

/// While the circuit is closed the backoff decides, then the breaker. In trouble one at a time.
time_point lending::may_open_at(std::size_t e, time_point now) const noexcept
{
    const target& t = targets_[e];
    if (t.in_trouble && t.opening != 0) {
        return end_of_time;
    }
    return t.breaker.state() == circuit::closed ? t.retry_at : t.breaker.when_next(now);
}

/// The endpoint with the fewest connections.
std::optional<std::size_t> lending::pick_to_open(time_point now) noexcept
{
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i != targets_.size(); ++i) {
        const std::size_t e = (turn_ + i) % targets_.size();
        if (may_open(e, now) && (!best || targets_[e].size < targets_[*best].size)) {
            best = e;
        }
    }
    return best;
}

lending::action lending::open_one(time_point now) noexcept
{
    const auto e = pick_to_open(now);
    return e ? open_at(*e, now) : action{};
}

lending::action lending::open_at(std::size_t e, time_point now) noexcept
{
    member& m = *std::ranges::find(members_, phase::free, &member::now_in);
    m.target = e;
    m.began = now;
    m.replaces = false;
    m.failures_before = targets_[e].retry.failures();
    m.ticket = *targets_[e].breaker.ask(now);
    enter(m, phase::opening);
    return {
        .what = kind::open, .place = static_cast<std::size_t>(&m - members_.data()), .endpoint = e};
}

lending::action lending::drop_worn(time_point now) noexcept
{
    for (member& m : members_) {
        if (m.now_in == phase::idle && is_worn(m, now)) {
            ++stats_.expired;
            return drop(m);
        }
    }
    return {};
}

/// One after the other, so that most stay ready to be lent.
lending::action lending::look_after_idle(time_point now) noexcept
{
    if (stats_.checking != 0) {
        return {};
    }
    for (member& m : members_) {
        if (m.now_in == phase::idle && now >= add(m.seen, options_.check_every)) {
            return begin_check(m);
        }
    }
    return {};
}

lending::action lending::begin_check(member& m) noexcept
{
    enter(m, phase::checking);
    return {.what = kind::check,
            .place = static_cast<std::size_t>(&m - members_.data()),
            .endpoint = m.target};
}

lending::action lending::drop(member& m) noexcept
{
    const action dropping{.what = kind::drop,
                          .place = static_cast<std::size_t>(&m - members_.data()),
                          .endpoint = m.target};
    enter(m, phase::free);
    return dropping;
}

lending::action lending::refuse(error why) noexcept
{
    claim& first = claims_.pop_front();
    --stats_.waiting;
    ++stats_.refused;
    return {.what = kind::refuse, .whose = &first, .why = why};
}

}  // namespace libnet
