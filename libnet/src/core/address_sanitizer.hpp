#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>

/// AddressSanitizer sees what the allocator does, not what a pool or a buffer does inside. Where
/// libnet recycles memory it says so by hand, so that recycling hides no use after the end.

#if defined(LIBNET_ASIO_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#endif

namespace libnet::detail {

/// From here on a look at these bytes is a bug.
inline void poison([[maybe_unused]] bytes memory) noexcept
{
#if defined(LIBNET_ASIO_ADDRESS_SANITIZER)
    __asan_poison_memory_region(memory.data(), memory.size());
#endif
}

inline void unpoison([[maybe_unused]] bytes memory) noexcept
{
#if defined(LIBNET_ASIO_ADDRESS_SANITIZER)
    __asan_unpoison_memory_region(memory.data(), memory.size());
#endif
}

}  // namespace libnet::detail
