#include <libnet/core/buffer_memory.hpp>

#include "address_sanitizer.hpp"
#include "block_pool.hpp"

#include <new>

namespace libnet::detail {
namespace {

constexpr bool is_pooled([[maybe_unused]] std::size_t size) noexcept
{
#if defined(LIBNET_ASIO_ADDRESS_SANITIZER)
    return false;
#else
    return size <= block_pool::largest_block;
#endif
}

}  // namespace

buffer_memory::buffer_memory(std::size_t size)
    : size_(is_pooled(size) ? block_pool::size_of_block(size) : size)
{
    data_ = static_cast<std::byte*>(is_pooled(size) ? block_pool::allocate(size)
                                                    : ::operator new(size));
    if (data_ == nullptr) {
        throw std::bad_alloc();
    }
}

std::size_t buffer_memory::pages() noexcept
{
    return block_pool::held();
}

void buffer_memory::free() noexcept
{
    if (is_pooled(size_)) {
        block_pool::free(data_, size_);
    } else {
        ::operator delete(data_);
    }
}

}  // namespace libnet::detail
