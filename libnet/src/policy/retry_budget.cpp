#include <libnet/policy/retry_budget.hpp>

namespace libnet {

retry_budget::retry_budget(const retry_budget_options& options)
    : options_(options),
      window_(options.window),
      floor_(options.at_least_per_second, options.at_least_per_second)
{
}

bool retry_budget::take(time_point now) noexcept
{
    const auto lately = window_.sum(now);
    const bool within_share = (lately.marked + 1) * 100 <= lately.calls * options_.percent;
    // Every retry costs a token if there is one: the floor is a floor, and not on top of the share.
    const bool within_floor = floor_.take(now);
    if (!within_share && !within_floor) {
        return false;
    }
    ++window_.at(now).marked;
    return true;
}

}  // namespace libnet
