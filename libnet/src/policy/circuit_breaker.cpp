#include <libnet/policy/circuit_breaker.hpp>

#include <algorithm>
#include <stdexcept>

namespace libnet {
namespace {

/// Anything from half of `whole` to all of it.
duration at_least_half(duration whole, std::uint64_t random) noexcept
{
    const duration half = whole / 2;
    const double share = static_cast<double>(random >> 11) * 0x1p-53;
    return whole -
           duration(static_cast<duration::rep>(static_cast<double>(half.count()) * share));
}

}  // namespace

circuit_breaker::circuit_breaker(const circuit_breaker_options& options)
    : options_(options), window_(options.window), next_open_(options.open_for)
{
    if (options.probes == 0 || options.successes_to_close == 0) {
        throw std::invalid_argument("circuit_breaker: without probes it would never close again");
    }
}

std::optional<circuit_breaker::ticket> circuit_breaker::ask(time_point now) noexcept
{
    if (state_ == circuit::closed) [[likely]] {
        return generation_;
    }
    if (!would_allow(now)) {
        return std::nullopt;
    }
    if (state_ == circuit::open) {
        change_to(circuit::half_open);
    } else if (probing_ >= options_.probes) {
        change_to(circuit::half_open);  // those that are out were given up
    }
    ++probing_;
    probe_due_ = add(now, options_.probe_timeout);
    return generation_;
}

void circuit_breaker::succeeded(ticket of, time_point now) noexcept
{
    if (of != generation_) {
        return;
    }
    if (state_ == circuit::closed) {
        ++window_.at(now).calls;
        consecutive_ = 0;
        return;
    }
    --probing_;
    if (++consecutive_ >= options_.successes_to_close) {
        change_to(circuit::closed);
        window_.clear();
        closed_at_ = now;
    }
}

void circuit_breaker::failed(ticket of, time_point now, std::uint64_t random) noexcept
{
    if (of != generation_) {
        return;
    }
    if (state_ == circuit::half_open) {
        next_open_ = next_open_ > options_.longest_open / 2 ? options_.longest_open : next_open_ * 2;
        open(now, random);
        return;
    }
    auto& lately = window_.at(now);
    ++lately.calls;
    ++lately.marked;
    const bool in_a_row = ++consecutive_ >= options_.consecutive_failures;
    const auto sum = window_.sum(now);
    const bool too_many = options_.failure_percent != no_limit &&
                          sum.calls >= options_.minimum_calls &&
                          sum.marked * 100 >= sum.calls * options_.failure_percent;
    if (in_a_row || too_many) {
        if (!closed_at_ || now >= add(*closed_at_, options_.longest_open)) {
            next_open_ = std::min(options_.open_for, options_.longest_open);
        }
        open(now, random);
    }
}

void circuit_breaker::abandoned(ticket of) noexcept
{
    if (of == generation_ && state_ == circuit::half_open) {
        --probing_;
    }
}

time_point circuit_breaker::when_next(time_point now) const noexcept
{
    switch (state_) {
    case circuit::closed: return now;
    case circuit::open: return std::max(now, open_until_);
    case circuit::half_open: break;
    }
    return probing_ < options_.probes ? now : std::max(now, probe_due_);
}

void circuit_breaker::open(time_point now, std::uint64_t random) noexcept
{
    change_to(circuit::open);
    open_until_ = add(now, at_least_half(next_open_, random));
}

void circuit_breaker::change_to(circuit next) noexcept
{
    state_ = next;
    ++generation_;
    consecutive_ = 0;
    probing_ = 0;
}

const char* name_of(circuit c) noexcept
{
    switch (c) {
    case circuit::closed: return "closed";
    case circuit::open: return "open";
    case circuit::half_open: return "half_open";
    }
    return "unknown";
}

}  // namespace libnet
