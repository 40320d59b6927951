#pragma once

#include <libnet/core/result.hpp>
#include <libnet/transport/socket_options.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <string>

namespace libnet::detail {

using io_executor = boost::asio::io_context::executor_type;
using tcp_protocol = boost::asio::ip::tcp;
using tcp_socket = boost::asio::basic_stream_socket<tcp_protocol, io_executor>;

/// "127.0.0.1:9000", "[::1]:9000"
std::string to_text(const tcp_protocol::endpoint& e);

/// Opens a socket, close-on-exec and non-blocking from its first moment. -1 on failure.
int open_tcp(const tcp_protocol& protocol, error_code& failed);

/// Options of listening sockets, and those of each connection. A refusal says which and why.
error_code apply_before_listen(int descriptor, const tcp_protocol& protocol,
                               const socket_options& options, bool explicit_address);
error_code apply_to_connection(int descriptor, const socket_options& options);

}  // namespace libnet::detail
