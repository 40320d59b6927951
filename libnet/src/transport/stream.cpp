#include <libnet/transport/stream.hpp>

#include <stdexcept>

namespace libnet {

void stream::wait_readable(stream_events&)
{
    throw std::logic_error("libnet: a stream that cannot cancel_read() has no wait_readable()");
}

}  // namespace libnet
