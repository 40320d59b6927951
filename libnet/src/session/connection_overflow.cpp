#include "connection_core.hpp"

/// What becomes of messages for a peer that does not keep up.
namespace libnet::detail {

/// The peer does not keep up. Answers whether there is room now for so many messages of this size.
readiness connection_core::overflows(std::size_t size, std::size_t messages)
{
    switch (settings_->options.when_full) {
    case overflow::wait: return readiness::pending;
    case overflow::close: break_off(error::peer_not_reading); return readiness::failure;
    case overflow::drop_newest: break;
    case overflow::drop_oldest:
        if (drop_oldest(size)) {
            return readiness::value;
        }
        break;
    }
    messages_dropped_ += messages;
    send_refusal_ = error::peer_not_reading;
    return readiness::failure;
}

bool connection_core::drop_oldest(std::size_t room) noexcept
{
    while (out_.size() + room > high_water_mark() && out_.drop_oldest()) {
        ++messages_dropped_;
    }
    return takes_more();
}

}  // namespace libnet::detail
