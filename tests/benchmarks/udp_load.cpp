/// A closed-loop load for the UDP echo servers beside this file: each of `sockets` keeps `depth`
/// datagrams under way. What is lost is sent again after a pause. Prints the server's CPU time a
/// datagram, in nanoseconds, after a warm-up.
///
///     udp_load PORT SERVER_PID SOCKETS DEPTH SIZE SEGMENTS SECONDS
///
/// With SEGMENTS 1 each socket sends its datagrams as one and takes them as one (GSO, GRO).

#include "load.hpp"
#include "udp_socket_pair.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <vector>

namespace {

struct client {
    int descriptor;
    std::size_t to_send = 0;
    std::size_t under_way = 0;
};

std::string datagram;
std::string many;  // of them in a row
std::vector<char> incoming(1 << 16);
std::uint64_t echoed = 0;

int connect_datagrams(int port, bool segments)
{
    const int descriptor = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    const sockaddr_in address = bench::loopback(port);
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        bench::die("connect");
    }
    if (segments) {
        const int on = 1;
        const int size = static_cast<int>(datagram.size());
        ::setsockopt(descriptor, IPPROTO_UDP, bench::udp_gro, &on, sizeof on);
        ::setsockopt(descriptor, IPPROTO_UDP, bench::udp_segment, &size, sizeof size);
    }
    return descriptor;
}

void send_all(client& c, bool segments)
{
    while (c.to_send != 0) {
        const std::size_t count = segments ? std::min<std::size_t>(c.to_send, 64) : 1;
        if (::send(c.descriptor, many.data(), count * datagram.size(), MSG_DONTWAIT) < 0) {
            return;
        }
        c.to_send -= count;
        c.under_way += count;
    }
}

void receive_all(client& c)
{
    for (;;) {
        const ssize_t n = ::recv(c.descriptor, incoming.data(), incoming.size(), MSG_DONTWAIT);
        if (n < 0) {
            return;
        }
        const auto size = static_cast<std::size_t>(n);
        if (size % datagram.size() != 0 || std::memcmp(incoming.data(), many.data(), size) != 0) {
            std::fprintf(stderr, "an echo differs from what was sent\n");
            std::exit(1);
        }
        const std::size_t count = size / datagram.size();
        echoed += count;
        c.to_send += count;
        c.under_way -= std::min(c.under_way, count);
    }
}

}  // namespace

int main(int count, char** arguments)
{
    if (count != 8) {
        std::fprintf(stderr, "udp_load PORT SERVER_PID SOCKETS DEPTH SIZE SEGMENTS SECONDS\n");
        return 2;
    }
    const int port = std::atoi(arguments[1]);
    const auto sockets = static_cast<std::size_t>(std::atoi(arguments[3]));
    const auto depth = static_cast<std::size_t>(std::atoi(arguments[4]));
    const auto size = static_cast<std::size_t>(std::atoi(arguments[5]));
    const bool segments = std::atoi(arguments[6]) != 0;
    datagram.assign(size, 'x');
    for (int i = 0; i < 64; ++i) {
        many += datagram;
    }

    const int polling = ::epoll_create1(0);
    std::vector<client> clients;
    clients.reserve(sockets);
    for (std::size_t i = 0; i < sockets; ++i) {
        clients.push_back({.descriptor = connect_datagrams(port, segments), .to_send = depth});
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &clients.back();
        ::epoll_ctl(polling, EPOLL_CTL_ADD, clients.back().descriptor, &event);
        send_all(clients.back(), segments);
    }
    bench::measurement measured(arguments[2], std::atof(arguments[7]));
    while (measured.goes_on(echoed)) {
        epoll_event events[256];
        const int ready = ::epoll_wait(polling, events, 256, 20);
        for (int i = 0; i < ready; ++i) {
            auto& c = *static_cast<client*>(events[i].data.ptr);
            receive_all(c);
            send_all(c, segments);
        }
        if (ready == 0) {
            for (client& c : clients) {  // lost
                c.to_send += c.under_way;
                c.under_way = 0;
                send_all(c, segments);
            }
        }
    }
    measured.print(echoed, "datagram");
    return 0;
}
