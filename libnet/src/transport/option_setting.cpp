#include "option_setting.hpp"

#include "option_error.hpp"

#include <cerrno>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

// What this system does not have is refused as the kernel would, if somebody asks for it.
#if !defined(TCP_FASTOPEN)
#define TCP_FASTOPEN -1
#endif
#if !defined(TCP_FASTOPEN_CONNECT)
#define TCP_FASTOPEN_CONNECT -1
#endif
#if !defined(TCP_CONGESTION)
#define TCP_CONGESTION -1
#endif
#if !defined(TCP_NOTSENT_LOWAT)
#define TCP_NOTSENT_LOWAT -1
#endif
#if !defined(TCP_QUICKACK)
#define TCP_QUICKACK -1
#endif
#if !defined(SO_REUSEPORT)
#define SO_REUSEPORT -1
#endif
#if !defined(SO_BINDTODEVICE)
#define SO_BINDTODEVICE -1
#endif

namespace libnet::detail {
namespace {

bool is_tcp(int family) noexcept
{
    return family == AF_INET || family == AF_INET6;
}

/// Sets options one by one and stops at the first that is refused.
class option_setter {
public:
    /// Multipath sockets have fewer options: there the kernel may lack any of them.
    explicit option_setter(int descriptor, bool multipath = false) noexcept
        : descriptor_(descriptor), may_lack_(multipath)
    {
    }

    void set(socket_option name, int level, int option, int value) noexcept
    {
        set_bytes(name, level, option, &value, sizeof value);
    }

    void set(socket_option name, int level, int option, const short_name& value) noexcept
    {
        set_bytes(name, level, option, value.text().data(), value.text().size());
    }

    void set(socket_option name, int level, int option, const linger& value) noexcept
    {
        set_bytes(name, level, option, &value, sizeof value);
    }

    /// For values that the kernel would cut down without a word.
    void refuse(socket_option name, int why) noexcept
    {
        if (!failed_) {
            failed_ = refused(name, why);
        }
    }

    const error_code& failed() const noexcept { return failed_; }

private:
    void set_bytes(socket_option name, int level, int option, const void* value,
                   std::size_t size) noexcept
    {
        if (!failed_ &&
            ::setsockopt(descriptor_, level, option, value, static_cast<socklen_t>(size)) != 0 &&
            !(may_lack_ && (errno == ENOPROTOOPT || errno == EOPNOTSUPP))) {
            failed_ = refused(name, errno);
        }
    }

    int descriptor_;
    bool may_lack_;
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

void set_keep_alive(option_setter& s, const socket_options& options)
{
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
}

/// The traffic class of IPv6 has the bits of IPv4's type of service; DSCP is its upper six. A
/// socket that carries both kinds needs both.
void set_dscp(option_setter& s, int family, int dscp)
{
    if (dscp < 0 || dscp > 63) {
        s.refuse(socket_option::dscp, EINVAL);
    }
    if (family == AF_INET6) {
        s.set(socket_option::dscp, IPPROTO_IPV6, IPV6_TCLASS, dscp << 2);
    }
    s.set(socket_option::dscp, IPPROTO_IP, IP_TOS, dscp << 2);
}

}  // namespace

error_code apply_before_bind(int descriptor, int family, const socket_options& options)
{
    option_setter s(descriptor, options.multipath);
    if (is_tcp(family) && !options.device.empty()) {
        s.set(socket_option::device, SOL_SOCKET, SO_BINDTODEVICE, options.device);
    }
    return s.failed();
}

error_code apply_before_listen(int descriptor, int family, const socket_options& options,
                               bool explicit_address)
{
    option_setter s(descriptor, options.multipath);
    if (is_tcp(family)) {
        s.set(socket_option::reuse_address, SOL_SOCKET, SO_REUSEADDR,
              options.reuse_address ? 1 : 0);
        if (options.reuse_port) {
            s.set(socket_option::reuse_port, SOL_SOCKET, SO_REUSEPORT, 1);
        }
        if (options.fast_open) {
            s.set(socket_option::fast_open, IPPROTO_TCP, TCP_FASTOPEN, *options.fast_open);
        }
    }
    if (family == AF_INET6) {
        s.set(socket_option::v6_only, IPPROTO_IPV6, IPV6_V6ONLY,
              options.v6_only.value_or(explicit_address) ? 1 : 0);
    }
    set_buffers(s, options);  // inherited; the receive window is settled before accept
    return s.failed();
}

error_code apply_before_connect(int descriptor, int family, const socket_options& options)
{
    option_setter s(descriptor, options.multipath);
    if (is_tcp(family) && options.fast_open) {
        s.set(socket_option::fast_open, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    }
    return s.failed();
}

error_code apply_to_connection(int descriptor, int family, const socket_options& options)
{
    option_setter s(descriptor, options.multipath);
    set_buffers(s, options);
    if (options.linger) {
        s.set(socket_option::linger, SOL_SOCKET, SO_LINGER,
              linger{1, static_cast<int>(options.linger->count())});
    }
    if (!is_tcp(family)) {
        return s.failed();
    }
    s.set(socket_option::no_delay, IPPROTO_TCP, TCP_NODELAY, options.no_delay ? 1 : 0);
    set_keep_alive(s, options);
    if (!options.congestion.empty()) {
        s.set(socket_option::congestion, IPPROTO_TCP, TCP_CONGESTION, options.congestion);
    }
    if (options.not_sent_low_water) {
        s.set(socket_option::not_sent_low_water, IPPROTO_TCP, TCP_NOTSENT_LOWAT,
              static_cast<int>(*options.not_sent_low_water));
    }
    if (options.dscp) {
        set_dscp(s, family, *options.dscp);
    }
    return s.failed();
}

error_code apply_when_connected(int descriptor, int family, const socket_options& options)
{
    option_setter s(descriptor, options.multipath);
    if (is_tcp(family) && options.quick_ack) {
        s.set(socket_option::quick_ack, IPPROTO_TCP, TCP_QUICKACK, *options.quick_ack ? 1 : 0);
    }
    return s.failed();
}

}  // namespace libnet::detail
