/// The limit that libnet's UDP is held against: an echo written by hand on epoll, recvmmsg and
/// sendmmsg, 64 datagrams a call, answers from where they came in. With `--segments` GRO and GSO.

#include "udp_socket_pair.hpp"

#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <vector>

namespace {

constexpr unsigned places = 64;
constexpr std::size_t room = 65'536 + 192;

struct batch {
    mmsghdr headers[places];
    iovec pieces[places];
    sockaddr_in peers[places];
    alignas(cmsghdr) char controls[places][64];
    std::vector<char> memory = std::vector<char>(places * room);
};

void prepare(batch& b, unsigned i, bool segments)
{
    b.pieces[i] = {b.memory.data() + i * room, 65'507};
    msghdr& header = b.headers[i].msg_hdr;
    header = {};
    header.msg_name = &b.peers[i];
    header.msg_namelen = sizeof b.peers[i];
    header.msg_iov = &b.pieces[i];
    header.msg_iovlen = 1;
    if (segments) {
        header.msg_control = b.controls[i];
        header.msg_controllen = sizeof b.controls[i];
    }
}

/// What came as one goes back as one.
void turn_around(batch& b, unsigned i)
{
    msghdr& header = b.headers[i].msg_hdr;
    b.pieces[i].iov_len = b.headers[i].msg_len;
    cmsghdr* item = header.msg_controllen != 0 ? CMSG_FIRSTHDR(&header) : nullptr;
    if (item == nullptr) {
        header.msg_control = nullptr;
        header.msg_controllen = 0;
        return;
    }
    int size = 0;
    std::memcpy(&size, CMSG_DATA(item), sizeof size);
    const auto segment = static_cast<std::uint16_t>(size);
    item->cmsg_type = bench::udp_segment;
    item->cmsg_len = CMSG_LEN(sizeof segment);
    std::memcpy(CMSG_DATA(item), &segment, sizeof segment);
    header.msg_controllen = CMSG_SPACE(sizeof segment);
}

}  // namespace

int main(int count, char** arguments)
{
    const bool segments = count > 1 && std::strcmp(arguments[1], "--segments") == 0;
    const int descriptor = bench::open_on_any_port();
    if (segments) {
        const int on = 1;
        ::setsockopt(descriptor, IPPROTO_UDP, bench::udp_gro, &on, sizeof on);
    }
    const int polling = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN;
    ::epoll_ctl(polling, EPOLL_CTL_ADD, descriptor, &event);
    batch b;
    for (unsigned i = 0; i < places; ++i) {
        prepare(b, i, segments);
    }
    for (;;) {
        ::epoll_wait(polling, &event, 1, -1);
        const int received = ::recvmmsg(descriptor, b.headers, places, MSG_DONTWAIT, nullptr);
        const auto whole = static_cast<unsigned>(received > 0 ? received : 0);
        for (unsigned i = 0; i < whole; ++i) {
            turn_around(b, i);
        }
        for (unsigned sent = 0; sent < whole;) {
            const int n = ::sendmmsg(descriptor, b.headers + sent, whole - sent, 0);
            sent += n > 0 ? static_cast<unsigned>(n) : 1;
        }
        for (unsigned i = 0; i < whole; ++i) {
            prepare(b, i, segments);
        }
    }
}
