#include "support/allocations.hpp"

#include <cstdint>
#include <cstdlib>
#include <new>

namespace libnet::tests {
namespace {

struct heap {
    std::size_t calls = 0;
    std::size_t until_failure = SIZE_MAX;
    int unlimited = 0;
    bool struck = false;
};

thread_local heap this_thread;

void* allocate(std::size_t size) noexcept
{
    heap& h = this_thread;
    if (h.unlimited == 0) {
        ++h.calls;
        if (h.until_failure != SIZE_MAX && h.until_failure-- == 0) {
            h.until_failure = SIZE_MAX;
            h.struck = true;
            return nullptr;
        }
    }
    return std::malloc(size == 0 ? 1 : size);
}

}  // namespace

std::size_t allocations() noexcept
{
    return this_thread.calls;
}

failing_allocation::failing_allocation(std::size_t n) noexcept
{
    this_thread.struck = false;
    this_thread.until_failure = n;
}

failing_allocation::~failing_allocation()
{
    this_thread.until_failure = SIZE_MAX;
}

bool failing_allocation::struck() noexcept
{
    return this_thread.struck;
}

unlimited_memory::unlimited_memory() noexcept
{
    ++this_thread.unlimited;
}

unlimited_memory::~unlimited_memory()
{
    --this_thread.unlimited;
}

}  // namespace libnet::tests

// The forms for arrays call these in the standard library; a sanitizer's do not, and keep to themselves. Not inline:
// they replace the library's.
void* operator new(std::size_t size)
{
    if (void* memory = libnet::tests::allocate(size)) {
        return memory;
    }
    throw std::bad_alloc();
}

void* operator new(std::size_t size, const std::nothrow_t&) noexcept
{
    return libnet::tests::allocate(size);
}

void operator delete(void* memory) noexcept
{
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept
{
    std::free(memory);
}

void operator delete(void* memory, const std::nothrow_t&) noexcept
{
    std::free(memory);
}
