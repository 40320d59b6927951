#include <libnet/policy/happy_eyeballs.hpp>

namespace libnet {

std::vector<std::size_t> interleave_families(std::span<const ip_address> addresses)
{
    std::vector<std::size_t> first;  // of the family of the first address
    std::vector<std::size_t> other;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        const bool same = addresses[i].is_v6() == addresses.front().is_v6();
        (same ? first : other).push_back(i);
    }
    std::vector<std::size_t> order;
    order.reserve(addresses.size());
    for (std::size_t i = 0; order.size() < addresses.size(); ++i) {
        if (i < first.size()) {
            order.push_back(first[i]);
        }
        if (i < other.size()) {
            order.push_back(other[i]);
        }
    }
    return order;
}

std::optional<std::size_t> happy_eyeballs::next(time_point now) noexcept
{
    if (next_ == addresses_ || now < due_) {
        return std::nullopt;
    }
    due_ = add(now, delay_);
    return next_++;
}

void happy_eyeballs::failed() noexcept
{
    ++failed_;
    due_ = time_point::min();
}

}  // namespace libnet
