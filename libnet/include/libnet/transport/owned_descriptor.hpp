#pragma once

#include <libnet/core/config.hpp>

#include <utility>

namespace libnet::detail {

/// A descriptor that closes when nobody has taken it.
class LIBNET_ASIO_DECL owned_descriptor {
public:
    explicit owned_descriptor(int descriptor) noexcept : descriptor_(descriptor) {}
    owned_descriptor(owned_descriptor&& other) noexcept
        : descriptor_(std::exchange(other.descriptor_, -1))
    {
    }
    owned_descriptor& operator=(owned_descriptor&& other) noexcept
    {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~owned_descriptor();

    int get() const noexcept { return descriptor_; }
    void taken() noexcept { descriptor_ = -1; }

private:
    int descriptor_;
};

}  // namespace libnet::detail
