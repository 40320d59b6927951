#pragma once

#include <libnet/framing/framing.hpp>

namespace libnet {

/// No framing: whatever has arrived is a frame, in pieces of the network's choosing.
///
///     BEFORE                        AFTER, for example
///     +--------------------------+  +-----+  +------------------+
///     | H e l l o W o r l d !    |  | Hel |  | loWorld!         |
///     +--------------------------+  +-----+  +------------------+
///
/// For byte streams that are copied through, or parsed by somebody else. There is no limit to
/// exceed: a piece is as large as what one read brought.
class raw {
public:
    /// What a framing has to have, see `framing`.
    decoded decode(bytes received) const noexcept
    {
        return received.empty() ? decoded::incomplete(1)
                                : decoded::frame(0, received.size(), received.size());
    }

    /// What a framing has to have: adds nothing.
    void encode(bytes, envelope&) const noexcept {}
};

}  // namespace libnet
