#include "descriptor_passing.hpp"
#include "last_error.hpp"

#include <libnet/core/error.hpp>

#include <boost/system/errc.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <sys/socket.h>
#include <sys/time.h>

namespace libnet::detail {
namespace {

/// Room for what the kernel puts beside the bytes.
union control_space {
    cmsghdr aligned;
    std::array<char, CMSG_SPACE(sizeof(int) * most_descriptors)> bytes;
};

/// A call that timed out says EAGAIN.
error_code failure_of_a_wait() noexcept
{
    return errno == EAGAIN ? make_error_code(boost::system::errc::timed_out) : last_error();
}

void take(msghdr& message, std::vector<int>& into)
{
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(part) + i * sizeof(int), sizeof descriptor);
            into.push_back(descriptor);
        }
    }
}

}  // namespace

error_code send_descriptors(int over, std::string_view line, std::span<const int> descriptors)
{
    if (descriptors.size() > most_descriptors) {
        return make_error_code(boost::system::errc::argument_list_too_long);
    }
    iovec text{const_cast<char*>(line.data()), line.size()};
    control_space control{};
    msghdr message{};
    message.msg_iov = &text;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
        message.msg_control = control.bytes.data();
        message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* const part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size_bytes());
    }
    const auto sent = ::sendmsg(over, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
        return failure_of_a_wait();
    }
    return static_cast<std::size_t>(sent) == line.size()
               ? error_code()
               : make_error_code(boost::system::errc::no_buffer_space);
}

result<std::string> receive_descriptors(int over, std::size_t longest,
                                        std::vector<int>& descriptors)
{
    std::string line;
    while (line.size() <= longest) {
        std::array<char, 512> some;
        iovec text{some.data(), some.size()};
        control_space control{};
        msghdr message{};
        message.msg_iov = &text;
        message.msg_iovlen = 1;
        message.msg_control = control.bytes.data();
        message.msg_controllen = control.bytes.size();
        const auto count = ::recvmsg(over, &message, MSG_CMSG_CLOEXEC);
        if (count < 0) {
            return failure_of_a_wait();
        }
        if (count == 0) {
            return error::closed;
        }
        take(message, descriptors);
        line.append(some.data(), static_cast<std::size_t>(count));
        if (const std::size_t end = line.find('\n'); end != std::string::npos) {
            line.resize(end);
            return line;
        }
    }
    return error::frame_too_large;
}

error_code bound_blocking(int socket, duration limit) noexcept
{
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(limit).count();
    const timeval bound{.tv_sec = static_cast<time_t>(micros / 1'000'000),
                        .tv_usec = static_cast<suseconds_t>(micros % 1'000'000)};
    for (const int direction : {SO_RCVTIMEO, SO_SNDTIMEO}) {
        if (::setsockopt(socket, SOL_SOCKET, direction, &bound, sizeof bound) != 0) {
            return failure_of_a_wait();
        }
    }
    return {};
}

}  // namespace libnet::detail
