#include "moved_socket.hpp"
#include "last_error.hpp"

#include "socket.hpp"
#include "socket_stream.hpp"

#include <libnet/asio/loop_of.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace libnet::detail {

moved_socket::moved_socket(stream& from)
    : peer_(from.peer()), address_(from.peer_address()), descriptor_(from.release_native())
{
    if (descriptor_ < 0) {
        throw boost::system::system_error(error::not_supported,
                                          "a stream that is no socket cannot go to another shard");
    }
}

moved_socket::~moved_socket()
{
    if (descriptor_ >= 0) {
        close_descriptor(descriptor_);
    }
}

std::unique_ptr<stream> moved_socket::arrive(loop& home)
{
    socket_endpoint local;
    auto length = static_cast<socklen_t>(local.capacity());
    if (::getsockname(descriptor_, local.data(), &length) != 0) {
        throw boost::system::system_error(last_error());
    }
    stream_socket socket(context_of(home).get_executor());
    const int arriving = std::exchange(descriptor_, -1);
    if (const error_code failed = adopt(socket, local.protocol(), arriving)) {
        throw boost::system::system_error(failed);
    }
    return std::make_unique<socket_stream>(home, std::move(socket), std::move(peer_), address_);
}

}  // namespace libnet::detail
