#include "inherited_listener.hpp"
#include "last_error.hpp"
#include "socket.hpp"
#include "socket_listener.hpp"

#include <libnet/asio/loop_of.hpp>
#include <libnet/transport/inherited.hpp>

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fcntl.h>
#include <mutex>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace libnet {
namespace {

using detail::socket_endpoint;

constexpr int first_inherited = 3;  // SD_LISTEN_FDS_START
constexpr std::int64_t most_inherited = 4096;

/// What the process has inherited, for as long as it lives.
struct inheritance {
    static inheritance& of_this_process()
    {
        static inheritance all;
        return all;
    }

    struct entry {
        inherited_socket socket;
        std::string local;
    };

    std::mutex mutex;
    std::vector<entry> entries;
};

std::optional<std::int64_t> number(std::string_view text)
{
    std::int64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, failed] = std::from_chars(text.data(), end, value);
    if (failed != std::errc() || rest != end || value < 0) {
        return std::nullopt;
    }
    return value;
}

std::string_view variable(const char* name)
{
    const char* const value = std::getenv(name);
    return value != nullptr ? value : "";
}

/// Nothing if it is no listening stream socket.
result<socket_endpoint> listening_address(int descriptor)
{
    int listens = 0;
    socklen_t length = sizeof listens;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0) {
        return detail::failed<socket_endpoint>(detail::last_error());
    }
    if (listens == 0) {
        return detail::failed<socket_endpoint>(
            make_error_code(boost::system::errc::invalid_argument));
    }
    return detail::local_endpoint_of(descriptor);
}

[[noreturn]] void cannot_inherit(const std::string& what, const error_code& why)
{
    throw boost::system::system_error(why, "cannot inherit " + what);
}

}  // namespace

void inherit(inherited_socket socket)
{
    const auto local = listening_address(socket.descriptor);
    if (!local) {
        cannot_inherit("descriptor " + std::to_string(socket.descriptor) + " (" + socket.name +
                           "): it is no listening socket",
                       local.error());
    }
    ::fcntl(socket.descriptor, F_SETFD, FD_CLOEXEC);
    inheritance& all = inheritance::of_this_process();
    const std::lock_guard lock(all.mutex);
    all.entries.push_back({std::move(socket), detail::to_text(*local)});
}

std::size_t inherit_from_environment()
{
    const auto found = detail::read_inherited(variable("LISTEN_PID"), variable("LISTEN_FDS"),
                                              variable("LISTEN_FDNAMES"), ::getpid());
    if (!found) {
        cannot_inherit("sockets: LISTEN_FDS=" + std::string(variable("LISTEN_FDS")) +
                           " LISTEN_FDNAMES=" + std::string(variable("LISTEN_FDNAMES")),
                       found.error());
    }
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
        ::unsetenv(name);
    }
    for (const inherited_socket& socket : *found) {
        inherit(socket);
    }
    return found->size();
}

std::vector<inherited_socket> inherited_sockets()
{
    inheritance& all = inheritance::of_this_process();
    const std::lock_guard lock(all.mutex);
    std::vector<inherited_socket> sockets;
    for (const auto& entry : all.entries) {
        sockets.push_back(entry.socket);
    }
    return sockets;
}

std::unique_ptr<listener> adopt_listener(loop& home, int descriptor, const socket_options& options)
{
    const auto local = listening_address(descriptor);
    if (!local) {
        throw boost::system::system_error(local.error(), "cannot listen on this descriptor");
    }
    detail::acceptor listening(context_of(home).get_executor());
    error_code failed;
    listening.assign(local->protocol(), descriptor, failed);
    if (!failed) {
        listening.non_blocking(true, failed);
    }
    if (failed) {
        error_code ignored;
        listening.release(ignored);
        throw boost::system::system_error(error_code(failed.value(), failed.category()),
                                          "cannot listen on this descriptor");
    }
    auto adopted = std::make_unique<detail::socket_listener>(home, std::move(listening), options);
    adopted->leave_to_others();
    return adopted;
}

namespace detail {

result<std::vector<inherited_socket>> read_inherited(std::string_view process,
                                                     std::string_view count, std::string_view names,
                                                     std::int64_t own)
{
    const error_code senseless = make_error_code(boost::system::errc::invalid_argument);
    std::vector<inherited_socket> sockets;
    if (process.empty() && count.empty()) {
        return sockets;
    }
    const auto for_process = number(process);
    if (!for_process) {
        return senseless;
    }
    if (*for_process != own) {
        return sockets;  // our parent's, say
    }
    const auto how_many = number(count);
    if (!how_many || *how_many > most_inherited) {
        return senseless;
    }
    for (int i = 0; i < *how_many; ++i) {
        sockets.push_back({"unknown", first_inherited + i});
    }
    std::size_t named = 0;
    for (std::string_view rest = names; !names.empty();) {
        const std::size_t colon = rest.find(':');
        if (named == sockets.size()) {
            return senseless;
        }
        sockets[named++].name = rest.substr(0, colon);
        if (colon == std::string_view::npos) {
            break;
        }
        rest.remove_prefix(colon + 1);
    }
    return sockets;
}

int duplicate_inherited(std::string_view local)
{
    inheritance& all = inheritance::of_this_process();
    const std::lock_guard lock(all.mutex);
    for (const auto& entry : all.entries) {
        if (entry.local == local) {
            return ::fcntl(entry.socket.descriptor, F_DUPFD_CLOEXEC, 0);
        }
    }
    return -1;
}

std::unique_ptr<listener> listen_on_inherited(loop& home, int descriptor,
                                              const socket_options& options)
{
    try {
        return adopt_listener(home, descriptor, options);
    } catch (...) {
        close_descriptor(descriptor);
        throw;
    }
}

}  // namespace detail
}  // namespace libnet
