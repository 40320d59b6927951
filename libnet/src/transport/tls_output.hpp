#pragma once

#include <libnet/core/buffer_memory.hpp>
#include <libnet/core/bytes.hpp>

#include <cstring>
#include <utility>

namespace libnet::detail {

/// Records on their way out, in one piece. Holds memory only while something is in it.
class tls_output {
public:
    bytes data() const noexcept { return {storage_.get() + begin_, end_ - begin_}; }
    std::size_t size() const noexcept { return end_ - begin_; }
    std::size_t capacity() const noexcept { return storage_.size(); }
    bool empty() const noexcept { return begin_ == end_; }

    /// So much will be appended: takes the memory for all of it at once. Throws std::bad_alloc.
    void reserve(std::size_t more)
    {
        if (more > capacity() - end_) {
            buffer_memory larger(size() + more);  // a few times for each message, not for each byte
            if (!empty()) {
                std::memcpy(larger.get(), storage_.get() + begin_, size());
            }
            end_ = size();
            begin_ = 0;
            storage_ = std::move(larger);
        }
    }

    void append(bytes more)
    {
        reserve(more.size());
        std::memcpy(storage_.get() + end_, more.data(), more.size());
        end_ += more.size();
    }

    void drop_front(std::size_t count) noexcept
    {
        begin_ += count;
        if (empty()) {
            release();
        }
    }

    void release() noexcept
    {
        storage_ = {};
        begin_ = end_ = 0;
    }

    void swap(tls_output& other) noexcept
    {
        storage_.swap(other.storage_);
        std::swap(begin_, other.begin_);
        std::swap(end_, other.end_);
    }

private:
    buffer_memory storage_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace libnet::detail
