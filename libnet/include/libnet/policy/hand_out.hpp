#pragma once

#include <libnet/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace libnet {

/// Which of several workers gets the next piece of work: one that has the least. Of those the next in
/// turn, so that short work, which is gone again when the next piece comes, goes round as well.
class LIBNET_ASIO_DECL hand_out {
public:
    /// `loads`: how much each has now. At least one worker; as many in every call.
    std::size_t next(std::span<const std::uint64_t> loads) noexcept;

private:
    std::size_t first_ = 0;  // whose turn it is
};

}  // namespace libnet
