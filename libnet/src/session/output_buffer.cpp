#include <libnet/session/output_buffer.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace libnet::detail {

void output_buffer::make_room(std::size_t more, std::size_t most)
{
    const std::size_t used = size();
    if (begin_ >= used && capacity() - used >= more) {  // at most as much as was dropped
        std::memcpy(storage_.get(), storage_.get() + begin_, used);
    } else {
        const std::size_t wanted =
            std::max({smallest, std::min(2 * capacity(), most), used + more});
        buffer_memory larger(wanted);
        if (used != 0) {
            std::memcpy(larger.get(), storage_.get() + begin_, used);
        }
        storage_ = std::move(larger);
    }
    begin_ = 0;
    end_ = used;
}

}  // namespace libnet::detail
