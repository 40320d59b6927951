#pragma once

#include <libnet/core/config.hpp>

#include <cstddef>

namespace libnet::detail {

/// Memory for coroutine frames, recycled per thread: a bounded number of each size, given back to
/// the system when the thread ends. Under AddressSanitizer plain `new` and `delete`, so that
/// recycling hides no bug.
LIBNET_ASIO_DECL void* allocate_frame(std::size_t size);
LIBNET_ASIO_DECL void free_frame(void* frame, std::size_t size) noexcept;

}  // namespace libnet::detail
