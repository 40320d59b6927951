#include "socket_file.hpp"
#include "last_error.hpp"

#include <boost/system/errc.hpp>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace libnet::detail {
namespace {

/// Keeps two servers that start at once from removing each other's files. Without the lock, where
/// the folder cannot be opened or somebody holds it for long, all goes on: it guards a moment.
class folder_lock {
public:
    explicit folder_lock(const std::string& path)
    {
        const std::size_t slash = path.rfind('/');
        const std::string folder =
            slash == std::string::npos ? "." : path.substr(0, slash == 0 ? 1 : slash);
        descriptor_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (int tries = 0; descriptor_ >= 0 && tries < 100; ++tries) {
            if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) {
                return;
            }
            ::usleep(1000);
        }
    }
    folder_lock(const folder_lock&) = delete;
    folder_lock& operator=(const folder_lock&) = delete;
    ~folder_lock()
    {
        if (descriptor_ >= 0) {
            ::close(descriptor_);
        }
    }

private:
    int descriptor_ = -1;
};

/// Whether a connection to it would be answered, now or when there is room in the backlog.
bool somebody_listens(const socket_endpoint& at)
{
    error_code failed;
    const int descriptor = open_socket(at.protocol(), false, failed);
    if (failed) {
        return true;  // cannot be known, so nothing is removed
    }
    const int connected = ::connect(descriptor, at.data(), static_cast<socklen_t>(at.size()));
    const bool refused = connected != 0 && errno == ECONNREFUSED;
    ::close(descriptor);
    return !refused;
}

}  // namespace

result<socket_endpoint> unix_address(std::string_view path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const bool abstract = path.starts_with('@');
    // A path needs the zero behind it, an abstract name the zero in front, in the place of the @.
    if (path.size() + (abstract ? 0 : 1) > sizeof address.sun_path) {
        return failed<socket_endpoint>(make_error_code(boost::system::errc::filename_too_long));
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    std::size_t size = offsetof(sockaddr_un, sun_path) + path.size();
    if (abstract) {
        address.sun_path[0] = '\0';
    } else {
        ++size;
    }
    return socket_endpoint(&address, size, 0);
}

error_code remove_stale_socket(const std::string& path)
{
    const folder_lock alone(path);
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
        return errno == ENOENT ? error_code() : last_error();
    }
    if (!S_ISSOCK(status.st_mode)) {
        return make_error_code(boost::system::errc::not_a_socket);
    }
    const auto address = unix_address(path);
    if (!address) {
        return address.error();
    }
    if (somebody_listens(*address)) {
        return make_error_code(boost::system::errc::address_in_use);
    }
    return ::unlink(path.c_str()) == 0 || errno == ENOENT ? error_code() : last_error();
}

socket_file::socket_file(std::string path) : path_(std::move(path))
{
    struct stat status {};
    if (::lstat(path_.c_str(), &status) == 0) {
        device_ = status.st_dev;
        inode_ = status.st_ino;
    }
}

void socket_file::remove() const noexcept
{
    struct stat status {};
    if (::lstat(path_.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) &&
        status.st_dev == device_ && status.st_ino == inode_) {
        ::unlink(path_.c_str());
    }
}

}  // namespace libnet::detail
