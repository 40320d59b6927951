#include "stream_on_socket.hpp"

#include "../runtime/asio_loop.hpp"
#include "polled_stream.hpp"
#include "socket.hpp"
#include "socket_stream.hpp"

#include <libnet/asio/loop_of.hpp>

#include <new>
#include <utility>

namespace libnet::detail {

result<std::unique_ptr<stream>> stream_on_socket(loop& home, int family,
                                                 owned_descriptor& connected,
                                                 socket_names names)
{
    std::unique_ptr<stream> made;
#if defined(__linux__)
    if (descriptor_poll* const poll = static_cast<asio_loop&>(home).poll()) {
        made = std::make_unique<polled_stream>(home, *poll, connected.get(), std::move(names));
        connected.taken();
        return made;
    }
#endif
    stream_socket socket(context_of(home).get_executor());
    error_code failed;
    socket.assign(stream_protocol(family, 0), connected.get(), failed);
    if (failed) {
        return failed;
    }
    try {
        made = std::make_unique<socket_stream>(home, std::move(socket), std::move(names));
    } catch (const std::bad_alloc&) {  // before the socket was moved
        socket.release(failed);
        throw;
    }
    connected.taken();
    return made;
}

}  // namespace libnet::detail
