#include <libnet/policy/backoff.hpp>

#include <algorithm>
#include <stdexcept>

namespace libnet {
namespace {

/// Any duration from nothing up to `longest`, which it does not reach.
duration part_of(duration longest, std::uint64_t random) noexcept
{
    // 53 bits of it, as many as a double has: the product is below `longest` then.
    const double share = static_cast<double>(random >> 11) * 0x1p-53;
    return duration(static_cast<duration::rep>(static_cast<double>(longest.count()) * share));
}

duration twice(duration wait, duration longest) noexcept
{
    return wait > longest / 2 ? longest : wait * 2;
}

}  // namespace

backoff::backoff(const backoff_options& options)
    : options_(options), ceiling_(std::min(options.first, options.longest))
{
    if (std::min({options.first, options.longest, options.stable_after}) < duration::zero()) {
        throw std::invalid_argument("backoff: a duration below 0");
    }
}

std::optional<duration> backoff::failed(time_point now, std::uint64_t random,
                                        duration unanswered) noexcept
{
    if (standing_since_ && now >= add(*standing_since_, options_.stable_after)) {
        reset();
    }
    standing_since_.reset();
    failures_ += failures_ < no_limit ? 1 : 0;
    if (gives_up()) {
        return std::nullopt;
    }
    duration least{};
    if (unanswered > options_.first && options_.first != duration::zero()) {
        ceiling_ = std::max(ceiling_, twice(unanswered, options_.longest));
        least = ceiling_ / 3;
    }
    const duration wait = least + part_of(ceiling_ - least, random);
    ceiling_ = twice(ceiling_, options_.longest);
    return wait;
}

void backoff::reset() noexcept
{
    ceiling_ = std::min(options_.first, options_.longest);
    failures_ = 0;
    standing_since_.reset();
}

}  // namespace libnet
