#include "../core/address_sanitizer.hpp"

#include <libnet/framing/receive_buffer.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace libnet {

mutable_bytes receive_buffer::prepare(std::size_t needed)
{
    detail::unpoison({storage_.get(), capacity_});  // a view of what was consumed ends here at last
    const std::size_t used = size();
    if (used == 0) {
        begin_ = end_ = 0;
    }
    // Half a read is worth a system call, rather than copying what is here.
    const std::size_t enough = used == 0 ? read_size_ : read_size_ / 2;
    if (capacity_ - end_ >= enough) {
        return {storage_.get() + end_, capacity_ - end_};
    }
    std::size_t wanted = used + std::max(read_size_, used / 2);
    wanted = std::max(wanted, std::min(needed, 2 * used));  // what came earns as much again

    // Moving costs no more than what was consumed since, or gains as much as growing would; and
    // growing is by half at least. Otherwise a peer that sends byte by byte would have everything
    // copied for every byte.
    const bool cheap = begin_ >= used && capacity_ - used >= enough;
    if (cheap || capacity_ >= wanted) {
        std::ranges::copy(data(), storage_.get());
    } else {
        auto larger = std::make_unique_for_overwrite<std::byte[]>(wanted);
        std::ranges::copy(data(), larger.get());
        storage_ = std::move(larger);
        capacity_ = wanted;
    }
    begin_ = 0;
    end_ = used;
    return {storage_.get() + end_, capacity_ - end_};
}

void receive_buffer::commit(std::size_t count) noexcept
{
    assert(count <= capacity_ - end_);
    if (count == capacity_ - end_) {
        read_size_ = std::min(2 * read_size_, largest_read);
    }
    end_ += count;
}

void receive_buffer::release() noexcept
{
    if (empty()) {
        storage_.reset();
        capacity_ = begin_ = end_ = 0;
        read_size_ = smallest_read;
    }
}

}  // namespace libnet
