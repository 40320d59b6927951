/// A closed-loop load for the echo servers beside this file: each connection keeps `depth` messages
/// under way, and compares what comes back. Prints the server's CPU time a message, in nanoseconds,
/// after a warm-up: user and system together, as the scheduler counted it.
///
///     echo_load PORT SERVER_PID CONNECTIONS DEPTH SIZE SECONDS

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using steady = std::chrono::steady_clock;

struct client {
    int descriptor;
    std::size_t unsent = 0;    // bytes of whole messages that are still to be written
    std::size_t received = 0;  // bytes of the message that is coming in
};

std::string message;             // with its length in front
std::string stream_of_messages;  // many of them in a row, to write from any offset
std::vector<char> incoming(1 << 20);
std::uint64_t echoed = 0;

[[noreturn]] void die(const char* what)
{
    std::perror(what);
    std::exit(1);
}

/// Nanoseconds on a CPU: the first number of schedstat.
std::uint64_t cpu_time_of(const std::string& process)
{
    std::FILE* file = std::fopen(("/proc/" + process + "/schedstat").c_str(), "r");
    unsigned long long spent = 0;
    if (file == nullptr || std::fscanf(file, "%llu", &spent) != 1) {
        die("schedstat");
    }
    std::fclose(file);
    return spent;
}

int connect_to(int port)
{
    const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        die("connect");
    }
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);  // the servers' too
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return descriptor;
}

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
            die("send");
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
            die("the server closed the connection");
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
    const std::string server = arguments[2];
    const auto connections = static_cast<std::size_t>(std::atoi(arguments[3]));
    const auto depth = static_cast<std::size_t>(std::atoi(arguments[4]));
    const auto size = static_cast<std::uint32_t>(std::atoi(arguments[5]));
    const double seconds = std::atof(arguments[6]);

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
        clients.push_back({connect_to(port)});
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.ptr = &clients.back();
        ::epoll_ctl(polling, EPOLL_CTL_ADD, clients.back().descriptor, &event);
    }
    for (client& c : clients) {
        c.unsent = depth * message.size();
        write_some(c);
    }

    const auto warm = steady::now() + std::chrono::duration<double>(seconds * 0.25);
    const auto end = steady::now() + std::chrono::duration<double>(seconds * 1.25);
    bool measuring = false;
    std::uint64_t cpu = 0;
    auto began = steady::now();
    for (;;) {
        epoll_event events[256];
        const int ready = ::epoll_wait(polling, events, 256, 100);
        for (int i = 0; i < ready; ++i) {
            auto& c = *static_cast<client*>(events[i].data.ptr);
            if ((events[i].events & EPOLLIN) != 0) {
                read_some(c);
            }
            write_some(c);
        }
        const auto now = steady::now();
        if (!measuring && now >= warm) {
            measuring = true;
            echoed = 0;
            cpu = cpu_time_of(server);
            began = now;
        } else if (measuring && now >= end) {
            break;
        }
    }
    cpu = cpu_time_of(server) - cpu;
    const double elapsed = std::chrono::duration<double>(steady::now() - began).count();
    std::printf("%.1f ns_cpu_per_message %.0f messages_per_second %llu messages\n",
                static_cast<double>(cpu) / static_cast<double>(echoed),
                static_cast<double>(echoed) / elapsed, static_cast<unsigned long long>(echoed));
    return 0;
}
