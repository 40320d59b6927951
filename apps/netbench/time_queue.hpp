#pragma once

#include <libnet/core/time.hpp>

#include <cstddef>
#include <vector>

namespace netbench {

/// Points in time, first in, first out. It keeps its memory, so that a load that goes on steadily does
/// not allocate.
class time_queue {
public:
    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    libnet::time_point front() const noexcept { return ring_[first_]; }

    void push(libnet::time_point when)
    {
        if (size_ == ring_.size()) {
            grow();
        }
        ring_[(first_ + size_++) & (ring_.size() - 1)] = when;
    }

    void pop() noexcept
    {
        first_ = (first_ + 1) & (ring_.size() - 1);
        --size_;
    }

    void clear() noexcept { first_ = size_ = 0; }

private:
    void grow()
    {
        std::vector<libnet::time_point> larger(ring_.empty() ? 1
                                                             : 2 * ring_.size());  // powers of two
        for (std::size_t i = 0; i < size_; ++i) {
            larger[i] = ring_[(first_ + i) & (ring_.size() - 1)];
        }
        ring_.swap(larger);
        first_ = 0;
    }

    std::vector<libnet::time_point> ring_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

}  // namespace netbench
