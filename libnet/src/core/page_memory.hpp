#pragma once

#include <cstddef>

namespace libnet::detail {

/// Memory straight from the system, at an address that is a multiple of `size`, a power of two. Null
/// if there is none.
void* map_pages(std::size_t size) noexcept;

/// False if the system cannot take them back now; they stay as they are.
bool unmap_pages(void* pages, std::size_t size) noexcept;

}  // namespace libnet::detail
