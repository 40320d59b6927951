#include "../core/address_sanitizer.hpp"

#include <libnet/runtime/frame_pool.hpp>

#include <array>
#include <new>

namespace libnet::detail {

#if defined(LIBNET_ASIO_ADDRESS_SANITIZER)

void* allocate_frame(std::size_t size)
{
    return ::operator new(size);
}

void free_frame(void* frame, std::size_t) noexcept
{
    ::operator delete(frame);
}

#else

namespace {

/// The heap keeps a word of its own in front of each block, and begins blocks every 16 bytes: sizes
/// that fill the room in between waste none of it.
constexpr std::size_t granule = 16;
constexpr std::size_t word_of_the_heap = 8;
constexpr std::size_t largest_class = 128;         // frames up to 2 KiB are recycled
constexpr std::size_t memory_per_class = 1 << 16;  // and no more than 64 KiB of each size kept

struct free_list {
    struct link {
        link* next;
    };
    link* first = nullptr;
    std::size_t length = 0;
};

/// Thread exit: frames that come later are not recycled. Without a destructor, so that it can be
/// asked when the pool has gone.
thread_local bool closed = false;

struct pool {
    std::array<free_list, largest_class + 1> classes;

    ~pool()
    {
        closed = true;
        for (free_list& list : classes) {
            while (list.first != nullptr) {
                void* frame = list.first;
                list.first = list.first->next;
                ::operator delete(frame);
            }
        }
    }
};

thread_local pool this_thread;

constexpr std::size_t class_of(std::size_t size) noexcept
{
    return (size + word_of_the_heap - 1) / granule;
}

constexpr std::size_t size_in(std::size_t c) noexcept
{
    return c * granule + granule - word_of_the_heap;
}

}  // namespace

void* allocate_frame(std::size_t size)
{
    const std::size_t c = class_of(size);
    if (c > largest_class || closed) {
        return ::operator new(size);
    }
    free_list& list = this_thread.classes[c];
    if (list.first == nullptr) {
        return ::operator new(size_in(c));
    }
    void* frame = list.first;
    list.first = list.first->next;
    --list.length;
    return frame;
}

void free_frame(void* frame, std::size_t size) noexcept
{
    const std::size_t c = class_of(size);
    if (c > largest_class || closed ||
        this_thread.classes[c].length * size_in(c) >= memory_per_class) {
        ::operator delete(frame);
        return;
    }
    free_list& list = this_thread.classes[c];
    list.first = ::new (frame) free_list::link{list.first};
    ++list.length;
}

#endif

}  // namespace libnet::detail
