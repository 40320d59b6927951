#include <libnet/policy/token_bucket.hpp>

#include <algorithm>

namespace libnet {
namespace {

constexpr std::uint64_t token = duration(std::chrono::seconds(1)).count();
constexpr std::size_t most = 1'000'000'000;  // so that a full bucket can be counted in parts

/// How many ticks bring so many parts.
constexpr std::uint64_t ticks_for(std::uint64_t parts, std::uint64_t rate) noexcept
{
    return parts / rate + (parts % rate != 0 ? 1 : 0);
}

}  // namespace

token_bucket::token_bucket(std::size_t per_second, std::size_t at_once) noexcept
{
    set(per_second, at_once);
    credit_ = full_;
}

bool token_bucket::take(time_point now) noexcept
{
    settle(now);
    if (credit_ < token) {
        return false;
    }
    credit_ -= token;
    return true;
}

time_point token_bucket::when_next(time_point now) const noexcept
{
    const std::uint64_t credit = credit_at(now);
    if (credit >= token) {
        return now;
    }
    if (rate_ == 0) {
        return end_of_time;
    }
    const auto wait = static_cast<duration::rep>(ticks_for(token - credit, rate_));
    return add(std::max(now, settled_), duration(wait));
}

void token_bucket::change(std::size_t per_second, std::size_t at_once, time_point now) noexcept
{
    settle(now);
    set(per_second, at_once);
    credit_ = std::min(credit_, full_);
}

std::uint64_t token_bucket::credit_at(time_point now) const noexcept
{
    if (credit_ == full_ || now <= settled_) {
        return credit_;
    }
    const auto passed = static_cast<std::uint64_t>((now - settled_).count());
    // Multiplied only where the product is no more than what is missing.
    return passed >= ticks_for(full_ - credit_, rate_) ? full_ : credit_ + passed * rate_;
}

void token_bucket::settle(time_point now) noexcept
{
    credit_ = credit_at(now);
    settled_ = std::max(settled_, now);
}

void token_bucket::set(std::size_t per_second, std::size_t at_once) noexcept
{
    rate_ = std::min(per_second, most);
    full_ = rate_ == 0 ? 0 : std::clamp<std::size_t>(at_once, 1, most) * token;
}

}  // namespace libnet
