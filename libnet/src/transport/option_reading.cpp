#include "last_error.hpp"

#include <libnet/transport/socket_options.hpp>

#include <boost/system/errc.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace libnet {
namespace {

/// Reads options one by one; what this socket does not have stays as it was.
class option_reader {
public:
    explicit option_reader(int descriptor) noexcept : descriptor_(descriptor) {}

    template <class Value>
    std::optional<Value> get(int level, int option) const noexcept
    {
        Value value{};
        socklen_t size = sizeof value;
        if (::getsockopt(descriptor_, level, option, &value, &size) != 0) {
            return std::nullopt;
        }
        return value;
    }

    int number(int level, int option, int otherwise = 0) const noexcept
    {
        return get<int>(level, option).value_or(otherwise);
    }

    short_name name(int level, int option) const noexcept
    {
        std::array<char, 17> characters{};
        socklen_t size = 16;
        if (::getsockopt(descriptor_, level, option, characters.data(), &size) != 0) {
            return {};
        }
        return short_name(characters.data());
    }

private:
    int descriptor_;
};

/// Linux doubles what it is asked for, to have room for its own keeping, and answers the double.
std::size_t buffer_size(int answered) noexcept
{
#if defined(__linux__)
    return static_cast<std::size_t>(answered) / 2;
#else
    return static_cast<std::size_t>(answered);
#endif
}

void read_tcp(const option_reader& r, int family, socket_options& found)
{
    found.no_delay = r.number(IPPROTO_TCP, TCP_NODELAY) != 0;
    found.keep_alive.reset();
    if (r.number(SOL_SOCKET, SO_KEEPALIVE) != 0) {
        auto& alive = found.keep_alive.emplace();
#if defined(TCP_KEEPIDLE)
        alive.after = std::chrono::seconds(r.number(IPPROTO_TCP, TCP_KEEPIDLE));
#endif
#if defined(TCP_KEEPINTVL)
        alive.interval = std::chrono::seconds(r.number(IPPROTO_TCP, TCP_KEEPINTVL));
#endif
#if defined(TCP_KEEPCNT)
        alive.probes = r.number(IPPROTO_TCP, TCP_KEEPCNT);
#endif
    }
#if defined(TCP_USER_TIMEOUT)
    found.user_timeout = std::chrono::milliseconds(r.number(IPPROTO_TCP, TCP_USER_TIMEOUT));
#endif
#if defined(TCP_FASTOPEN)
    if (const int queue = r.number(IPPROTO_TCP, TCP_FASTOPEN); queue > 0) {
        found.fast_open = queue;
    }
#endif
#if defined(TCP_FASTOPEN_CONNECT)
    if (r.number(IPPROTO_TCP, TCP_FASTOPEN_CONNECT) != 0) {
        found.fast_open = 1;
    }
#endif
#if defined(TCP_CONGESTION)
    found.congestion = r.name(IPPROTO_TCP, TCP_CONGESTION);
#endif
#if defined(TCP_NOTSENT_LOWAT)
    if (const auto mark = r.get<unsigned>(IPPROTO_TCP, TCP_NOTSENT_LOWAT);
        mark && *mark != 0 && *mark != UINT32_MAX) {  // both mean: the system's own
        found.not_sent_low_water = *mark;
    }
#endif
#if defined(TCP_QUICKACK)
    found.quick_ack = r.number(IPPROTO_TCP, TCP_QUICKACK) != 0;
#endif
    const int traffic_class =
        family == AF_INET6 ? r.number(IPPROTO_IPV6, IPV6_TCLASS) : r.number(IPPROTO_IP, IP_TOS);
    found.dscp = (traffic_class & 0xFF) >> 2;
    if (family == AF_INET6) {
        found.v6_only = r.number(IPPROTO_IPV6, IPV6_V6ONLY) != 0;
    }
#if defined(SO_BINDTODEVICE)
    found.device = r.name(SOL_SOCKET, SO_BINDTODEVICE);
#endif
#if defined(__linux__)
    constexpr int multipath_tcp = 262;  // IPPROTO_MPTCP, which older headers do not have
    found.multipath = r.number(SOL_SOCKET, SO_PROTOCOL) == multipath_tcp;
#endif
}

}  // namespace

result<socket_options> read_socket_options(int native_handle)
{
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(native_handle, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        return detail::last_error();
    }
    const option_reader r(native_handle);
    socket_options found;
    found.reuse_address = r.number(SOL_SOCKET, SO_REUSEADDR) != 0;
#if defined(SO_REUSEPORT)
    found.reuse_port = r.number(SOL_SOCKET, SO_REUSEPORT) != 0;
#endif
    found.send_buffer = buffer_size(r.number(SOL_SOCKET, SO_SNDBUF));
    found.receive_buffer = buffer_size(r.number(SOL_SOCKET, SO_RCVBUF));
    if (const auto l = r.get<linger>(SOL_SOCKET, SO_LINGER); l && l->l_onoff != 0) {
        found.linger = std::chrono::seconds(l->l_linger);
    }
    if (address.ss_family == AF_INET || address.ss_family == AF_INET6) {
        read_tcp(r, address.ss_family, found);
    }
    return found;
}

}  // namespace libnet
