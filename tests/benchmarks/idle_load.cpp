/// Many connections that are idle but for heartbeats: each echoes one message, and then answers
/// what the server asks (an empty message) and nothing else. Prints "open" when all have echoed, and
/// holds them until its input ends; it fails if one of them ends before that.
///
///     idle_load PORT CONNECTIONS

#include "load.hpp"

#include <array>
#include <cstring>
#include <string>
#include <sys/epoll.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t size_of_length = 4;

/// An address has fewer than 30,000 ports to come from, so they come from ten.
in_addr_t address_of(std::size_t number)
{
    return INADDR_LOOPBACK + 1 + static_cast<in_addr_t>(number % 10);
}

void echo_once(int descriptor)
{
    static const std::string message = std::string("\0\0\0\x40", 4) + std::string(64, 'm');
    std::array<char, 128> answer{};
    if (::send(descriptor, message.data(), message.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(message.size()) ||
        ::recv(descriptor, answer.data(), message.size(), MSG_WAITALL) !=
            static_cast<ssize_t>(message.size()) ||
        std::memcmp(answer.data(), message.data(), message.size()) != 0) {
        bench::die("an echo");
    }
}

/// Empty messages are answered by as many.
void answer_heartbeats(int descriptor)
{
    std::array<char, 256> asked{};
    const ssize_t size = ::recv(descriptor, asked.data(), asked.size(), MSG_DONTWAIT);
    if (size <= 0 || static_cast<std::size_t>(size) % size_of_length != 0) {
        std::fprintf(stderr, "a connection has ended, or says what nobody asked for\n");
        std::exit(1);
    }
    const std::array<char, 256> answer{};
    if (::send(descriptor, answer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL) != size) {
        bench::die("answering a heartbeat");
    }
}

void watch(int polling, int descriptor)
{
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    if (::epoll_ctl(polling, EPOLL_CTL_ADD, descriptor, &event) != 0) {
        bench::die("epoll_ctl");
    }
}

}  // namespace

int main(int count, char** arguments)
{
    if (count != 3) {
        std::fprintf(stderr, "idle_load PORT CONNECTIONS\n");
        return 2;
    }
    const int port = std::atoi(arguments[1]);
    const auto connections = static_cast<std::size_t>(std::atol(arguments[2]));
    const int polling = ::epoll_create1(EPOLL_CLOEXEC);
    for (std::size_t i = 0; i < connections; ++i) {
        const int descriptor = bench::connect_to(port, address_of(i));
        echo_once(descriptor);
        watch(polling, descriptor);
    }
    watch(polling, STDIN_FILENO);
    std::printf("open\n");
    std::fflush(stdout);
    for (;;) {
        std::array<epoll_event, 256> events;
        const int ready = ::epoll_wait(polling, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < ready; ++i) {
            const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
            if (descriptor == STDIN_FILENO) {
                return 0;
            }
            answer_heartbeats(descriptor);
        }
    }
}
