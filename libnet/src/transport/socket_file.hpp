#pragma once

#include "socket.hpp"

#include <string>
#include <string_view>

#include <sys/types.h>

namespace libnet::detail {

/// The address of a socket file or of an abstract name ("@name").
///
/// Errors  filename_too_long: the system has room for about 100 bytes.
result<socket_endpoint> unix_address(std::string_view path);

/// Removes the file at `path` if it is a socket that nobody listens on any more.
///
/// Errors  address_in_use: somebody does; not_a_socket: it is something else.
error_code remove_stale_socket(const std::string& path);

/// A socket file that was made by us, known by its inode: another server may have put its own in
/// the place.
class socket_file {
public:
    explicit socket_file(std::string path);

    /// Removes it, if it is still there.
    void remove() const noexcept;

private:
    std::string path_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace libnet::detail
