#include "system_network.hpp"

#include "option_error.hpp"
#include "option_setting.hpp"
#include "socket.hpp"
#include "stream_on_socket.hpp"

#include <libnet/asio.hpp>

#include <cerrno>
#include <memory>
#include <netinet/in.h>
#include <sys/socket.h>
#include <utility>

namespace libnet::detail {
namespace {

/// A port is chosen only when it connects, so that it may be one that leads elsewhere already.
error_code bind_to(stream_socket& socket, const socket_address& local)
{
#if defined(IP_BIND_ADDRESS_NO_PORT)
    if (local.port == 0) {
        const int on = 1;
        ::setsockopt(socket.native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    }
#endif
    const socket_endpoint address = endpoint_of(local);
    const int bound = ::bind(socket.native_handle(), address.data(),
                             static_cast<socklen_t>(address.size()));
    return bound == 0 ? error_code() : refused(socket_option::local_address, errno);
}

error_code prepare(stream_socket& socket, const stream_protocol& protocol,
                   const socket_options& options)
{
    error_code failed;
    const int descriptor = open_socket(protocol, options.multipath, failed);
    if (failed || (failed = adopt(socket, protocol, descriptor))) {
        return failed;
    }
    const int family = protocol.family();
    if ((failed = apply_before_bind(descriptor, family, options)) ||
        (failed = apply_before_connect(descriptor, family, options))) {
        return failed;
    }
    if (options.local_address && (failed = bind_to(socket, *options.local_address))) {
        return failed;
    }
    return apply_to_connection(descriptor, family, options);
}

}  // namespace

task<std::unique_ptr<stream>> system_network::connect(socket_address to, socket_options options)
{
    loop& home = home_;
    const socket_endpoint address = endpoint_of(to);
    stream_socket socket(context_of(home).get_executor());
    if (const error_code failed = prepare(socket, address.protocol(), options)) {
        co_return failed;
    }
    co_await checked(socket.async_connect(address, asio::deferred));
    if (const error_code failed =
            apply_when_connected(socket.native_handle(), address.protocol().family(), options)) {
        co_return failed;
    }
    owned_descriptor connected(socket.release());
    co_return stream_on_socket(home, address.protocol().family(), connected,
                               socket_names(address));
}

}  // namespace libnet::detail
