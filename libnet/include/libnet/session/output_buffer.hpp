#pragma once

#include <libnet/core/buffer_memory.hpp>
#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/framing/any_framing.hpp>

#include <cstddef>
#include <cstring>
#include <memory>

namespace libnet::detail {

/// Bytes on their way out, in one piece. Unlike a vector it does not zero what is overwritten.
///
///     |  dropped  |  data()            |  room()            |
///     0         begin                 end                capacity
class LIBNET_ASIO_DECL output_buffer {
public:
    output_buffer() noexcept;
    output_buffer(output_buffer&& other) noexcept;
    output_buffer& operator=(output_buffer&& other) noexcept;
    ~output_buffer();

    bytes data() const noexcept { return {storage_.get() + begin_, size()}; }
    std::size_t size() const noexcept { return end_ - begin_; }
    std::size_t capacity() const noexcept { return storage_.size(); }
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
        if (whole > capacity() - end_) [[unlikely]] {
            make_room(whole, most);
        }
        put(put(put(storage_.get() + end_, head), payload), tail);
        end_ += whole;
    }

    /// Free space at the end, and that so much of it was written to.
    mutable_bytes room() const noexcept { return {storage_.get() + end_, capacity() - end_}; }
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
    void mark_message() noexcept;

    /// Drops the first marked message; false if there is none.
    bool drop_oldest() noexcept;

    void release() noexcept;

private:
    static constexpr std::size_t smallest = 1024;

    void make_room(std::size_t more, std::size_t most);

    void forget_messages() noexcept
    {
        if (marks_ != nullptr) [[unlikely]] {
            forget_marks();
        }
    }
    void forget_marks() noexcept;

    struct marks;

    buffer_memory storage_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::unique_ptr<marks> marks_;  // of messages that may be dropped: mostly none ever are
};

}  // namespace libnet::detail
