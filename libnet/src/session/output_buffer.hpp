#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/framing/any_framing.hpp>

#include <algorithm>
#include <cstring>
#include <memory>

namespace libnet::detail {

/// Bytes on their way out, in one piece. Unlike a vector it does not zero what is overwritten.
class output_buffer {
public:
    bytes data() const noexcept { return {storage_.get(), size_}; }
    std::size_t size() const noexcept { return size_; }
    std::size_t capacity() const noexcept { return capacity_; }
    bool empty() const noexcept { return size_ == 0; }
    void clear() noexcept { size_ = 0; }

    void append(bytes piece)
    {
        if (piece.size() > capacity_ - size_) [[unlikely]] {
            grow(piece.size());
        }
        put(storage_.get() + size_, piece);
        size_ += piece.size();
    }

    /// All of a message, or nothing of it where memory is lacking.
    void append(bytes head, bytes payload, bytes tail)
    {
        const std::size_t whole = head.size() + payload.size() + tail.size();
        if (whole > capacity_ - size_) [[unlikely]] {
            grow(whole);
        }
        put(put(put(storage_.get() + size_, head), payload), tail);
        size_ += whole;
    }

    /// Free space at the end, and that so much of it was written to.
    mutable_bytes room() const noexcept { return {storage_.get() + size_, capacity_ - size_}; }
    void commit(std::size_t count) noexcept { size_ += count; }

    void drop_front(std::size_t count) noexcept
    {
        if (count != 0) {  // else there may be no storage, which memmove must not be told
            std::memmove(storage_.get(), storage_.get() + count, size_ - count);
            size_ -= count;
        }
    }

    void release() noexcept
    {
        storage_.reset();
        size_ = capacity_ = 0;
    }

private:
    static constexpr std::size_t smallest = 1024;

    void grow(std::size_t more)
    {
        const std::size_t wanted = std::max({smallest, 2 * capacity_, size_ + more});
        auto larger = std::make_unique_for_overwrite<std::byte[]>(wanted);
        if (size_ != 0) {
            std::memcpy(larger.get(), storage_.get(), size_);
        }
        storage_ = std::move(larger);
        capacity_ = wanted;
    }

    std::unique_ptr<std::byte[]> storage_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace libnet::detail
