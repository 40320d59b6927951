/// A closed-loop load for the echo servers beside this file: each connection keeps `depth` messages
/// under way, and compares what comes back. Prints the server's CPU time a message, in nanoseconds,
/// after a warm-up: user and system together, as the scheduler counted it.
///
///     echo_load PORT SERVER_PID CONNECTIONS DEPTH SIZE SECONDS

#include "load.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <sys/epoll.h>
#include <vector>

namespace {

struct client {
    int descriptor;
    std::size_t unsent = 0;    // bytes of whole messages that are still to be written
    std::size_t received = 0;  // bytes of the message that is coming in
};

std::string message;             // with its length in front
std::string stream_of_messages;  // many of them in a row, to write from any offset
std::vector<char> incoming(1 << 20);
std::uint64_t echoed = 0;

void write_some(client& c)
{
    while (c.unsent != 0) {
        const std::size_t at = (message.size() - c.unsent % message.size()) % message.size();
        const std::size_t part = std::min(c.unsent, stream_of_messages.size() - at);
        const ssize_t n =
            ::send(c.descriptor, stream_of_messages.data() + at, part, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            if (errno == EAGAIN) {
                return;
            }
            bench::die("send");
        }
        c.unsent -= static_cast<std::size_t>(n);
    }
}

/// For each whole echo that came back another message goes out. Edge-triggered: reads until a read
/// comes up short.
void read_some(client& c)
{
    for (;;) {
        const ssize_t n = ::recv(c.descriptor, incoming.data(), incoming.size(), MSG_DONTWAIT);
        if (n <= 0) {
            if (n < 0 && errno == EAGAIN) {
                return;
            }
            bench::die("the server closed the connection");
        }
        const auto count = static_cast<std::size_t>(n);
        if (std::memcmp(incoming.data(), stream_of_messages.data() + c.received, count) != 0) {
            std::fprintf(stderr, "an echo differs from what was sent\n");
            std::exit(1);
        }
        const std::size_t whole = (c.received + count) / message.size();
        c.received = (c.received + count) % message.size();
        c.unsent += whole * message.size();
        echoed += whole;
        if (count < incoming.size()) {
            return;
        }
    }
}

}  // namespace

int main(int count, char** arguments)
{
    if (count != 7) {
        std::fprintf(stderr, "echo_load PORT SERVER_PID CONNECTIONS DEPTH SIZE SECONDS\n");
        return 2;
    }
    const int port = std::atoi(arguments[1]);
    const auto connections = static_cast<std::size_t>(std::atoi(arguments[3]));
    const auto depth = static_cast<std::size_t>(std::atoi(arguments[4]));
    const auto size = static_cast<std::uint32_t>(std::atoi(arguments[5]));

    const std::uint32_t wire = htonl(size);
    message.append(reinterpret_cast<const char*>(&wire), 4);
    for (std::uint32_t i = 0; i < size; ++i) {
        message.push_back(static_cast<char>('a' + i % 26));
    }
    do {
        stream_of_messages += message;
    } while (stream_of_messages.size() < message.size() + incoming.size());

    const int polling = ::epoll_create1(0);
    std::vector<client> clients;
    clients.reserve(connections);
    for (std::size_t i = 0; i < connections; ++i) {
        clients.push_back({bench::connect_to(port)});
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.ptr = &clients.back();
        ::epoll_ctl(polling, EPOLL_CTL_ADD, clients.back().descriptor, &event);
    }
    for (client& c : clients) {
        c.unsent = depth * message.size();
        write_some(c);
    }

    bench::measurement measured(arguments[2], std::atof(arguments[6]));
    while (measured.goes_on(echoed)) {
        epoll_event events[256];
        const int ready = ::epoll_wait(polling, events, 256, 100);
        for (int i = 0; i < ready; ++i) {
            auto& c = *static_cast<client*>(events[i].data.ptr);
            if ((events[i].events & EPOLLIN) != 0) {
                read_some(c);
            }
            write_some(c);
        }
    }
    measured.print(echoed, "message");
    return 0;
}
