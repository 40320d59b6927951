#include <libnet/runtime/service_manager.hpp>
#include <libnet/runtime/timer.hpp>

#include <boost/system/errc.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace libnet {
namespace {

/// A socket without a name of its own, to somebody who has one.
class notify_socket {
public:
    notify_socket(const notify_socket&) = delete;
    notify_socket& operator=(const notify_socket&) = delete;
    explicit notify_socket(const std::string& name)
        : descriptor_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))
    {
        if ((name[0] != '/' && name[0] != '@') || name.size() >= sizeof to_.sun_path) {
            size_ = 0;  // a vsock of a virtual machine, say
            return;
        }
        to_.sun_family = AF_UNIX;
        std::memcpy(to_.sun_path, name.data(), name.size());
        size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        if (name[0] == '@') {
            to_.sun_path[0] = '\0';
        }
    }
    ~notify_socket()
    {
        if (descriptor_ >= 0) {
            ::close(descriptor_);
        }
    }

    result<> send(std::string_view message) const
    {
        if (size_ == 0) {
            return error::not_supported;
        }
        const auto* const address = reinterpret_cast<const sockaddr*>(&to_);
        if (::sendto(descriptor_, message.data(), message.size(), MSG_NOSIGNAL, address, size_) <
            0) {
            return error_code(errno, boost::system::system_category());
        }
        return {};
    }

private:
    int descriptor_;
    sockaddr_un to_{};
    socklen_t size_ = 0;
};

std::string take_variable(const char* name)
{
    const char* const value = std::getenv(name);
    std::string taken = value != nullptr ? value : "";
    ::unsetenv(name);
    return taken;
}

std::optional<std::int64_t> number(const std::string& text)
{
    std::int64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, failed] = std::from_chars(text.data(), end, value);
    return failed == std::errc() && rest == end && value > 0 ? std::optional(value) : std::nullopt;
}

}  // namespace

service_manager::service_manager(channel send, std::optional<duration> watchdog)
    : send_(std::move(send)), watchdog_(watchdog)
{
}

service_manager service_manager::from_environment()
{
    const std::string name = take_variable("NOTIFY_SOCKET");
    const auto interval = number(take_variable("WATCHDOG_USEC"));
    const std::string for_process = take_variable("WATCHDOG_PID");
    if (name.empty()) {
        return service_manager(nullptr);
    }
    auto socket = std::make_shared<const notify_socket>(name);
    const bool is_ours = for_process.empty() || number(for_process) == ::getpid();
    return service_manager([socket](std::string_view message) { return socket->send(message); },
                           interval && is_ours
                               ? std::optional<duration>(std::chrono::microseconds(*interval))
                               : std::nullopt);
}

result<> service_manager::tell(std::string message, std::string_view status) const
{
    if (!send_) {
        return {};
    }
    if (!status.empty()) {
        message += message.empty() ? "STATUS=" : "\nSTATUS=";
        const std::size_t begin = message.size();
        message += status;
        std::replace(message.begin() + static_cast<std::ptrdiff_t>(begin), message.end(), '\n',
                     ' ');
    }
    return send_(message);
}

result<> service_manager::ready(std::string_view status) const
{
    return tell("READY=1", status);
}

/// With the time, so that the manager knows this answer from one to an earlier request.
result<> service_manager::reloading() const
{
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto moment = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    return tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(moment), {});
}

result<> service_manager::stopping(std::string_view status) const
{
    return tell("STOPPING=1", status);
}

result<> service_manager::status(std::string_view status) const
{
    return tell({}, status);
}

task<> service_manager::feed_watchdog() const
{
    return [](service_manager own) -> task<> {  // the caller's may be gone before it ends
        if (!own || !own.watchdog_) {
            co_return;
        }
        for (;;) {
            (void)own.tell("WATCHDOG=1", {});
            co_await checked(sleep_for(*own.watchdog_ / 2));
        }
    }(*this);
}

}  // namespace libnet
