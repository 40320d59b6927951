#include "tcp_socket.hpp"

#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace libnet::detail {
namespace {

/// Sets options one by one and stops at the first that is refused.
class option_setter {
public:
    explicit option_setter(int descriptor) noexcept : descriptor_(descriptor) {}

    void set(const char* name, int level, int option, int value) noexcept
    {
        if (refused_.name == nullptr &&
            ::setsockopt(descriptor_, level, option, &value, sizeof value) != 0) {
            refused_ = {name, error_code(errno, boost::system::system_category())};
        }
    }

    const refused_option& refused() const noexcept { return refused_; }

private:
    int descriptor_;
    refused_option refused_;
};

void set_buffers(option_setter& s, const socket_options& options)
{
    if (options.send_buffer) {
        s.set("SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, static_cast<int>(*options.send_buffer));
    }
    if (options.receive_buffer) {
        s.set("SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, static_cast<int>(*options.receive_buffer));
    }
}

}  // namespace

std::string to_text(const tcp_protocol::endpoint& e)
{
    const std::string address = e.address().to_string();
    return (e.address().is_v6() ? '[' + address + ']' : address) + ':' + std::to_string(e.port());
}

int open_tcp(const tcp_protocol& protocol, error_code& failed)
{
#if defined(SOCK_CLOEXEC) && defined(SOCK_NONBLOCK)
    const int descriptor = ::socket(protocol.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                                    protocol.protocol());
#else
    const int descriptor = ::socket(protocol.family(), SOCK_STREAM, protocol.protocol());
    if (descriptor >= 0) {
        ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
        ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
    }
#endif
    if (descriptor < 0) {
        failed = error_code(errno, boost::system::system_category());
    }
    return descriptor;
}

refused_option apply_before_listen(int descriptor, const tcp_protocol& protocol,
                                   const socket_options& options, bool explicit_address)
{
    option_setter s(descriptor);
    s.set("SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, options.reuse_address ? 1 : 0);
    if (protocol == tcp_protocol::v6()) {
        s.set("IPV6_V6ONLY", IPPROTO_IPV6, IPV6_V6ONLY,
              options.v6_only.value_or(explicit_address) ? 1 : 0);
    }
    set_buffers(s, options);  // inherited; the receive window is settled before accept
    return s.refused();
}

refused_option apply_to_connection(int descriptor, const socket_options& options)
{
    option_setter s(descriptor);
    s.set("TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, options.no_delay ? 1 : 0);
    if (const auto& alive = options.keep_alive) {
        s.set("SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1);
#if defined(TCP_KEEPIDLE)
        s.set("TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(alive->after.count()));
#endif
#if defined(TCP_KEEPINTVL)
        s.set("TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL,
              static_cast<int>(alive->interval.count()));
#endif
#if defined(TCP_KEEPCNT)
        s.set("TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, alive->probes);
#endif
    }
#if defined(TCP_USER_TIMEOUT)
    if (options.user_timeout.count() != 0) {
        s.set("TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT,
              static_cast<int>(options.user_timeout.count()));
    }
#endif
    set_buffers(s, options);
    return s.refused();
}

}  // namespace libnet::detail
