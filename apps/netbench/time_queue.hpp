#pragma once

#include <libnet/core/time.hpp>

#include <cstddef>
#include <vector>

namespace netbench {

/// Points in time, first in, first out. Those that are the same and next to each other take one place,
/// as messages that leave together have. It keeps its memory, so that a load that goes on steadily
/// does not allocate.
class time_queue {
public:
    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    libnet::time_point front() const noexcept { return ring_[first_].when; }

    /// How many there are of the first.
    std::size_t times_front() const noexcept { return ring_[first_].times; }

    void push(libnet::time_point when, std::size_t times = 1)
    {
        if (times == 0) {
            return;
        }
        size_ += times;
        if (places_ != 0 && ring_[last()].when == when) {
            ring_[last()].times += times;
            return;
        }
        if (places_ == ring_.size()) {
            grow();
        }
        ++places_;
        ring_[last()] = {when, times};
    }

    /// So many of the first, which has as many.
    void pop(std::size_t times = 1) noexcept
    {
        size_ -= times;
        if ((ring_[first_].times -= times) == 0) {
            first_ = (first_ + 1) & (ring_.size() - 1);
            --places_;
        }
    }

    void clear() noexcept { first_ = places_ = size_ = 0; }

private:
    struct place {
        libnet::time_point when;
        std::size_t times;
    };

    std::size_t last() const noexcept { return (first_ + places_ - 1) & (ring_.size() - 1); }

    void grow()
    {
        std::vector<place> larger(ring_.empty() ? 1 : 2 * ring_.size());  // powers of two
        for (std::size_t i = 0; i < places_; ++i) {
            larger[i] = ring_[(first_ + i) & (ring_.size() - 1)];
        }
        ring_.swap(larger);
        first_ = 0;
    }

    std::vector<place> ring_;
    std::size_t first_ = 0;
    std::size_t places_ = 0;
    std::size_t size_ = 0;
};

}  // namespace netbench
