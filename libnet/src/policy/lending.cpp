#include "lending_places.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

/// What a pool is told. What it does about it: lending_actions.cpp.
namespace libnet {
namespace {

/// Lost sooner, and never of use, a connection counts as one that could not be made: a server that
/// accepts and closes would be hammered.
constexpr duration too_young = std::chrono::seconds(1);

}  // namespace

lending::lending(std::size_t endpoints, const lending_options& options)
    : options_(options),
      members_(options.max_size),
      outliers_(endpoints, options.outliers),
      free_(options.max_size)
{
    if (endpoints == 0 || options.max_size == 0 || options.min_idle > options.max_size) {
        throw std::invalid_argument(
            "lending: needs an endpoint, a max_size, and a min_idle that is not above it");
    }
    targets_.reserve(endpoints);
    for (std::size_t i = 0; i != endpoints; ++i) {
        targets_.emplace_back(options_);
    }
}

lending::~lending() = default;

std::optional<std::size_t> lending::lend_now(time_point now, std::uint64_t random) noexcept
{
    if (!claims_.empty() || draining_) {
        return std::nullopt;
    }
    const auto from = pick_to_lend(now, random);
    return from ? std::optional(lend(*from, now)) : std::nullopt;
}

error lending::why_not(time_point now) noexcept
{
    const error why = draining_                                ? error::draining
                      : stats_.waiting >= options_.max_waiting ? error::pool_exhausted
                      : claims_.empty() && is_hopeless(now)    ? error::circuit_open
                                                               : error{};
    stats_.refused += why != error{} ? 1U : 0U;
    return why;
}

void lending::wait(claim& whose, time_point now) noexcept
{
    whose.since = now;
    claims_.push_back(whose);
    ++stats_.waiting;
}

void lending::withdraw(claim& whose) noexcept
{
    whose.unlink();
    --stats_.waiting;
}

void lending::wait_again(claim& whose, time_point now) noexcept
{
    --stats_.waited;
    stats_.wait_time -= now - whose.since;
    claims_.push_front(whose);
    ++stats_.waiting;
}

bool lending::opened(std::size_t place, time_point now, std::uint64_t random) noexcept
{
    member& m = members_[place];
    target& t = targets_[m.target];
    if (t.breaker.state() == circuit::half_open) {
        t.breaker.succeeded(m.ticket, now);
    }  // else only calls count, or a server that accepts and then fails would look well
    t.retry.succeeded(now);
    t.in_trouble = false;
    t.retry_at = time_point::min();
    ++stats_.created;
    m.used = m.seen = now;
    m.proven = false;
    const auto tenth = static_cast<std::uint64_t>(options_.max_lifetime.count() / 10 + 1);
    m.expires = options_.max_lifetime == never
                    ? end_of_time
                    : add(now, options_.max_lifetime -
                                   duration(static_cast<duration::rep>(random % tenth)));
    has_moved_ = std::exchange(m.replaces, false);
    enter(m, draining_ ? phase::free : phase::idle);
    return !draining_;
}

void lending::open_failed(std::size_t place, time_point now, std::uint64_t random) noexcept
{
    member& m = members_[place];
    target& t = targets_[m.target];
    ++stats_.failed;
    enter(m, phase::free);
    t.breaker.failed(m.ticket, now, random);
    outliers_.failed(m.target, now);
    trouble(m, now, random, now - m.began);
}

bool lending::checked(std::size_t place, time_point now) noexcept
{
    member& m = members_[place];
    m.seen = now;
    enter(m, draining_ ? phase::free : phase::idle);
    return !draining_;
}

void lending::check_failed(std::size_t place, time_point now, std::uint64_t random) noexcept
{
    member& m = members_[place];
    ++stats_.lost;
    enter(m, phase::free);
    blame(m.target, now, random);
}

bool lending::returned(std::size_t place, comes_back how, time_point now,
                       std::uint64_t random) noexcept
{
    member& m = members_[place];
    target& t = targets_[m.target];
    switch (how) {
    case comes_back::fit:
        t.breaker.succeeded(m.ticket, now);
        outliers_.succeeded(m.target, now);
        m.used = m.seen = now;
        m.proven = true;
        if (!draining_ && now >= m.expires) {
            ++stats_.expired;
        } else if (!draining_ && !moves_away(m, now)) {
            enter(m, phase::idle);
            return true;
        }
        break;
    case comes_back::unfit:
        t.breaker.abandoned(m.ticket);
        ++stats_.discarded;
        break;
    case comes_back::broken:
        t.breaker.failed(m.ticket, now, random);
        outliers_.failed(m.target, now);
        t.last_failure = now;
        ++stats_.broken;
        break;
    case comes_back::gone:
        t.breaker.abandoned(m.ticket);
        --stats_.lent;
        lost(place, now, random);
        return false;
    }
    enter(m, phase::free);
    return false;
}

void lending::lost(std::size_t place, time_point now, std::uint64_t random) noexcept
{
    member& m = members_[place];
    ++stats_.lost;
    enter(m, phase::free);
    if (!m.proven && now < add(m.began, too_young)) {
        blame(m.target, now, random);
        trouble(m, now, random, duration::zero());
    }
}

circuit lending::state_of(std::size_t endpoint) const noexcept
{
    return targets_[endpoint].breaker.state();
}

bool lending::ejected(std::size_t endpoint, time_point now) const noexcept
{
    return outliers_.ejected(endpoint, now);
}

std::size_t lending::size_of(std::size_t endpoint) const noexcept
{
    return targets_[endpoint].size;
}

std::size_t lending::in_use_of(std::size_t endpoint) const noexcept
{
    return targets_[endpoint].lent;
}

// ---- the books ----------------------------------------------------------------------------------

void lending::enter(member& m, phase next) noexcept
{
    target& t = targets_[m.target];
    const auto book = [&](phase p, std::size_t one) {  // one more, or, with a wrap, one less
        count_of(p) += one;
        t.opening += p == phase::opening ? one : 0;
        t.lent += p == phase::lent ? one : 0;
        t.size += p != phase::free ? one : 0;
        stats_.size += p != phase::free ? one : 0;
    };
    m.unlink();
    book(m.now_in, std::size_t{0} - 1);
    m.now_in = next;
    book(next, 1);
    if (next == phase::idle) {
        t.idle.push_back(m);
    }
}

std::size_t& lending::count_of(phase p) noexcept
{
    switch (p) {
    case phase::opening: return stats_.opening;
    case phase::idle: return stats_.idle;
    case phase::checking: return stats_.checking;
    case phase::lent: return stats_.in_use;
    case phase::free: break;
    }
    return free_;
}

/// Connecting has failed. Attempts that ran side by side have failed once.
void lending::trouble(const member& m, time_point now, std::uint64_t random,
                      duration unanswered) noexcept
{
    target& t = targets_[m.target];
    if (m.failures_before == t.retry.failures()) {
        const auto pause = t.retry.failed(now, random, unanswered);
        t.retry_at = add(now, pause.value_or(options_.retry.longest));
    }
    t.last_failure = now;
    t.in_trouble = true;
}

/// Something has failed for which nobody had asked the breaker.
void lending::blame(std::size_t e, time_point now, std::uint64_t random) noexcept
{
    outliers_.failed(e, now);
    if (const auto ticket = targets_[e].breaker.ask(now)) {
        targets_[e].breaker.failed(*ticket, now, random);
    }
}

}  // namespace libnet
