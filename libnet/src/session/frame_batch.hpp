#pragma once

#include <libnet/core/bytes.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace libnet::detail {

/// Frames that are handed out together. Its memory stays for the next ones.
class frame_batch {
public:
    std::size_t size() const noexcept { return count_; }
    std::span<const bytes> frames() const noexcept { return {places_.data(), count_}; }
    std::size_t memory() const noexcept { return places_.capacity() * sizeof(bytes); }

    void add(bytes frame)
    {
        room().front() = frame;
        commit(1);
    }

    /// Places for more, at least one; and that so many of them were filled.
    std::span<bytes> room()
    {
        if (count_ == places_.size()) {
            places_.resize(std::max<std::size_t>(16, 2 * places_.size()));
        }
        return std::span(places_).subspan(count_);
    }
    void commit(std::size_t count) noexcept { count_ += count; }

    void clear() noexcept { count_ = 0; }
    void release() noexcept
    {
        count_ = 0;
        std::vector<bytes>().swap(places_);  // = {} would keep what it holds
    }

private:
    std::vector<bytes> places_;
    std::size_t count_ = 0;  // of those that are filled
};

}  // namespace libnet::detail
