#pragma once

#include <cstddef>

/// The heap of the unit tests: counted, and short of memory on demand. For the thread that asks.
namespace libnet::tests {

/// Calls of operator new so far.
std::size_t allocations() noexcept;

/// While it lives, the n-th allocation (from 0) throws std::bad_alloc, once.
class failing_allocation {
public:
    explicit failing_allocation(std::size_t n) noexcept;
    failing_allocation(const failing_allocation&) = delete;
    failing_allocation& operator=(const failing_allocation&) = delete;
    ~failing_allocation();

    /// Whether it has come to that.
    static bool struck() noexcept;
};

/// While it lives, allocations of the test itself neither fail nor count.
class unlimited_memory {
public:
    unlimited_memory() noexcept;
    unlimited_memory(const unlimited_memory&) = delete;
    unlimited_memory& operator=(const unlimited_memory&) = delete;
    ~unlimited_memory();
};

}  // namespace libnet::tests
