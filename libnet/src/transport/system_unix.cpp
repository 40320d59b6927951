#include "system_network.hpp"

#include "inherited_listener.hpp"
#include "option_error.hpp"
#include "option_setting.hpp"
#include "peer_credentials.hpp"
#include "socket_file.hpp"
#include "socket_listener.hpp"
#include "stream_on_socket.hpp"

#include <libnet/asio.hpp>
#include <libnet/runtime/timer.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <utility>

namespace libnet::detail {
namespace {

error_code set_permissions(const std::string& path, const socket_options& options)
{
    if (options.permissions &&
        ::chmod(path.c_str(), static_cast<mode_t>(*options.permissions)) != 0) {
        return refused(socket_option::permissions, errno);
    }
    return {};
}

/// The file is there from bind() on, but nobody can connect before listen().
error_code bind_and_listen(acceptor& listening, const std::string& path,
                           const socket_options& options, std::optional<socket_file>& file)
{
    const auto address = unix_address(path);
    if (!address) {
        return address.error();
    }
    const bool abstract = path.starts_with('@');
    error_code failed;
    if (!abstract && (failed = remove_stale_socket(path))) {
        return failed;
    }
    const stream_protocol protocol = address->protocol();
    const int descriptor = open_socket(protocol, false, failed);
    if (failed || (failed = adopt(listening, protocol, descriptor)) ||
        (failed = apply_before_listen(descriptor, AF_UNIX, options, false)) ||
        (failed = apply_to_connection(descriptor, AF_UNIX, options))) {
        return failed;
    }
    listening.bind(*address, failed);
    if (!failed && !abstract) {
        file.emplace(path);
        failed = set_permissions(path, options);
    }
    if (!failed) {
        listening.listen(options.backlog, failed);
    }
    return failed;
}

}  // namespace

/// A full backlog shows as `would_block`, and nobody says when there is room: it is tried again,
/// soon at first.
task<std::unique_ptr<stream>> system_network::connect_path(std::string path,
                                                           socket_options options)
{
    const auto address = unix_address(path);
    if (!address) {
        co_return address.error();
    }
    loop& home = home_;
    error_code failed;
    owned_descriptor socket(open_socket(address->protocol(), false, failed));
    if (!failed) {
        failed = apply_to_connection(socket.get(), AF_UNIX, options);
    }
    if (failed) {
        co_return failed;
    }
    duration pause = std::chrono::milliseconds(1);
    while (::connect(socket.get(), address->data(), static_cast<socklen_t>(address->size())) != 0) {
        const int why = errno;
        if (why != EAGAIN && why != EINTR) {
            co_return error_code(why, boost::system::system_category());
        }
        co_await checked(sleep_for(pause));
        pause = std::min<duration>(2 * pause, std::chrono::milliseconds(50));
    }
    const std::string server = to_text(*address);
    co_return stream_on_socket(
        home, AF_UNIX, socket,
        socket_names(server, ip_address(), server + describe_this_process()));
}

std::unique_ptr<listener> system_network::listen_on_path(const std::string& path,
                                                         const socket_options& options)
{
    if (const int inherited = duplicate_inherited("unix:" + path); inherited >= 0) {
        return listen_on_inherited(home_, inherited, options);
    }
    acceptor listening(context_of(home_).get_executor());
    std::optional<socket_file> file;
    if (const error_code failed = bind_and_listen(listening, path, options, file)) {
        if (file) {
            file->remove();
        }
        cannot_listen("unix:" + path, failed);
    }
    return std::make_unique<socket_listener>(home_, std::move(listening), options, [file] {
        if (file) {
            file->remove();
        }
    });
}

}  // namespace libnet::detail
