#include "socket.hpp"
#include "last_error.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <span>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace libnet::detail {
namespace {

namespace ip = boost::asio::ip;

/// The system's structure inside of an endpoint, which is aligned for none of them.
template <class Address>
Address read_as(const socket_endpoint& e) noexcept
{
    Address address{};
    std::memcpy(&address, e.data(), std::min(e.size(), sizeof address));
    return address;
}

std::string text_of_v4(const sockaddr_in& a)
{
    return ip::address_v4(ntohl(a.sin_addr.s_addr)).to_string() + ':' +
           std::to_string(ntohs(a.sin_port));
}

std::string text_of_v6(const sockaddr_in6& a)
{
    ip::address_v6::bytes_type octets;
    std::memcpy(octets.data(), &a.sin6_addr, octets.size());
    return '[' + ip::address_v6(octets, a.sin6_scope_id).to_string() +
           "]:" + std::to_string(ntohs(a.sin6_port));
}

std::string text_of_unix(const sockaddr_un& a, std::size_t size)
{
    constexpr std::size_t before = offsetof(sockaddr_un, sun_path);
    if (size <= before) {
        return "unix:";
    }
    if (a.sun_path[0] == '\0') {
        return "unix:@" + std::string(a.sun_path + 1, size - before - 1);
    }
    return "unix:" + std::string(a.sun_path, ::strnlen(a.sun_path, size - before));
}

result<socket_endpoint> named_by(int (*ask)(int, sockaddr*, socklen_t*), int descriptor)
{
    socket_endpoint found;
    auto length = static_cast<socklen_t>(found.capacity());
    if (ask(descriptor, found.data(), &length) != 0) {
        return failed<socket_endpoint>(last_error());
    }
    found.resize(length);
    return found;
}

int new_socket(int family, int protocol)
{
#if defined(SOCK_CLOEXEC) && defined(SOCK_NONBLOCK)
    return ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
#else
    const int descriptor = ::socket(family, SOCK_STREAM, protocol);
    if (descriptor >= 0) {
        ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
        ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
    }
    return descriptor;
#endif
}

}  // namespace

std::string to_text(const socket_endpoint& e)
{
    switch (e.protocol().family()) {
    case AF_INET: return text_of_v4(read_as<sockaddr_in>(e));
    case AF_INET6: return text_of_v6(read_as<sockaddr_in6>(e));
    case AF_UNIX: return text_of_unix(read_as<sockaddr_un>(e), e.size());
    default: return "?";
    }
}

ip_address address_of(const socket_endpoint& e) noexcept
{
    return address_and_port(e).address;
}

socket_address address_and_port(const socket_endpoint& e) noexcept
{
    switch (e.protocol().family()) {
    case AF_INET: {
        const auto v4 = read_as<sockaddr_in>(e);
        return {ip_address(std::as_bytes(std::span(&v4.sin_addr, 1))), ntohs(v4.sin_port)};
    }
    case AF_INET6: {
        const auto v6 = read_as<sockaddr_in6>(e);
        return {ip_address(std::as_bytes(std::span(&v6.sin6_addr, 1))), ntohs(v6.sin6_port),
                v6.sin6_scope_id};
    }
    default: return {};
    }
}

socket_endpoint endpoint_of(const socket_address& address)
{
    const bytes octets = address.address.octets();
    if (address.address.is_v6()) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        v6.sin6_scope_id = address.zone;
        std::memcpy(&v6.sin6_addr, octets.data(), octets.size());
        return {&v6, sizeof v6, IPPROTO_TCP};
    }
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, octets.data(), octets.size());
    return {&v4, sizeof v4, IPPROTO_TCP};
}

result<socket_endpoint> local_endpoint_of(int descriptor)
{
    return named_by(::getsockname, descriptor);
}

result<socket_endpoint> peer_endpoint_of(int descriptor)
{
    return named_by(::getpeername, descriptor);
}

int open_socket(const stream_protocol& protocol, bool multipath, error_code& failed)
{
    int descriptor = -1;
#if defined(__linux__)
    constexpr int multipath_tcp = 262;  // IPPROTO_MPTCP, which older headers do not have
    if (multipath) {
        descriptor = new_socket(protocol.family(), multipath_tcp);
    }
#else
    (void)multipath;
#endif
    if (descriptor < 0) {
        descriptor = new_socket(protocol.family(), protocol.protocol());
    }
    if (descriptor < 0) {
        failed = last_error();
    }
    return descriptor;
}

void close_descriptor(int descriptor) noexcept
{
    ::close(descriptor);
}

stream::outlook outlook_of(int descriptor) noexcept
{
    using outlook = stream::outlook;
    char first;
    const auto there = ::recv(descriptor, &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (there > 0) {
        return outlook::input;
    }
    return there < 0 && (errno == EAGAIN || errno == EINTR) ? outlook::quiet : outlook::ended;
}

std::size_t arrived_at(int descriptor) noexcept
{
    int count = 0;
    return ::ioctl(descriptor, FIONREAD, &count) == 0 && count > 0 ? static_cast<std::size_t>(count)
                                                                   : 0;
}

}  // namespace libnet::detail
