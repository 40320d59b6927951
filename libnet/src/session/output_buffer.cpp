#include <libnet/session/output_buffer.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

namespace libnet::detail {

struct output_buffer::marks {
    std::vector<std::size_t> messages;  // sizes, the first at `oldest`
    std::size_t oldest = 0;
    std::size_t marked = 0;  // bytes of all of them
};

output_buffer::output_buffer() noexcept = default;
output_buffer::output_buffer(output_buffer&& other) noexcept = default;
output_buffer& output_buffer::operator=(output_buffer&& other) noexcept = default;
output_buffer::~output_buffer() = default;

void output_buffer::mark_message() noexcept
{
    try {
        if (!marks_) {
            marks_ = std::make_unique<marks>();
        }
        marks_->messages.push_back(size() - marks_->marked);
        marks_->marked = size();
    } catch (const std::bad_alloc&) {
    }
}

bool output_buffer::drop_oldest() noexcept
{
    if (!marks_ || marks_->oldest == marks_->messages.size()) {
        return false;
    }
    auto& [messages, oldest, marked] = *marks_;
    const std::size_t dropped = messages[oldest++];
    begin_ += dropped;
    marked -= dropped;
    if (oldest > messages.size() / 2) {  // moves each of them once at most
        messages.erase(messages.begin(), messages.begin() + static_cast<long>(oldest));
        oldest = 0;
    }
    return true;
}

void output_buffer::release() noexcept
{
    clear();
    storage_ = {};
    marks_.reset();
}

void output_buffer::forget_marks() noexcept
{
    marks_->messages.clear();
    marks_->oldest = marks_->marked = 0;
}

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
