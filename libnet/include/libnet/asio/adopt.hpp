#pragma once

#include <libnet/asio/loop_of.hpp>
#include <libnet/asio/spawn.hpp>
#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/session/connection.hpp>
#include <libnet/session/release.hpp>
#include <libnet/transport/owned_descriptor.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

/// Sockets that cross the bridge, both ways: an Asio socket becomes a connection, and a connection a
/// socket. Takes every `basic_stream_socket` of TCP and of Unix sockets, whatever its executor; what
/// `beast::tcp_stream` holds comes by its release_socket().
///
/// Where a connection lives, its socket says: on a socket's strand, in a context that any number of
/// threads may run; else in the context, which one thread must run then.
namespace libnet {

namespace detail {

LIBNET_ASIO_DECL connection adopt(loop& home, owned_descriptor socket, connection_options options,
                                  bytes received);
LIBNET_ASIO_DECL task<> serve_adopted(owned_descriptor socket,
                                      std::function<task<>(connection&)> session,
                                      connection_options options);
LIBNET_ASIO_DECL int family_of(int descriptor);

/// Throws for a socket that is not open. What is under way on an open one ends with
/// operation_aborted.
template <class Protocol, class Executor>
owned_descriptor descriptor_of(asio::basic_stream_socket<Protocol, Executor>& socket)
{
    if (!socket.is_open()) {
        throw boost::system::system_error(asio::error::bad_descriptor, "libnet::adopt");
    }
    return owned_descriptor(static_cast<int>(socket.release()));
}

/// The protocol of a socket: TCP over which version of IP, for one.
template <class Protocol>
Protocol protocol_of(int descriptor)
{
    if constexpr (requires { Protocol::v6(); }) {
        return family_of(descriptor) == Protocol::v6().family() ? Protocol::v6() : Protocol::v4();
    } else {
        return Protocol();
    }
}

}  // namespace detail

/// Makes a connection of a connected socket, on the socket's executor:
///
///     connection peer = libnet::adopt(std::move(socket));
///
/// `received`: what was read from the socket already, of a Beast buffer, say; it is copied. Of the
/// socket's options TCP_NODELAY is set, others stay.
///
/// Throws  boost::system::system_error for a socket that is not connected; std::invalid_argument and
///         std::logic_error as loop_of(): on a strand's socket it is called on the strand.
template <class Protocol, class Executor>
connection adopt(asio::basic_stream_socket<Protocol, Executor> socket,
                 connection_options options = {}, bytes received = {})
{
    loop& home = loop_of(asio::any_io_executor(socket.get_executor()));
    return detail::adopt(home, detail::descriptor_of(socket), std::move(options), received);
}

/// The same socket on another executor: `move_to(asio::make_strand(context), std::move(socket))`.
template <class NewExecutor, class Protocol, class Executor>
asio::basic_stream_socket<Protocol, NewExecutor>
move_to(const NewExecutor& executor, asio::basic_stream_socket<Protocol, Executor> socket)
{
    const Protocol protocol = detail::protocol_of<Protocol>(socket.native_handle());
    return asio::basic_stream_socket<Protocol, NewExecutor>(executor, protocol, socket.release());
}

/// Runs a session over a connected socket, where the socket lives; from any thread. When the session
/// has ended the connection is closed, as a server's. Completes as spawn(): with what the session
/// threw, or how it ended. A timeout for the first frame and for idleness that is not set is that of a
/// server.
///
///     acceptor.async_accept(asio::make_strand(context), [](error_code failed, auto socket) {
///         if (!failed) {
///             libnet::serve(std::move(socket), echo,
///                           [](std::exception_ptr thrown, result<> ended) {
///                               if (thrown || !ended) { ... }
///                           });
///         }
///     });
///
/// `asio::detached` in place of the handler would swallow what the session threw.
///
/// Throws  as adopt(), but for a strand on which it is not called.
template <class Protocol, class Executor, class Token>
auto serve(asio::basic_stream_socket<Protocol, Executor> socket,
           std::function<task<>(connection&)> session, connection_options options, Token&& token)
{
    const asio::any_io_executor where = socket.get_executor();
    return spawn(where,
                 detail::serve_adopted(detail::descriptor_of(socket), std::move(session),
                                       std::move(options)),
                 std::forward<Token>(token));
}
template <class Protocol, class Executor, class Token>
auto serve(asio::basic_stream_socket<Protocol, Executor> socket,
           std::function<task<>(connection&)> session, Token&& token)
{
    return serve(std::move(socket), std::move(session), connection_options(),
                 std::forward<Token>(token));
}

/// A socket that was a connection's.
template <class Socket>
struct released_socket {
    Socket socket;  ///< where the connection lived

    /// Received and not handed out: it comes before what the socket will read.
    std::vector<std::byte> received;
};

/// Gives the socket back:
///
///     auto back = co_await checked(libnet::release_socket<asio::ip::tcp::socket>(peer));
///
/// What was accepted leaves first. The socket lives where the connection did.
///
/// Errors   not_supported: this connection stands on no socket of its own, as under TLS; it goes on.
///          Those of release().
/// Cancel   safe: it is still a connection then.
template <class Socket>
task<released_socket<Socket>> release_socket(connection& peer)
{
    auto released = co_await checked(detail::release_descriptor(peer));
    detail::owned_descriptor descriptor(released.descriptor);
    Socket socket(executor_of(peer.home()),
                  detail::protocol_of<typename Socket::protocol_type>(descriptor.get()),
                  descriptor.get());
    descriptor.taken();
    released_socket<Socket> back{std::move(socket), std::move(released.received)};
    co_return std::move(back);
}

}  // namespace libnet
