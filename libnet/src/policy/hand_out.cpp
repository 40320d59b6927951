#include <libnet/policy/hand_out.hpp>

namespace libnet {

std::size_t hand_out::next(std::span<const std::uint64_t> loads) noexcept
{
    std::size_t chosen = first_;
    for (std::size_t i = 1; i < loads.size(); ++i) {
        const std::size_t candidate = (first_ + i) % loads.size();
        if (loads[candidate] < loads[chosen]) {
            chosen = candidate;
        }
    }
    first_ = (chosen + 1) % loads.size();
    return chosen;
}

}  // namespace libnet
