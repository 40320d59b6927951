#include <libnet/transport/stream.hpp>

#include <cassert>

namespace libnet {

void stream::wait_readable(stream_events&)
{
    assert(!"this stream cannot cancel a read, so nobody should wait without a buffer");
}

}  // namespace libnet
