#include "moved_socket.hpp"
#include "socket.hpp"
#include "stream_on_socket.hpp"

#include <boost/system/system_error.hpp>

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
    const auto peer = peer_endpoint_of(descriptor_.get());
    return !peer || address_.empty() ? socket_names(std::move(peer_), address_)
                                     : socket_names(*peer);
}

std::unique_ptr<stream> moved_socket::arrive(loop& home)
{
    const auto local = local_endpoint_of(descriptor_.get());
    if (!local) {
        throw boost::system::system_error(local.error());
    }
    auto arrived = stream_on_socket(home, local->protocol().family(), descriptor_, names());
    if (!arrived) {
        throw boost::system::system_error(arrived.error());
    }
    return std::move(*arrived);
}

}  // namespace libnet::detail
