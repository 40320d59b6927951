#include "last_error.hpp"
#include "option_error.hpp"
#include "socket.hpp"
#include "socket_listener.hpp"
#include "system_network.hpp"
#include "udp_channel.hpp"

#include <libnet/asio.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/udp.hpp>

#include <cerrno>
#include <cstring>
#include <utility>

#include <net/if.h>
#include <unistd.h>

namespace libnet::detail {
namespace {

/// Sets options one by one and stops at the first that is refused.
class setter {
public:
    explicit setter(int descriptor) noexcept : descriptor_(descriptor) {}

    void set(socket_option name, int level, int option, const auto& value) noexcept
    {
        if (!failed_ && ::setsockopt(descriptor_, level, option, &value, sizeof value) != 0) {
            failed_ = refused(name, errno);
        }
    }

    /// What makes things better where the system has it.
    void try_set(int level, int option, int value) noexcept
    {
        ::setsockopt(descriptor_, level, option, &value, sizeof value);
    }

    void refuse(socket_option name, int why) noexcept
    {
        if (!failed_) {
            failed_ = refused(name, why);
        }
    }

    const error_code& failed() const noexcept { return failed_; }

private:
    int descriptor_;
    error_code failed_;
};

/// One option of both families: an IPv6 socket that carries IPv4 as well needs both.
struct twin_option {
    socket_option name;
    int v4;
    int v6;
};

void set_both(setter& s, int family, const twin_option& o, int value) noexcept
{
    if (family == AF_INET6) {
        s.set(o.name, IPPROTO_IPV6, o.v6, value);
        s.try_set(IPPROTO_IP, o.v4, value);
    } else {
        s.set(o.name, IPPROTO_IP, o.v4, value);
    }
}

void set_multicast(setter& s, int family, const udp_options& options)
{
    set_both(s, family, {socket_option::multicast_hops, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS},
             options.multicast_hops);
    set_both(s, family, {socket_option::multicast_loop, IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP},
             options.multicast_loop ? 1 : 0);
    if (options.multicast_interface.empty()) {
        return;
    }
    const std::string name(options.multicast_interface.text());
    const unsigned index = ::if_nametoindex(name.c_str());
    if (index == 0) {
        s.refuse(socket_option::multicast_interface, errno);
    }
    if (family == AF_INET6) {
        s.set(socket_option::multicast_interface, IPPROTO_IPV6, IPV6_MULTICAST_IF, index);
    }
    ip_mreqn request{};
    request.imr_ifindex = static_cast<int>(index);
    s.set(socket_option::multicast_interface, IPPROTO_IP, IP_MULTICAST_IF, request);
}

/// `everywhere`: bound to no address in particular.
error_code apply(int descriptor, int family, const udp_options& options, bool everywhere)
{
    setter s(descriptor);
    s.set(socket_option::receive_buffer, SOL_SOCKET, SO_RCVBUF,
          static_cast<int>(options.receive_buffer));
    if (options.send_buffer) {
        s.set(socket_option::send_buffer, SOL_SOCKET, SO_SNDBUF,
              static_cast<int>(*options.send_buffer));
    }
    if (family == AF_INET6) {
        s.set(socket_option::v6_only, IPPROTO_IPV6, IPV6_V6ONLY,
              options.v6_only.value_or(!everywhere) ? 1 : 0);
    }
    if (options.reuse_address) {
        s.set(socket_option::reuse_address, SOL_SOCKET, SO_REUSEADDR, 1);
    }
    if (options.reuse_port) {
        s.set(socket_option::reuse_port, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    if (options.broadcast) {
        s.set(socket_option::broadcast, SOL_SOCKET, SO_BROADCAST, 1);
    }
    if (!options.device.empty()) {
        char name[IFNAMSIZ] = {};
        options.device.text().copy(name, sizeof name - 1);
        s.set(socket_option::device, SOL_SOCKET, SO_BINDTODEVICE, name);
    }
    if (options.dscp) {
        if (*options.dscp < 0 || *options.dscp > 63) {
            s.refuse(socket_option::dscp, EINVAL);
        }
        set_both(s, family, {socket_option::dscp, IP_TOS, IPV6_TCLASS}, *options.dscp << 2);
    }
    if (options.destination.value_or(everywhere)) {
        set_both(s, family, {socket_option::destination, IP_PKTINFO, IPV6_RECVPKTINFO}, 1);
    }
    if (options.hop_limit) {
        set_both(s, family, {socket_option::hop_limit, IP_RECVTTL, IPV6_RECVHOPLIMIT}, 1);
    }
    if (options.ecn) {
        set_both(s, family, {socket_option::ecn, IP_RECVTOS, IPV6_RECVTCLASS}, 1);
    }
    set_multicast(s, family, options);
    set_both(s, family, {socket_option::errors, IP_RECVERR, IPV6_RECVERR}, 1);
    s.try_set(SOL_SOCKET, SO_RXQ_OVFL, 1);
    if (options.segmentation) {
        s.try_set(IPPROTO_UDP, udp_gro, 1);
    }
    return s.failed();
}

error_code open(datagram_socket& socket, int family, const udp_options& options, bool everywhere)
{
    const int descriptor = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) {
        return last_error();
    }
    error_code failed;
    socket.assign(asio::generic::datagram_protocol(family, IPPROTO_UDP), descriptor, failed);
    if (failed) {
        close_descriptor(descriptor);
        return failed;
    }
    return apply(descriptor, family, options, everywhere);
}

asio::ip::udp::endpoint resolve_here(loop& home, const endpoint& where)
{
    using asio::ip::udp;
    if (where.host.empty()) {
        return {udp::v6(), where.port};
    }
    error_code failed;
    const auto address = asio::ip::make_address(where.host, failed);
    if (!failed) {
        return {address, where.port};
    }
    asio::ip::basic_resolver<udp, io_executor> resolver(context_of(home).get_executor());
    const auto found = resolver.resolve(where.host, std::to_string(where.port),
                                        asio::ip::resolver_base::passive, failed);
    if (failed || found.empty()) {
        cannot_listen(where.to_string(), error::host_not_found);
    }
    return found.begin()->endpoint();
}

}  // namespace

std::unique_ptr<datagram_channel> system_network::open_datagrams(const endpoint& local,
                                                                 const udp_options& options)
{
    const auto address = resolve_here(home_, local);
    const int family = address.protocol().family();
    datagram_socket socket(context_of(home_).get_executor());
    error_code failed = open(socket, family, options, address.address().is_unspecified());
    if (!failed && ::bind(socket.native_handle(), address.data(),
                          static_cast<socklen_t>(address.size())) != 0) {
        failed = last_error();
    }
    if (failed) {
        cannot_listen(local.to_string(), failed);
    }
    return std::make_unique<udp_channel>(home_, std::move(socket), family, options);
}

result<std::unique_ptr<datagram_channel>>
system_network::connect_datagrams(const socket_address& peer, const udp_options& options)
{
    const int family = peer.address.is_v6() ? AF_INET6 : AF_INET;
    datagram_socket socket(context_of(home_).get_executor());
    if (const error_code failed = open(socket, family, options, false)) {
        return failed;
    }
    system_address address{};
    const socklen_t size = write_address(peer, family, address);
    if (::connect(socket.native_handle(), &address.any, size) != 0) {
        return last_error();
    }
    return std::unique_ptr<datagram_channel>(
        std::make_unique<udp_channel>(home_, std::move(socket), family, options));
}

}  // namespace libnet::detail
