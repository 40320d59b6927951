#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/framing/any_framing.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

namespace libnet::detail {

/// Bytes on their way out, in one piece. Unlike a vector it does not zero what is overwritten.
///
///     |  dropped  |  data()            |  room()            |
///     0         begin                 end                capacity
class output_buffer {
public:
    bytes data() const noexcept { return {storage_.get() + begin_, size()}; }
    std::size_t size() const noexcept { return end_ - begin_; }
    std::size_t capacity() const noexcept { return capacity_; }
    bool empty() const noexcept { return begin_ == end_; }

    void clear() noexcept
    {
        begin_ = end_ = 0;
        forget_messages();
    }

    void append(bytes piece, std::size_t most) { append(piece, {}, {}, most); }

    /// All of a message, or nothing of it where memory is lacking. It doubles where it must grow, but
    /// takes no more than `most` ahead of what is needed.
    void append(bytes head, bytes payload, bytes tail, std::size_t most)
    {
        const std::size_t whole = head.size() + payload.size() + tail.size();
        if (whole > capacity_ - end_) [[unlikely]] {
            make_room(whole, most);
        }
        put(put(put(storage_.get() + end_, head), payload), tail);
        end_ += whole;
    }

    /// Free space at the end, and that so much of it was written to.
    mutable_bytes room() const noexcept { return {storage_.get() + end_, capacity_ - end_}; }
    void commit(std::size_t count) noexcept { end_ += count; }

    void drop_front(std::size_t count) noexcept
    {
        begin_ += count;
        forget_messages();
        if (empty()) {
            clear();
        }
    }

    /// What was appended since the last mark is one message, which drop_oldest() can drop. Without
    /// memory for the mark, it goes with the next one.
    void mark_message() noexcept
    {
        try {
            messages_.push_back(size() - marked_);
            marked_ = size();
        } catch (const std::bad_alloc&) {
        }
    }

    /// Drops the first marked message; false if there is none.
    bool drop_oldest() noexcept
    {
        if (oldest_ == messages_.size()) {
            return false;
        }
        const std::size_t dropped = messages_[oldest_++];
        begin_ += dropped;
        marked_ -= dropped;
        if (oldest_ > messages_.size() / 2) {  // moves each of them once at most
            messages_.erase(messages_.begin(), messages_.begin() + static_cast<long>(oldest_));
            oldest_ = 0;
        }
        return true;
    }

    void release() noexcept
    {
        clear();
        storage_.reset();
        capacity_ = 0;
        messages_.shrink_to_fit();
    }

private:
    static constexpr std::size_t smallest = 1024;

    void make_room(std::size_t more, std::size_t most)
    {
        const std::size_t used = size();
        if (begin_ >= used && capacity_ - used >= more) {  // at most as much as was dropped
            std::memcpy(storage_.get(), storage_.get() + begin_, used);
        } else {
            const std::size_t wanted =
                std::max({smallest, std::min(2 * capacity_, most), used + more});
            auto larger = std::make_unique_for_overwrite<std::byte[]>(wanted);
            if (used != 0) {
                std::memcpy(larger.get(), storage_.get() + begin_, used);
            }
            storage_ = std::move(larger);
            capacity_ = wanted;
        }
        begin_ = 0;
        end_ = used;
    }

    void forget_messages() noexcept
    {
        messages_.clear();
        oldest_ = marked_ = 0;
    }

    std::unique_ptr<std::byte[]> storage_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::vector<std::size_t> messages_;  // sizes of those that are marked, the first at oldest_
    std::size_t oldest_ = 0;
    std::size_t marked_ = 0;  // bytes of all of them
};

}  // namespace libnet::detail
