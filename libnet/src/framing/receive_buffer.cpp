#include "../core/address_sanitizer.hpp"

#include <libnet/framing/receive_buffer.hpp>

#include <algorithm>
#include <utility>

namespace libnet {

std::size_t receive_buffer::capacity_for(std::size_t needed, std::size_t most) const noexcept
{
    const std::size_t used = size();
    const std::size_t read = std::min(read_size_, most);
    const std::size_t enough = enough_room(read);
    // Moving costs no more than what was consumed since, or gains as much as growing would; and
    // growing is by half at least, if there is memory. Otherwise a peer that sends byte by byte
    // would have everything copied for every byte.
    const bool fits = capacity() - (used == 0 ? 0 : end_) >= enough;
    const bool cheap = begin_ >= used && capacity() - used >= enough;
    if (fits || cheap) {
        return capacity();
    }
    std::size_t wanted = used + std::max(read, std::min(used / 2, most));
    wanted = std::max(wanted, std::min(needed, used + std::min(used, most)));  // earns what came
    return std::max(wanted, capacity());
}

mutable_bytes receive_buffer::make_room(std::size_t needed, std::size_t most)
{
    detail::unpoison(
        {storage_.get(), capacity()});  // a view of what was consumed ends here at last
    const std::size_t used = size();
    if (used == 0) {
        begin_ = end_ = 0;
    }
    if (capacity() - end_ >= enough_room(std::min(read_size_, most))) {
        return {storage_.get() + end_, capacity() - end_};
    }
    const std::size_t wanted = capacity_for(needed, most);
    if (wanted == capacity()) {
        std::ranges::copy(data(), storage_.get());
    } else {
        detail::buffer_memory larger(wanted);
        std::ranges::copy(data(), larger.get());
        storage_ = std::move(larger);
    }
    begin_ = 0;
    end_ = used;
    return {storage_.get() + end_, capacity() - end_};
}

void receive_buffer::release() noexcept
{
    if (empty()) {
        storage_ = {};
        begin_ = end_ = 0;
        read_size_ = smallest_read;
    }
}

}  // namespace libnet
