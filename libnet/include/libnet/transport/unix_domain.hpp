#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/time.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/transport/listener.hpp>
#include <libnet/transport/socket_options.hpp>
#include <libnet/transport/stream.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

/// Streams between programs of one machine. Servers and clients reach them with `unix:PATH` in the
/// place of HOST:PORT.
namespace libnet::unix_domain {

/// Listens on the socket file `path`, or on a name without a file, `@name` (Linux). The file is
/// removed when the listener closes, if it is still the same one.
///
/// A file that a server left behind when it died is replaced: nobody answers a connection to it. A
/// path on which somebody listens, and a file that is no socket, are errors.
///
/// Throws boost::system::system_error whose text names the path and what is wrong with it.
LIBNET_ASIO_DECL std::unique_ptr<listener> listen(loop& home, std::string_view path,
                                                  const socket_options& options = {});

/// Connects; waits for a place in the server's backlog within `limit`.
///
/// Errors   connect_timeout; no_such_file_or_directory, connection_refused, permission_denied, ...
/// Cancel   safe.
LIBNET_ASIO_DECL task<std::unique_ptr<stream>>
connect(std::string path, socket_options options = {}, duration limit = std::chrono::seconds(3));

/// Who the peer was when it connected, as the kernel vouches for it.
struct credentials {
    std::int64_t process = 0;  ///< 0 where the system does not say
    std::uint32_t user = 0;    ///< the effective one, as a number
    std::uint32_t group = 0;   ///< the effective one, as a number

    friend bool operator==(const credentials&, const credentials&) = default;
};

/// Errors   not_supported: this is no Unix socket.
LIBNET_ASIO_DECL result<credentials> peer_credentials(const stream& s);

}  // namespace libnet::unix_domain
