#include "socket_names.hpp"

#include <new>
#include <sys/socket.h>
#include <utility>

namespace libnet::detail {
namespace {

std::string local_of(int descriptor)
{
    const auto address = local_endpoint_of(descriptor);
    return address ? to_text(*address) : "?";
}

/// Whether an address and a port are all that there is to it: an IPv4 address inside of IPv6 counts as
/// IPv4, but is not called that, and one of a single link has that link's name.
bool is_plain(const socket_endpoint& peer) noexcept
{
    const socket_address known = address_and_port(peer);
    return known.address.is_v4() == (peer.protocol().family() == AF_INET) && known.zone == 0 &&
           !known.address.empty();
}

}  // namespace

socket_names::socket_names(const socket_endpoint& peer)
    : address_(address_of(peer)), port_(address_and_port(peer).port)
{
    if (!is_plain(peer)) {
        texts_ = std::make_unique<texts>(texts{to_text(peer), {}});
    }
}

socket_names::socket_names(std::string peer, const ip_address& address, std::string local)
    : address_(address), texts_(std::make_unique<texts>(texts{std::move(peer), std::move(local)}))
{
}

std::string socket_names::peer() const
{
    return texts_ && !texts_->peer.empty() ? texts_->peer
                                           : socket_address{address_, port_}.to_string();
}

std::string socket_names::local(int descriptor) const
{
    return texts_ && !texts_->local.empty() ? texts_->local : local_of(descriptor);
}

void socket_names::keep_local(int descriptor) noexcept
{
    try {
        if (!texts_) {
            texts_ = std::make_unique<texts>();
        }
        if (texts_->local.empty()) {
            texts_->local = local_of(descriptor);
        }
    } catch (const std::bad_alloc&) {
    }
}

}  // namespace libnet::detail
