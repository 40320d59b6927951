#pragma once

#include <libnet/core/bytes.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace libnet::detail {

/// Frames that are handed out together. Its memory stays for the next ones.
class frame_batch {
public:
    std::size_t size() const noexcept { return count_; }
    std::span<const bytes> frames() const noexcept { return {places_.get(), count_}; }
    std::size_t memory() const noexcept { return capacity_ * sizeof(bytes); }

    void add(bytes frame)
    {
        room().front() = frame;
        commit(1);
    }

    /// Places for more, at least one; and that so many of them were filled.
    std::span<bytes> room()
    {
        if (count_ == capacity_) {
            grow();
        }
        return {places_.get() + count_, capacity_ - count_};
    }
    void commit(std::size_t count) noexcept { count_ += static_cast<std::uint32_t>(count); }

    void clear() noexcept { count_ = 0; }

private:
    void grow()
    {
        const std::uint32_t larger = std::max<std::uint32_t>(16, 2 * capacity_);
        auto places = std::make_unique<bytes[]>(larger);
        std::copy_n(places_.get(), count_, places.get());
        places_ = std::move(places);
        capacity_ = larger;
    }

    std::unique_ptr<bytes[]> places_;
    std::uint32_t count_ = 0;  // of those that are filled
    std::uint32_t capacity_ = 0;
};

}  // namespace libnet::detail
