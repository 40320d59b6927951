#pragma once

#include <libnet/core/config.hpp>

#include <cstddef>
#include <utility>

namespace libnet::detail {

/// Memory of a buffer that comes and goes while its owner stays. Ten thousand connections that have
/// become idle give ten thousand buffers back; taken from the heap, these would leave holes between
/// what stays, and the process would be as large as before. So small ones, up to 4 KiB, come from
/// pages of their own, which the system gets back; larger ones come from the heap. The bytes are not
/// initialised. Under AddressSanitizer all of it is plain `new` and `delete`.
///
/// Threads  any may give back what another has taken.
/// Cost     a lock and a list for small ones.
class LIBNET_ASIO_DECL buffer_memory {
public:
    buffer_memory() noexcept = default;

    /// At least so much. Throws std::bad_alloc.
    explicit buffer_memory(std::size_t size);

    buffer_memory(buffer_memory&& other) noexcept { swap(other); }
    buffer_memory& operator=(buffer_memory other) noexcept
    {
        swap(other);
        return *this;
    }
    ~buffer_memory()
    {
        if (data_ != nullptr) {
            free();
        }
    }

    std::byte* get() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }

    /// Bytes of pages that all small ones have now, in use or not.
    static std::size_t pages() noexcept;

    void swap(buffer_memory& other) noexcept
    {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
    }

private:
    void free() noexcept;

    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace libnet::detail
