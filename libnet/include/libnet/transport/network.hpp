#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/socket_address.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/transport/endpoint.hpp>
#include <libnet/transport/listener.hpp>
#include <libnet/transport/socket_options.hpp>
#include <libnet/transport/stream.hpp>

#include <memory>
#include <string>
#include <vector>

namespace libnet {

class datagram_channel;
struct udp_options;

/// Where connections lead: to the operating system's sockets, or into a network that a test makes
/// up. connect(), tcp::, unix_domain:: and servers ask theirs for everything, so that a session, a
/// server or a client runs unchanged in either.
///
/// Of the three ways to name a peer it knows two apart: addresses, which resolve() finds for a name,
/// and paths of Unix sockets. What to do with several addresses is its user's business.
///
/// Threads  used on its loop's thread alone.
class LIBNET_ASIO_DECL network {
public:
    virtual ~network() = default;

    /// The addresses of a host, in the order in which they are to be tried; never none. A numeric
    /// host is its own, at once.
    ///
    /// Errors  host_not_found.
    /// Cancel  safe.
    virtual task<std::vector<socket_address>> resolve(endpoint where) = 0;

    /// Connects to this one address, and waits as long as that takes.
    ///
    /// Errors  connection_refused, ...; condition::option_refused.
    /// Cancel  safe.
    virtual task<std::unique_ptr<stream>> connect(socket_address to, socket_options options) = 0;

    /// Connects to a Unix socket; waits for a place in its server's backlog.
    ///
    /// Errors  no_such_file_or_directory, connection_refused, permission_denied, ...
    /// Cancel  safe.
    virtual task<std::unique_ptr<stream>> connect_path(std::string path,
                                                       socket_options options) = 0;

    /// Listens on HOST:PORT, or on a path.
    ///
    /// Throws boost::system::system_error whose text names the endpoint and what is wrong with it.
    virtual std::unique_ptr<listener> listen(const endpoint& where,
                                             const socket_options& options) = 0;

    /// Opens a socket for datagrams on HOST:PORT, whose name is looked up on the spot.
    ///
    /// Throws boost::system::system_error whose text names the endpoint and what is wrong with it;
    /// not_supported where there are none.
    virtual std::unique_ptr<datagram_channel> open_datagrams(const endpoint& local,
                                                             const udp_options& options);

    /// Opens one for a single peer: it hears of nobody else.
    ///
    /// Errors  condition::option_refused; network_unreachable, ...; not_supported.
    virtual result<std::unique_ptr<datagram_channel>> connect_datagrams(const socket_address& peer,
                                                                        const udp_options& options);
};

/// The network that loop::use_network() has put in place, else the system's.
LIBNET_ASIO_DECL network& network_of(loop& home);

namespace detail {

/// The network of the running task: one of its own, which it may have from whoever started it, else
/// its loop's.
LIBNET_ASIO_DECL network& network_of(const fiber& running);

}  // namespace detail
}  // namespace libnet
