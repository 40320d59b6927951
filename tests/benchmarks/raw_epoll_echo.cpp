/// The limit that libnet is held against: an echo of 4-byte length-prefixed messages written by
/// hand on epoll. Reads big, decodes in place, gathers replies, one write per read. No deadlines.
///
///     raw_epoll_echo [--release-buffers]     (of connections that have nothing to say)

#include "raw_socket.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t usual_room = 65536;

struct client {
    int descriptor = -1;
    std::vector<char> in;
    std::size_t received = 0;
    std::vector<char> out;
    std::size_t sent = 0;
};

/// False when the connection is done for.
bool flush(client& c)
{
    while (c.sent < c.out.size()) {
        const ssize_t n =
            ::send(c.descriptor, c.out.data() + c.sent, c.out.size() - c.sent, MSG_NOSIGNAL);
        if (n < 0) {
            return errno == EAGAIN;
        }
        c.sent += static_cast<std::size_t>(n);
    }
    c.out.clear();
    c.sent = 0;
    return true;
}

void echo_whole_frames(client& c)
{
    std::size_t at = 0;
    while (c.received - at >= 4) {
        std::uint32_t size;
        std::memcpy(&size, c.in.data() + at, 4);
        size = ntohl(size);
        if (c.received - at - 4 < size) {
            if (size + 4 > c.in.size()) {
                c.in.resize(size + 4);
            }
            break;
        }
        c.out.insert(c.out.end(), c.in.data() + at, c.in.data() + at + 4 + size);
        at += 4 + size;
    }
    std::memmove(c.in.data(), c.in.data() + at, c.received - at);
    c.received -= at;
}

/// One read a readiness, unless it filled the buffer. False at the end.
bool serve(client& c)
{
    if (c.in.empty()) {
        c.in.resize(usual_room);
    }
    for (;;) {
        const std::size_t room = c.in.size() - c.received;
        const ssize_t n = ::recv(c.descriptor, c.in.data() + c.received, room, 0);
        if (n <= 0) {
            return n < 0 && errno == EAGAIN;
        }
        c.received += static_cast<std::size_t>(n);
        echo_whole_frames(c);
        if (!flush(c)) {
            return false;
        }
        if (static_cast<std::size_t>(n) < room) {
            return true;
        }
    }
}

void accept_all(int polling, int listening)
{
    for (int accepted = 0; (accepted = bench::accept_from(listening)) >= 0;) {
        auto* c = new client;
        c->descriptor = accepted;
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.ptr = c;
        ::epoll_ctl(polling, EPOLL_CTL_ADD, accepted, &event);
    }
}

void release_buffers(client& c)
{
    if (c.received == 0 && c.out.empty()) {
        std::vector<char>().swap(c.in);
        std::vector<char>().swap(c.out);
    }
}

}  // namespace

int main(int count_of_arguments, char** arguments)
{
    const bool release =
        count_of_arguments > 1 && std::strcmp(arguments[1], "--release-buffers") == 0;
    const int listening = bench::listen_on_any_port();
    const int polling = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN;
    ::epoll_ctl(polling, EPOLL_CTL_ADD, listening, &event);
    for (;;) {
        epoll_event events[128];
        const int count = ::epoll_wait(polling, events, 128, -1);
        for (int i = 0; i < count; ++i) {
            if (events[i].data.ptr == nullptr) {
                accept_all(polling, listening);
                continue;
            }
            auto& c = *static_cast<client*>(events[i].data.ptr);
            bool alive = true;
            if ((events[i].events & EPOLLOUT) != 0 && !c.out.empty()) {
                alive = flush(c);
            }
            if (alive && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
                alive = serve(c);
            }
            if (!alive) {
                ::close(c.descriptor);
                delete &c;
            } else if (release) {
                release_buffers(c);
            }
        }
    }
}
