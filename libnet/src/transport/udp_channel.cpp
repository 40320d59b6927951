#include "udp_channel.hpp"
#include "last_error.hpp"

#include "../runtime/begin_on.hpp"
#include "socket.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <net/if.h>

#if defined(__linux__)
#include <linux/sock_diag.h>
#endif

namespace libnet::detail {

namespace asio = boost::asio;

namespace {

/// One for all sockets that receive on a thread, one for all that send.
udp_messages& messages_received()
{
    thread_local udp_messages messages;
    return messages;
}

udp_messages& messages_sent()
{
    thread_local udp_messages messages;
    return messages;
}

/// Nothing now, perhaps later.
bool would_block(int said) noexcept
{
    return said == EAGAIN || said == EINTR;
}

/// What the system says if it cannot cut datagrams of this size: larger than what the way carries, or
/// nobody to calculate their checksums.
bool refuses_segments(int said) noexcept
{
    return said == EINVAL || said == EIO || said == EMSGSIZE;
}

constexpr std::size_t no_segments = 0;
constexpr std::size_t any_segments = 65'507;

}  // namespace

struct udp_channel::wait_handler {
    using allocator_type = operation_allocator<std::byte>;
    allocator_type get_allocator() const noexcept { return allocator_type(*memory); }

    void operator()(const error_code& failed)
    {
        const loop::turn this_turn(*home);
        const error_code why =
            failed == asio::error::operation_aborted ? make_error_code(error::cancelled) : failed;
        (events.operator->()->*tell)(why, 0);
    }

    events_reference events;
    operation_memory* memory;
    loop* home;
    void (stream_events::*tell)(const error_code&, std::size_t);
};

udp_channel::udp_channel(loop& home, datagram_socket socket, int family, const udp_options& options)
    : resident_(home),
      socket_(std::move(socket)),
      family_(family),
      most_(options.segmentation ? any_segments : options.max_datagram),
      largest_segment_(options.segmentation ? any_segments : no_segments)
{
}

result<std::size_t> udp_channel::receive(std::span<received_datagrams> into)
{
    udp_messages& messages = messages_received();
    const auto headers = messages.prepare_receiving(into, most_);
    const int count =
        ::recvmmsg(native_handle(), headers.data(), static_cast<unsigned>(headers.size()),
                   MSG_DONTWAIT | MSG_TRUNC, nullptr);
    if (count < 0) {
        return would_block(errno) ? result<std::size_t>(0U) : result<std::size_t>(last_error());
    }
    messages.read_received(into, static_cast<std::size_t>(count), dropped_);
    return static_cast<std::size_t>(count);
}

result<std::size_t> udp_channel::send(std::span<queued_datagrams> batch)
{
    const auto headers = messages_sent().prepare_sending(batch, family_);
    const int count =
        ::sendmmsg(native_handle(), headers.data(), static_cast<unsigned>(headers.size()),
                   MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) {
        return static_cast<std::size_t>(count);
    }
    if (would_block(errno)) {
        return std::size_t{0};
    }
    queued_datagrams& first = batch.front();
    if (first.segment != 0 && first.payload.size() > first.segment && refuses_segments(errno)) {
        largest_segment_ = std::min(largest_segment_, first.segment - 1);
        const auto all = send_one_by_one(first);
        return all ? result<std::size_t>(*all ? 1U : 0U) : result<std::size_t>(all.error());
    }
    return last_error();
}

/// False if the system took only some of them, or none.
result<bool> udp_channel::send_one_by_one(queued_datagrams& several)
{
    for (bytes rest = several.payload; !rest.empty();) {
        queued_datagrams one = several;
        one.payload = rest.first(std::min(several.segment, rest.size()));
        const auto header = messages_sent().prepare_sending(std::span(&one, 1), family_);
        if (::sendmsg(native_handle(), &header.front().msg_hdr, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            several.payload = rest;
            return would_block(errno) ? result<bool>(boost::system::in_place_value, false)
                                      : failed<bool>(last_error());
        }
        rest = rest.subspan(one.payload.size());
    }
    return result<bool>(boost::system::in_place_value, true);
}

void udp_channel::wait_readable(stream_events& events)
{
    wait_handler handler{events_reference(events), &reading_, &home(), &stream_events::on_read};
    begin_on(home(), std::move(handler), [&](auto bound) {
        socket_->async_wait(datagram_socket::wait_read, std::move(bound));
    });
}

void udp_channel::wait_writable(stream_events& events)
{
    wait_handler handler{events_reference(events), &writing_, &home(), &stream_events::on_write};
    begin_on(home(), std::move(handler), [&](auto bound) {
        socket_->async_wait(datagram_socket::wait_write, std::move(bound));
    });
}

void udp_channel::cancel_waits() noexcept
{
    if (socket_) {
        error_code ignored;
        socket_->cancel(ignored);
    }
}

std::optional<datagram_error> udp_channel::take_error()
{
#if defined(__linux__)
    for (;;) {
        system_address peer{};
        std::byte beginning[64];
        alignas(cmsghdr) std::byte control[256];
        iovec piece{beginning, sizeof beginning};
        msghdr message{};
        message.msg_name = &peer;
        message.msg_namelen = sizeof peer;
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        if (::recvmsg(native_handle(), &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
            return std::nullopt;
        }
        datagram_error told;
        if (read_error(message, told)) {
            told.peer = read_address(peer);
            return told;
        }
    }
#else
    return std::nullopt;
#endif
}

error_code udp_channel::join(const ip_address& group, std::string_view interface)
{
    return change_membership(group, interface, IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP);
}

error_code udp_channel::leave(const ip_address& group, std::string_view interface)
{
    return change_membership(group, interface, IP_DROP_MEMBERSHIP, IPV6_LEAVE_GROUP);
}

error_code udp_channel::change_membership(const ip_address& group, std::string_view interface,
                                          int v4_option, int v6_option) noexcept
{
    unsigned index = 0;
    if (!interface.empty()) {
        char name[IF_NAMESIZE] = {};
        interface.copy(name, sizeof name - 1);
        index = ::if_nametoindex(name);
        if (index == 0) {
            return last_error();
        }
    }
    int failed = 0;
    if (group.is_v4()) {
        ip_mreqn request{};
        std::memcpy(&request.imr_multiaddr, group.octets().data(), 4);
        request.imr_ifindex = static_cast<int>(index);
        failed = ::setsockopt(native_handle(), IPPROTO_IP, v4_option, &request, sizeof request);
    } else if (group.is_v6()) {
        ipv6_mreq request{};
        std::memcpy(&request.ipv6mr_multiaddr, group.octets().data(), 16);
        request.ipv6mr_interface = index;
        failed = ::setsockopt(native_handle(), IPPROTO_IPV6, v6_option, &request, sizeof request);
    } else {
        return {EINVAL, boost::system::system_category()};
    }
    return failed != 0 ? last_error() : error_code();
}

/// With the last datagram the system tells how many were dropped before it; this is as of now.
std::uint64_t udp_channel::dropped() const noexcept
{
#if defined(__linux__)
    std::uint32_t figures[SK_MEMINFO_VARS] = {};
    socklen_t size = sizeof figures;
    if (::getsockopt(native_handle(), SOL_SOCKET, SO_MEMINFO, figures, &size) == 0 &&
        size > SK_MEMINFO_DROPS * sizeof figures[0]) {
        return dropped_ + static_cast<std::uint32_t>(figures[SK_MEMINFO_DROPS] -
                                                     static_cast<std::uint32_t>(dropped_));
    }
#endif
    return dropped_;
}

socket_address udp_channel::local() const
{
    system_address address{};
    socklen_t size = sizeof address;
    ::getsockname(native_handle(), &address.any, &size);
    return read_address(address);
}

void udp_channel::close() noexcept
{
    dropped_ = dropped();
    socket_.reset();
    if (home().shutting_down()) {
        resident_.leave();
    }
}

int udp_channel::native_handle() const noexcept
{
    return socket_ ? static_cast<int>(socket_->native_handle()) : -1;
}

}  // namespace libnet::detail
