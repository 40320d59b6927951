#pragma once

#include <libnet/framing/framing.hpp>

#include <stdexcept>

namespace libnet {

/// Messages of one size, with nothing around them: records, samples, blocks.
///
///     BEFORE (size 5)             AFTER: two frames
///     +-------+-------+------+    +-------+   +-------+
///     | Hello | World | !... |    | Hello |   | World |     "!" waits for four more bytes
///     +-------+-------+------+    +-------+   +-------+
///
/// Nothing on the wire says where a message begins: a peer that sends one of another size shifts all
/// that follow, and nobody can see it. Put `checksummed` around it if that may happen.
///
/// Errors   refused_payload (sending: any other size).
/// Cost     constant per call, no allocation.
class fixed {
public:
    /// Throws std::invalid_argument for size 0: there is no end to empty messages.
    constexpr explicit fixed(std::size_t size) : size_(size)
    {
        if (size == 0) {
            throw std::invalid_argument("fixed: the size must not be 0");
        }
    }

    /// What a framing has to have, see `framing`.
    decoded decode(bytes received) const noexcept
    {
        return received.size() < size_ ? decoded::incomplete(size_)
                                       : decoded::frame(0, size_, size_);
    }

    /// What a framing has to have: refuses a payload of another size.
    void encode(bytes payload, envelope& out) const noexcept
    {
        if (payload.size() != size_) {
            out.refusal = error::refused_payload;
        }
    }

private:
    std::size_t size_;
};

}  // namespace libnet
