#include "last_error.hpp"
#include "peer_credentials.hpp"
#include "socket.hpp"
#include "socket_stream.hpp"

#include <libnet/asio/loop_of.hpp>
#include <libnet/transport/descriptor.hpp>

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <cerrno>
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

using name_of_socket = int(int, sockaddr*, socklen_t*);

socket_endpoint ask(name_of_socket* ask_for, int descriptor)
{
    socket_endpoint found;
    auto length = static_cast<socklen_t>(found.capacity());
    if (ask_for(descriptor, found.data(), &length) != 0) {
        cannot_adopt(detail::last_error());
    }
    found.resize(length);
    return found;
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

/// One end of a Unix connection has a name, mostly: the server's.
std::string name_of_peer(int descriptor, const socket_endpoint& local, const socket_endpoint& peer)
{
    if (local.protocol().family() != AF_UNIX) {
        return to_text(peer);
    }
    const std::string server = to_text(peer);
    return (server == "unix:" ? to_text(local) : server) + detail::describe_peer(descriptor);
}

}  // namespace

std::unique_ptr<stream> adopt_descriptor(loop& home, int descriptor)
{
    expect_stream(descriptor);
    const socket_endpoint local = ask(::getsockname, descriptor);
    const socket_endpoint peer = ask(::getpeername, descriptor);
    const int family = local.protocol().family();
    if (family == AF_INET || family == AF_INET6) {
        const int on = 1;  // refused for a peer that has gone, which the first read will tell
        ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    std::string name = name_of_peer(descriptor, local, peer);
    detail::stream_socket socket(context_of(home).get_executor());
    error_code failed;
    socket.assign(local.protocol(), descriptor, failed);
    if (failed) {
        cannot_adopt(failed);
    }
    return std::make_unique<detail::socket_stream>(home, std::move(socket), std::move(name),
                                                   detail::address_of(peer));
}

}  // namespace libnet
