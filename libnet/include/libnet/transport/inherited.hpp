#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/transport/listener.hpp>
#include <libnet/transport/socket_options.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace libnet {

/// A listening socket that another process has opened.
struct inherited_socket {
    std::string name;  ///< its own, as `FileDescriptorName=` in a unit of systemd; "unknown": none
    int descriptor = -1;  ///< whoever takes it over closes it
};

/// Puts a listening socket where servers look before they open one. A server that is to listen on
/// HOST:PORT or on unix:PATH takes the socket that is bound there, if it is among these; so its
/// clients never meet a closed port while the process behind it changes.
///
///     inherit_from_environment();                        // systemd has opened it,
///     libnet::server server("127.0.0.1:9000", echo);     // and the server uses it
///
/// Several may listen on the same one. Such a listener is not the only owner: when it closes, clients
/// that have not been accepted stay where they are, and the file of a Unix socket remains.
///
/// Threads  any. The descriptor is the process's from now on.
LIBNET_ASIO_DECL void inherit(inherited_socket socket);

/// Does that with the sockets that systemd has opened for this process (socket activation,
/// sd_listen_fds(3)), and answers how many there are; 0 where LISTEN_PID names another process, or
/// nobody. They become close-on-exec, and the variables are taken out of the environment: they are not
/// for our children.
///
///     LISTEN_PID=4711  LISTEN_FDS=2  LISTEN_FDNAMES=echo:admin        descriptors 3 and 4
///
/// Throws   boost::system::system_error for variables that make no sense.
/// Threads  before there are others: it changes the environment.
LIBNET_ASIO_DECL std::size_t inherit_from_environment();

/// What has been inherited: for logs, and for handing it on. The descriptors are still the process's.
LIBNET_ASIO_DECL std::vector<inherited_socket> inherited_sockets();

/// A listener on a descriptor that listens already, for a server that is given its listener:
///
///     server admin(adopt_listener(home, descriptor), session);
///
/// Throws  boost::system::system_error for what is no listening stream socket, or what this loop cannot
///         wait for; it is still the caller's then.
LIBNET_ASIO_DECL std::unique_ptr<listener> adopt_listener(loop& home, int descriptor,
                                                          const socket_options& options = {});

namespace detail {

/// What the three variables say, for the process `own`. Nothing if they are for another.
///
/// Errors  invalid_argument: no numbers, or more names than sockets.
LIBNET_ASIO_DECL result<std::vector<inherited_socket>> read_inherited(std::string_view process,
                                                                      std::string_view count,
                                                                      std::string_view names,
                                                                      std::int64_t own);

}  // namespace detail
}  // namespace libnet
