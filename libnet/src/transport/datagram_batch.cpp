#include "datagram_batch.hpp"

#include <array>

namespace libnet::detail {
namespace {

// Places that begin a whole number of pages apart would all want the same few lines of the cache.
constexpr std::size_t distance = 65'536 + 3 * 64;

/// Few: one is in use for as long as one socket works off what came.
template <class Buffer>
class spare_buffers {
public:
    constexpr spare_buffers() noexcept = default;
    ~spare_buffers()
    {
        closed = true;
        while (count_ != 0) {
            delete spare_[--count_];
        }
    }

    Buffer* take() { return count_ == 0 ? new Buffer : spare_[--count_]; }

    void give(Buffer* buffer) noexcept
    {
        if (count_ == spare_.size()) {
            delete buffer;
        } else {
            spare_[count_++] = buffer;
        }
    }

    /// Of this thread, whose pool has gone. Without a destructor, so that it can be asked then.
    static thread_local bool closed;

private:
    std::array<Buffer*, 4> spare_{};
    std::size_t count_ = 0;
};

template <class Buffer>
thread_local bool spare_buffers<Buffer>::closed = false;

thread_local spare_buffers<datagram_batch> batches;
thread_local spare_buffers<datagram_gathering> gatherings;

template <class Buffer>
recycled<Buffer> take(spare_buffers<Buffer>& spare)
{
    return recycled<Buffer>(spare_buffers<Buffer>::closed ? new Buffer : spare.take());
}

template <class Buffer>
void give(spare_buffers<Buffer>& spare, Buffer* buffer) noexcept
{
    if (spare_buffers<Buffer>::closed) {
        delete buffer;
    } else {
        spare.give(buffer);
    }
}

}  // namespace

datagram_batch::datagram_batch() : memory(new std::byte[places * distance])
{
    for (std::size_t i = 0; i < places; ++i) {
        slots[i].room = mutable_bytes(memory.get() + i * distance, largest);
    }
}

datagram_gathering::datagram_gathering() : memory(new std::byte[capacity]) {}

void recycle::operator()(datagram_batch* b) const noexcept
{
    give(batches, b);
}

void recycle::operator()(datagram_gathering* g) const noexcept
{
    give(gatherings, g);
}

recycled<datagram_batch> take_batch()
{
    return take(batches);
}

recycled<datagram_gathering> take_gathering()
{
    return take(gatherings);
}

}  // namespace libnet::detail
