#pragma once

#include <libnet/core/result.hpp>
#include <libnet/core/socket_address.hpp>
#include <libnet/transport/socket_options.hpp>
#include <libnet/transport/stream.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

#include <string>

namespace libnet::detail {

// One type for every family: what differs between TCP and a Unix socket is said once, when the
// socket is made.
using io_executor = boost::asio::io_context::executor_type;
using stream_protocol = boost::asio::generic::stream_protocol;
using stream_socket = boost::asio::basic_stream_socket<stream_protocol, io_executor>;
using socket_endpoint = stream_protocol::endpoint;

/// "127.0.0.1:9000", "[::1]:9000", "unix:/run/service.sock", "unix:@abstract"; "unix:" for an end
/// without a name.
std::string to_text(const socket_endpoint& e);

/// Its address without the port; none for a Unix socket.
ip_address address_of(const socket_endpoint& e) noexcept;

/// The same with the port.
socket_address address_and_port(const socket_endpoint& e) noexcept;

/// The other way.
socket_endpoint endpoint_of(const socket_address& address);

/// What the kernel calls the two ends of a socket.
result<socket_endpoint> local_endpoint_of(int descriptor);
result<socket_endpoint> peer_endpoint_of(int descriptor);

/// Opens a socket, close-on-exec and non-blocking from its first moment. -1 on failure. Multipath
/// TCP, if it is asked for and the kernel has it.
int open_socket(const stream_protocol& protocol, bool multipath, error_code& failed);

void close_descriptor(int descriptor) noexcept;

/// What a stream says of its socket: what reading would meet, and how many bytes have come.
stream::outlook outlook_of(int descriptor) noexcept;
std::size_t arrived_at(int descriptor) noexcept;

/// Gives a descriptor to an Asio socket or acceptor; closes it if that fails.
template <class Socket>
error_code adopt(Socket& socket, const stream_protocol& protocol, int descriptor)
{
    error_code failed;
    socket.assign(protocol, descriptor, failed);
    if (failed) {
        close_descriptor(descriptor);
    }
    return failed;
}

}  // namespace libnet::detail
