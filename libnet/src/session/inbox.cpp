#include <libnet/session/inbox.hpp>

namespace libnet::detail {

void inbox::clear() noexcept
{
    received.consume(received.size());
    handed_out = 0;
    forget_found();
}

void inbox::release() noexcept
{
    received.release();
    if (received.capacity() == 0 && !has_found()) {
        ahead_memory = {};
    }
}

}  // namespace libnet::detail
