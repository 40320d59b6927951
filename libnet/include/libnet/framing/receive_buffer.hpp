#pragma once

#include <libnet/core/buffer_memory.hpp>
#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/literals.hpp>

#include <cassert>
#include <cstddef>
#include <utility>

namespace libnet {

/// Received bytes in one piece, from the first that nobody has consumed to the last that came.
///
///     |  consumed  |  data()            |  free: prepare()   |
///     0          begin                 end               capacity
///
/// Grows as bytes arrive: the free part is 4 KiB at first and doubles, up to 256 KiB, while reads
/// fill it; a frame that is known to be longer lets the buffer double what has really come, no
/// more. So a peer that announces a gigabyte and sends ten bytes holds 4 KiB, and the capacity
/// never exceeds twice what was here at once and one read.
///
/// Cost     linear: a byte is copied a few times at most, even if bytes come one by one.
class LIBNET_ASIO_DECL receive_buffer {
public:
    /// The least and the most that one read is given room for, in bytes.
    static constexpr std::size_t smallest_read = 4_KiB;
    static constexpr std::size_t largest_read = 256_KiB;

    receive_buffer() noexcept = default;
    receive_buffer(receive_buffer&& other) noexcept { swap(other); }
    receive_buffer& operator=(receive_buffer other) noexcept
    {
        swap(other);
        return *this;
    }
    ~receive_buffer() = default;

    /// Valid until the next prepare() or release().
    bytes data() const noexcept { return {storage_.get() + begin_, end_ - begin_}; }

    /// What was consumed since it was last moved over: nobody should look at it any more.
    bytes consumed() const noexcept { return {storage_.get(), begin_}; }

    /// Bytes that have come and were not consumed.
    std::size_t size() const noexcept { return end_ - begin_; }
    bool empty() const noexcept { return begin_ == end_; }

    /// Bytes that it holds of memory.
    std::size_t capacity() const noexcept { return storage_.size(); }

    /// Room for the next read, never empty. May move what data() shows.
    /// `needed`: what the frame under way is known to want in total, a hint. `most`: the free part
    /// that it should have at most where memory is scarce, at least smallest_read.
    mutable_bytes prepare(std::size_t needed = 0, std::size_t most = largest_read)
    {
        const mutable_bytes same = same_room(most);
        return same.empty() ? make_room(needed, most) : same;
    }

    /// The same if it is all of the buffer as it stands, which mostly it is; else nothing.
    mutable_bytes same_room([[maybe_unused]] std::size_t most = largest_read) noexcept
    {
#if !defined(LIBNET_ASIO_ADDRESS_SANITIZER)  // which is told what may be looked at again
        if (empty() && capacity() >= (read_size_ < most ? read_size_ : most)) {
            begin_ = end_ = 0;
            return {storage_.get(), capacity()};
        }
#endif
        return {};
    }

    /// What capacity() will be after prepare() with the same arguments.
    std::size_t capacity_for(std::size_t needed, std::size_t most = largest_read) const noexcept;

    /// Room that is there without moving anything, perhaps none.
    mutable_bytes spare() const noexcept { return {storage_.get() + end_, capacity() - end_}; }

    /// So many bytes were read into the room of the last prepare() or spare().
    void commit(std::size_t count) noexcept
    {
        assert(count <= capacity() - end_);
        if (count == capacity() - end_) [[unlikely]] {
            read_size_ = 2 * read_size_ < largest_read ? 2 * read_size_ : largest_read;
        }
        end_ += count;
    }

    /// The first `count` bytes of data() are done with.
    void consume(std::size_t count) noexcept { begin_ += count; }

    /// Gives the memory back if nothing is in it.
    void release() noexcept;

private:
    mutable_bytes make_room(std::size_t needed, std::size_t most);

    /// Half a read is worth a system call, rather than copying what is here.
    std::size_t enough_room(std::size_t read) const noexcept { return empty() ? read : read / 2; }

    void swap(receive_buffer& other) noexcept
    {
        storage_.swap(other.storage_);
        std::swap(begin_, other.begin_);
        std::swap(end_, other.end_);
        std::swap(read_size_, other.read_size_);
    }

    detail::buffer_memory storage_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t read_size_ = smallest_read;  // doubles while reads fill it
};

}  // namespace libnet
