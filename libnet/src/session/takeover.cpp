#include "../transport/descriptor_passing.hpp"
#include "../transport/last_error.hpp"
#include "../transport/socket_file.hpp"

#include <libnet/framing/delimited.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/session/connection.hpp>
#include <libnet/session/takeover.hpp>
#include <libnet/transport/descriptor.hpp>
#include <libnet/transport/unix_domain.hpp>

#include <boost/system/errc.hpp>

#include <cerrno>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace libnet {
namespace {

constexpr duration time_to_ask = std::chrono::seconds(5);
constexpr duration time_to_start = std::chrono::seconds(60);  // from the sockets to "ready"
constexpr duration pause = std::chrono::milliseconds(100);    // after an accept() that failed
constexpr std::size_t longest_line = 16 * 1024;
constexpr char separator = '\t';  // addresses have colons

connection_options lines()
{
    connection_options options;
    options.framing = delimited("\n", {.max_frame = longest_line});
    options.close_timeout = std::chrono::milliseconds(500);
    return options;
}

std::string names_of(const std::vector<inherited_socket>& sockets)
{
    std::string names;
    for (const inherited_socket& socket : sockets) {
        names += (names.empty() ? "" : std::string(1, separator)) + socket.name;
    }
    return names;
}

task<> expect(connection& peer, std::string_view line, duration limit)
{
    const bytes got = co_await checked(within(limit, peer.receive()));
    if (as_text(got) != line) {
        co_await fail(error::malformed_frame);
    }
}

task<> hand_to(connection& successor, const std::vector<inherited_socket>& sockets)
{
    const auto who = unix_domain::peer_credentials(successor.transport());
    if (!who || (who->user != ::geteuid() && who->user != 0)) {
        co_await fail(make_error_code(boost::system::errc::permission_denied));
    }
    co_await checked(expect(successor, "take 1", time_to_ask));
    std::vector<int> descriptors;
    for (const inherited_socket& socket : sockets) {
        descriptors.push_back(socket.descriptor);
    }
    // Nothing else has been sent, so there is room for it.
    const error_code failed = detail::send_descriptors(
        successor.transport().native_handle(), "sockets " + names_of(sockets) + "\n", descriptors);
    if (failed) {
        co_await fail(failed);
    }
    co_await checked(expect(successor, "ready", time_to_start));
}

/// The names of "sockets 127.0.0.1:9000<tab>admin", one for each descriptor.
result<std::vector<inherited_socket>> with_names(std::string_view line,
                                                 const std::vector<int>& descriptors)
{
    constexpr std::string_view start = "sockets ";
    if (!line.starts_with(start)) {
        return error::malformed_frame;
    }
    line.remove_prefix(start.size());
    std::vector<inherited_socket> sockets;
    for (std::size_t i = 0; i < descriptors.size(); ++i) {
        const std::size_t end = line.find(separator);
        const bool is_last = i + 1 == descriptors.size();
        if (is_last != (end == std::string_view::npos)) {
            return error::malformed_frame;
        }
        sockets.push_back({std::string(line.substr(0, end)), descriptors[i]});
        line.remove_prefix(is_last ? line.size() : end + 1);
    }
    return line.empty() ? result<std::vector<inherited_socket>>(std::move(sockets))
                        : result<std::vector<inherited_socket>>(error::malformed_frame);
}

}  // namespace

task<> offer_sockets(std::string path, std::vector<inherited_socket> sockets)
{
    loop& home = co_await this_loop();
    socket_options only_ours;
    only_ours.permissions = 0600;
    const auto door = unix_domain::listen(home, path, only_ours);
    for (;;) {
        auto asking = co_await door->accept();
        if (!asking) {
            co_await checked(sleep_for(pause));  // without descriptors, or cancelled
            continue;
        }
        connection successor(std::move(*asking), lines());
        if (const auto taken = co_await hand_to(successor, sockets); taken) {
            door->close();
            (void)co_await successor.send("done");
            (void)co_await successor.close();
            co_return;
        }
        (void)co_await successor.close();
    }
}

takeover::takeover(takeover&& other) noexcept
    : sockets(std::exchange(other.sockets, {})), line_(std::exchange(other.line_, -1))
{
}

takeover& takeover::operator=(takeover&& other) noexcept
{
    std::swap(sockets, other.sockets);
    std::swap(line_, other.line_);
    return *this;
}

takeover::~takeover()
{
    for (const inherited_socket& socket : sockets) {
        ::close(socket.descriptor);
    }
    if (line_ >= 0) {
        ::close(line_);
    }
}

result<takeover> takeover::from(const std::string& path, duration limit)
{
    const auto address = detail::unix_address(path);
    if (!address) {
        return address.error();
    }
    takeover taken;
    taken.line_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (taken.line_ < 0) {
        return detail::last_error();
    }
    if (const error_code failed = detail::bound_blocking(taken.line_, limit)) {
        return failed;
    }
    if (::connect(taken.line_, address->data(), static_cast<socklen_t>(address->size())) != 0) {
        return detail::last_error();
    }
    constexpr std::string_view request = "take 1\n";
    if (::send(taken.line_, request.data(), request.size(), MSG_NOSIGNAL) < 0) {
        return detail::last_error();
    }
    std::vector<int> descriptors;
    const auto line = detail::receive_descriptors(taken.line_, longest_line, descriptors);
    auto named =
        line ? with_names(*line, descriptors) : result<std::vector<inherited_socket>>(line.error());
    if (!named) {
        for (const int descriptor : descriptors) {
            ::close(descriptor);
        }
        return named.error();
    }
    taken.sockets = std::move(*named);
    return taken;
}

task<> takeover::ready()
{
    loop& home = co_await this_loop();
    connection other(adopt_descriptor(home, line_), lines());
    line_ = -1;
    co_await checked(other.send("ready"));
    co_await checked(expect(other, "done", time_to_ask));
    (void)co_await other.close();
}

}  // namespace libnet
