#pragma once

#include <bit>
#include <cstddef>

namespace libnet::detail {

/// Blocks of a few sizes, the powers of two from 256 bytes to 4 KiB, out of pages that hold nothing
/// else. Pages on which no block is in use go back to the system, but for a few.
///
/// Threads  any.
namespace block_pool {

inline constexpr std::size_t smallest_block = 256;
inline constexpr std::size_t largest_block = 4096;

/// `size`: at most largest_block. Null if there is no memory.
void* allocate(std::size_t size) noexcept;
void free(void* block, std::size_t size) noexcept;

/// What allocate() really gives.
constexpr std::size_t size_of_block(std::size_t size) noexcept
{
    return size <= smallest_block ? smallest_block : std::bit_ceil(size);
}

/// Bytes of pages that are held.
std::size_t held() noexcept;

}  // namespace block_pool

}  // namespace libnet::detail
