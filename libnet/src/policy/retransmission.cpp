#include <libnet/policy/retransmission.hpp>

#include <stdexcept>

namespace libnet {

retransmission::retransmission(const retransmission_options& options)
    : options_(options), pauses_({.first = options.spread, .longest = options.longest})
{
    if (options.answer_time < duration::zero() || options.attempts == 0) {
        throw std::invalid_argument(
            "libnet: a request is sent once at least, and awaited for a while");
    }
}

std::optional<duration> retransmission::sending(time_point now, std::uint64_t random) noexcept
{
    if (attempts_ == options_.attempts) {
        return std::nullopt;
    }
    ++attempts_;
    if (options_.answer_time == never) {
        return never;
    }
    const auto pause = pauses_.failed(now, random);
    return options_.answer_time + pause.value_or(duration::zero());
}

}  // namespace libnet
