#include "block_pool.hpp"

#include "page_memory.hpp"

#include <libnet/core/list_node.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <mutex>
#include <new>

namespace libnet::detail::block_pool {
namespace {

// Enough blocks to be worth a system call, few enough that one that stays keeps little.
constexpr std::size_t slab_size = 64 * 1024;
constexpr std::size_t size_classes = 5;

constexpr std::size_t class_of(std::size_t size) noexcept
{
    return size <= smallest_block
               ? 0
               : static_cast<std::size_t>(std::bit_width((size - 1) / smallest_block));
}
static_assert(class_of(256) == 0 && class_of(257) == 1 && class_of(1024) == 2 &&
              class_of(largest_block) == size_classes - 1);

struct free_block {
    free_block* next;
};

/// Pages at a multiple of their size, so that a block knows its slab. The first block's place is
/// taken by this.
///
///     | slab | block | block | ... | never used yet |
struct slab : list_node {
    free_block* first = nullptr;
    std::uint32_t used = 0;
    std::uint32_t fresh = 1;  // the first place that was never used: its page is not there yet
};
static_assert(sizeof(slab) <= smallest_block);

class blocks_of_one_size {
public:
    void* allocate(std::size_t size) noexcept
    {
        const std::lock_guard lock(mutex_);
        if (with_room_.empty() && !add_slab()) {
            return nullptr;
        }
        slab& s = with_room_.front();
        if (&s == spare_) {
            spare_ = nullptr;
        }
        ++s.used;
        void* block = s.first;
        if (block != nullptr) {
            s.first = s.first->next;
        } else {
            block = reinterpret_cast<std::byte*>(&s) + size * s.fresh++;
        }
        if (s.first == nullptr && (s.fresh + 1) * size > slab_size) {
            s.unlink();
        }
        return block;
    }

    void free(void* block) noexcept
    {
        const std::lock_guard lock(mutex_);
        slab& s = *reinterpret_cast<slab*>(reinterpret_cast<std::uintptr_t>(block) &
                                           ~(std::uintptr_t{slab_size} - 1));
        s.first = ::new (block) free_block{s.first};
        if (!s.linked()) {
            with_room_.push_back(s);
        }
        if (--s.used == 0) {
            keep_or_give_back(s);
        }
    }

    std::size_t held() noexcept
    {
        const std::lock_guard lock(mutex_);
        return slabs_ * slab_size;
    }

private:
    bool add_slab() noexcept
    {
        void* const pages = map_pages(slab_size);
        if (pages == nullptr) {
            return false;
        }
        with_room_.push_back(*::new (pages) slab);
        ++slabs_;
        return true;
    }

    /// One stays, or a single buffer that comes and goes would be a system call each time.
    void keep_or_give_back(slab& s) noexcept
    {
        if (spare_ == nullptr) {
            spare_ = &s;
            return;
        }
        s.unlink();
        if (unmap_pages(&s, slab_size)) {
            --slabs_;
        } else {
            with_room_.push_back(s);  // the system has no room to note that they are gone
        }
    }

    std::mutex mutex_;
    node_list<slab> with_room_;
    slab* spare_ = nullptr;
    std::size_t slabs_ = 0;
};

/// Never destroyed: buffers may outlive every static object.
blocks_of_one_size& blocks(std::size_t c) noexcept
{
    union undying {
        undying() noexcept : classes{} {}
        ~undying() {}
        std::array<blocks_of_one_size, size_classes> classes;
    };
    static undying all;
    return all.classes[c];
}

}  // namespace

void* allocate(std::size_t size) noexcept
{
    const std::size_t c = class_of(size);
    return blocks(c).allocate(smallest_block << c);
}

void free(void* block, std::size_t size) noexcept
{
    blocks(class_of(size)).free(block);
}

std::size_t held() noexcept
{
    std::size_t all = 0;
    for (std::size_t c = 0; c < size_classes; ++c) {
        all += blocks(c).held();
    }
    return all;
}

}  // namespace libnet::detail::block_pool
