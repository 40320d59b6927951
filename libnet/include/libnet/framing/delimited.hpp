#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/literals.hpp>
#include <libnet/framing/framing.hpp>

#include <string>
#include <string_view>

namespace libnet {

/// Where a message ends, and how long it may become.
struct delimited_options {
    /// Whether the delimiter is handed out.
    enum class delivery {
        strip,  ///< the delimiter is not part of what receive() hands out
        keep,   ///< it is; and a payload that already ends with it is sent as it stands
    };

    /// Longest payload in bytes without its delimiter, inclusive, in both directions.
    std::size_t max_frame = 1_MiB;

    delivery delimiter = delivery::strip;  ///< of received frames; sending appends one in any case
};

/// Messages that end with a fixed byte string: lines, mostly.
///
///     BEFORE (delimiter "\n")               AFTER: two frames
///     +-------+----+-------+----+------+    +-------+   +-------+
///     | Hello | \n | World | \n | !... |    | Hello |   | World |     "!" waits for its end
///     +-------+----+-------+----+------+    +-------+   +-------+
///
/// A payload that contains the delimiter is refused when sent: it would reach the peer as two
/// messages, and whoever chose the payload would have written the second.
///
/// Errors   frame_too_large as soon as max_frame bytes and a delimiter's length have come without
///          one; refused_payload (sending: the delimiter is inside).
/// Cost     every byte is looked at once, however it arrives.
class LIBNET_ASIO_DECL delimited {
public:
    /// Throws std::invalid_argument for an empty delimiter.
    explicit delimited(std::string_view delimiter = "\n", delimited_options options = {});

    /// What a framing has to have, see `framing`.
    decoded decode(bytes received) noexcept;
    void encode(bytes payload, envelope& out) const noexcept;

private:
    bool keeps() const noexcept { return options_.delimiter == delimited_options::delivery::keep; }

    std::string delimiter_;
    delimited_options options_;
    std::size_t searched_ = 0;  // no delimiter begins before this offset
};

}  // namespace libnet
