#include "last_error.hpp"
#include "peer_credentials.hpp"
#include "socket.hpp"
#include "stream_on_socket.hpp"

#include <libnet/transport/descriptor.hpp>

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

namespace libnet {
namespace {

using detail::socket_endpoint;
using detail::to_text;

[[noreturn]] void cannot_adopt(const error_code& why)
{
    throw boost::system::system_error(error_code(why.value(), why.category()),
                                      "cannot adopt this descriptor");
}

socket_endpoint expect_name(result<socket_endpoint> found)
{
    if (!found) {
        cannot_adopt(found.error());
    }
    return std::move(*found);
}

void expect_stream(int descriptor)
{
    int type = 0;
    socklen_t length = sizeof type;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) != 0) {
        cannot_adopt(detail::last_error());
    }
    if (type != SOCK_STREAM) {
        cannot_adopt(make_error_code(boost::system::errc::wrong_protocol_type));
    }
}

void make_non_blocking(int descriptor)
{
    const int flags = ::fcntl(descriptor, F_GETFL);
    if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0) {
        cannot_adopt(detail::last_error());
    }
}

/// The caller's, where nobody takes it.
struct borrowed_descriptor {
    explicit borrowed_descriptor(int descriptor) noexcept : lent(descriptor) {}
    borrowed_descriptor(const borrowed_descriptor&) = delete;
    borrowed_descriptor& operator=(const borrowed_descriptor&) = delete;
    ~borrowed_descriptor() { lent.taken(); }

    detail::owned_descriptor lent;
};

/// One end of a Unix connection has a name, mostly: the server's.
detail::socket_names names_of(int descriptor, const socket_endpoint& local,
                              const socket_endpoint& peer)
{
    if (local.protocol().family() != AF_UNIX) {
        return detail::socket_names(peer);
    }
    const std::string server = to_text(peer);
    return {(server == "unix:" ? to_text(local) : server) + detail::describe_peer(descriptor),
            ip_address()};
}

}  // namespace

std::unique_ptr<stream> adopt_descriptor(loop& home, int descriptor)
{
    expect_stream(descriptor);
    const socket_endpoint local = expect_name(detail::local_endpoint_of(descriptor));
    const socket_endpoint peer = expect_name(detail::peer_endpoint_of(descriptor));
    const int family = local.protocol().family();
    if (family == AF_INET || family == AF_INET6) {
        const int on = 1;  // refused for a peer that has gone, which the first read will tell
        ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    auto names = names_of(descriptor, local, peer);
    make_non_blocking(descriptor);
    borrowed_descriptor connected(descriptor);
    auto adopted = detail::stream_on_socket(home, family, connected.lent, std::move(names));
    if (!adopted) {
        cannot_adopt(adopted.error());
    }
    return std::move(*adopted);
}

}  // namespace libnet
