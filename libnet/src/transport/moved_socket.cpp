#include "moved_socket.hpp"
#include "last_error.hpp"

#include "socket.hpp"
#include "stream_on_socket.hpp"

#include <boost/system/system_error.hpp>

#include <sys/socket.h>
#include <utility>

namespace libnet::detail {

moved_socket::moved_socket(stream& from)
    : peer_(from.peer()), address_(from.peer_address()), descriptor_(from.release_native())
{
    if (descriptor_.get() < 0) {
        throw boost::system::system_error(error::not_supported,
                                          "a stream that is no socket cannot go to another shard");
    }
}

/// The kernel says it shorter, as long as the peer is there.
socket_names moved_socket::names()
{
    socket_endpoint peer;
    auto length = static_cast<socklen_t>(peer.capacity());
    if (address_.empty() || ::getpeername(descriptor_.get(), peer.data(), &length) != 0) {
        return {std::move(peer_), address_};
    }
    peer.resize(length);
    return socket_names(peer);
}

std::unique_ptr<stream> moved_socket::arrive(loop& home)
{
    socket_endpoint local;
    auto length = static_cast<socklen_t>(local.capacity());
    if (::getsockname(descriptor_.get(), local.data(), &length) != 0) {
        throw boost::system::system_error(last_error());
    }
    auto arrived =
        stream_on_socket(home, local.protocol().family(), descriptor_, names());
    if (!arrived) {
        throw boost::system::system_error(arrived.error());
    }
    return std::move(*arrived);
}

}  // namespace libnet::detail
