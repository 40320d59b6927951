#include "tcp_socket.hpp"

#include "option_error.hpp"

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

    void set(socket_option name, int level, int option, int value) noexcept
    {
        if (!failed_ && ::setsockopt(descriptor_, level, option, &value, sizeof value) != 0) {
            failed_ = refused(name, errno);
        }
    }

    const error_code& failed() const noexcept { return failed_; }

private:
    int descriptor_;
    error_code failed_;
};

void set_buffers(option_setter& s, const socket_options& options)
{
    if (options.send_buffer) {
        s.set(socket_option::send_buffer, SOL_SOCKET, SO_SNDBUF,
              static_cast<int>(*options.send_buffer));
    }
    if (options.receive_buffer) {
        s.set(socket_option::receive_buffer, SOL_SOCKET, SO_RCVBUF,
              static_cast<int>(*options.receive_buffer));
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

error_code apply_before_listen(int descriptor, const tcp_protocol& protocol,
                               const socket_options& options, bool explicit_address)
{
    option_setter s(descriptor);
    s.set(socket_option::reuse_address, SOL_SOCKET, SO_REUSEADDR, options.reuse_address ? 1 : 0);
    if (protocol == tcp_protocol::v6()) {
        s.set(socket_option::v6_only, IPPROTO_IPV6, IPV6_V6ONLY,
              options.v6_only.value_or(explicit_address) ? 1 : 0);
    }
    set_buffers(s, options);  // inherited; the receive window is settled before accept
    return s.failed();
}

error_code apply_to_connection(int descriptor, const socket_options& options)
{
    option_setter s(descriptor);
    s.set(socket_option::no_delay, IPPROTO_TCP, TCP_NODELAY, options.no_delay ? 1 : 0);
    if (const auto& alive = options.keep_alive) {
        s.set(socket_option::keep_alive, SOL_SOCKET, SO_KEEPALIVE, 1);
#if defined(TCP_KEEPIDLE)
        s.set(socket_option::keep_alive_idle, IPPROTO_TCP, TCP_KEEPIDLE,
              static_cast<int>(alive->after.count()));
#endif
#if defined(TCP_KEEPINTVL)
        s.set(socket_option::keep_alive_interval, IPPROTO_TCP, TCP_KEEPINTVL,
              static_cast<int>(alive->interval.count()));
#endif
#if defined(TCP_KEEPCNT)
        s.set(socket_option::keep_alive_count, IPPROTO_TCP, TCP_KEEPCNT, alive->probes);
#endif
    }
#if defined(TCP_USER_TIMEOUT)
    if (options.user_timeout.count() != 0) {
        s.set(socket_option::user_timeout, IPPROTO_TCP, TCP_USER_TIMEOUT,
              static_cast<int>(options.user_timeout.count()));
    }
#endif
    set_buffers(s, options);
    return s.failed();
}

}  // namespace libnet::detail
