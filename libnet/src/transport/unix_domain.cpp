#include "connect_within.hpp"
#include "option_error.hpp"
#include "option_setting.hpp"
#include "peer_credentials.hpp"
#include "socket_file.hpp"
#include "socket_listener.hpp"
#include "socket_stream.hpp"

#include <libnet/asio.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/transport/unix_domain.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <utility>

namespace libnet {
namespace detail {
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

/// A full backlog shows as `would_block`, and nobody says when there is room: it is tried again,
/// soon at first.
task<std::unique_ptr<stream>> connect_to_path(std::string path, socket_options options)
{
    const auto address = unix_address(path);
    if (!address) {
        co_return address.error();
    }
    loop& home = co_await this_loop();
    error_code failed;
    const int descriptor = open_socket(address->protocol(), false, failed);
    if (failed) {
        co_return failed;
    }
    stream_socket socket(context_of(home).get_executor());
    failed = adopt(socket, address->protocol(), descriptor);
    if (!failed) {
        failed = apply_to_connection(descriptor, AF_UNIX, options);
    }
    if (failed) {
        co_return failed;
    }
    duration pause = std::chrono::milliseconds(1);
    while (::connect(descriptor, address->data(), static_cast<socklen_t>(address->size())) != 0) {
        const int why = errno;
        if (why != EAGAIN && why != EINTR) {
            co_return error_code(why, boost::system::system_category());
        }
        co_await checked(sleep_for(pause));
        pause = std::min<duration>(2 * pause, std::chrono::milliseconds(50));
    }
    const std::string server = to_text(*address);
    co_return std::make_unique<socket_stream>(home, std::move(socket), server, ip_address(),
                                              server + describe_this_process());
}

}  // namespace
}  // namespace detail

std::unique_ptr<listener> unix_domain::listen(loop& home, std::string_view path,
                                              const socket_options& options)
{
    detail::acceptor listening(context_of(home).get_executor());
    std::optional<detail::socket_file> file;
    const std::string place(path);
    if (const error_code failed = detail::bind_and_listen(listening, place, options, file)) {
        if (file) {
            file->remove();
        }
        detail::cannot_listen("unix:" + place, failed);
    }
    return std::make_unique<detail::socket_listener>(home, std::move(listening), options, [file] {
        if (file) {
            file->remove();
        }
    });
}

task<std::unique_ptr<stream>> unix_domain::connect(std::string path, socket_options options,
                                                   duration limit)
{
    return detail::connect_within(limit,
                                  detail::connect_to_path(std::move(path), std::move(options)));
}

}  // namespace libnet
