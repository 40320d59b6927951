#include "page_memory.hpp"

#include <new>

#if defined(__unix__) || defined(__APPLE__)
#include <cstdint>
#include <sys/mman.h>
#define LIBNET_ASIO_HAS_MMAP
#endif

namespace libnet::detail {

#if defined(LIBNET_ASIO_HAS_MMAP)

namespace {

std::byte* map(std::size_t size) noexcept
{
    void* const pages =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? nullptr : static_cast<std::byte*>(pages);
}

std::size_t beyond_multiple(const std::byte* pages, std::size_t size) noexcept
{
    return reinterpret_cast<std::uintptr_t>(pages) & (size - 1);
}

}  // namespace

/// The system puts a new piece next to the last one, mostly: then it has the right address at once.
void* map_pages(std::size_t size) noexcept
{
    std::byte* pages = map(size);
    if (pages == nullptr || beyond_multiple(pages, size) == 0) {
        return pages;
    }
    ::munmap(pages, size);
    pages = map(2 * size);
    if (pages == nullptr) {
        return nullptr;
    }
    const std::size_t before = (size - beyond_multiple(pages, size)) & (size - 1);
    if (before != 0) {
        ::munmap(pages, before);
    }
    ::munmap(pages + before + size, size - before);
    return pages + before;
}

bool unmap_pages(void* pages, std::size_t size) noexcept
{
    return ::munmap(pages, size) == 0;
}

#else

void* map_pages(std::size_t size) noexcept
{
    return ::operator new(size, std::align_val_t(size), std::nothrow);
}

bool unmap_pages(void* pages, std::size_t size) noexcept
{
    ::operator delete(pages, std::align_val_t(size));
    return true;
}

#endif

}  // namespace libnet::detail
