#include "peer_credentials.hpp"
#include "last_error.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>

namespace libnet {
namespace detail {
namespace {

bool is_unix_socket(int descriptor)
{
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    return ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
           address.ss_family == AF_UNIX;
}

std::string describe(const unix_domain::credentials& who)
{
    const std::string process =
        who.process != 0 ? "process " + std::to_string(who.process) + ", " : std::string();
    return " (" + process + "user " + std::to_string(who.user) + ')';
}

}  // namespace

result<unix_domain::credentials> read_credentials(int descriptor)
{
    if (!is_unix_socket(descriptor)) {
        return error::not_supported;
    }
#if defined(SO_PEERCRED)
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0) {
        return unix_domain::credentials{who.pid, who.uid, who.gid};
    }
#else
    uid_t user = 0;
    gid_t group = 0;
    if (::getpeereid(descriptor, &user, &group) == 0) {
        return unix_domain::credentials{0, user, group};
    }
#endif
    return last_error();
}

std::string describe_peer(int descriptor)
{
    const auto who = read_credentials(descriptor);
    return who ? describe(*who) : std::string();
}

std::string describe_this_process()
{
#if defined(SO_PEERCRED)
    const std::int64_t process = ::getpid();
#else
    const std::int64_t process = 0;
#endif
    return describe({process, ::geteuid(), ::getegid()});
}

}  // namespace detail

result<unix_domain::credentials> unix_domain::peer_credentials(const stream& s)
{
    return detail::read_credentials(s.native_handle());
}

}  // namespace libnet
