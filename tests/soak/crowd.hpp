#pragma once

#include "integration/support/client_socket.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

/// Thousands of clients, and the few among them that everybody should be like.
namespace soak {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;
using integration::client_socket;
using integration::framed;

/// One line of figures. They are what a run by hand is for.
template <class... Values>
void print(const char* format, Values... values)
{
    std::printf(format, values...);
    std::printf("\n");
    std::fflush(stdout);
}

inline double seconds(steady::duration d)
{
    return std::chrono::duration<double>(d).count();
}

inline double mebibytes(std::size_t bytes)
{
    return static_cast<double>(bytes) / (1024 * 1024);
}

/// As many sockets as are wanted, or as this process and those it starts may have.
inline std::size_t at_most(std::size_t wanted)
{
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return std::min<std::size_t>(wanted, limit.rlim_max - std::min<rlim_t>(limit.rlim_max, 200));
}

/// Waits for something to happen to any of many sockets.
class watcher {
public:
    watcher() : descriptor_(::epoll_create1(EPOLL_CLOEXEC)) {}
    watcher(const watcher&) = delete;
    watcher& operator=(const watcher&) = delete;
    ~watcher() { ::close(descriptor_); }

    void add(const client_socket& client, std::size_t number)
    {
        epoll_event event{};
        event.events = EPOLLIN | EPOLLRDHUP;
        event.data.u64 = number;
        ::epoll_ctl(descriptor_, EPOLL_CTL_ADD, client.descriptor(), &event);
    }

    /// Calls `happened(number)` for each of them.
    template <class Happened>
    void wait(std::chrono::milliseconds limit, Happened happened)
    {
        std::array<epoll_event, 512> events;
        const int count = ::epoll_wait(descriptor_, events.data(), static_cast<int>(events.size()),
                                       static_cast<int>(limit.count()));
        for (int i = 0; i < count; ++i) {
            happened(static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64));
        }
    }

private:
    int descriptor_;
};

/// Asks a server so often on a thread of its own, in turn as somebody known and as somebody new.
class honest_clients {
public:
    honest_clients(std::uint16_t port, int per_second)
        : pause_(1'000'000us / per_second), known_(port), thread_([this, port] { ask(port); })
    {
    }
    ~honest_clients() { stop(); }

    void stop()
    {
        stopping_ = true;
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    // After stop().
    std::size_t requests() const noexcept { return requests_; }
    std::size_t unanswered() const noexcept { return unanswered_; }
    double slowest_in_milliseconds() const { return seconds(slowest_) * 1000; }

private:
    void ask(std::uint16_t port)
    {
        for (auto next = steady::now(); !stopping_; next += pause_) {
            std::this_thread::sleep_until(next);
            const auto start = steady::now();
            const bool answered =
                ++requests_ % 2 != 0 ? integration::echoes(known_) : integration::echoes(port);
            unanswered_ += answered ? 0 : 1;
            slowest_ = std::max(slowest_, steady::now() - start);
        }
    }

    std::chrono::microseconds pause_;
    client_socket known_;
    std::size_t requests_ = 0;
    std::size_t unanswered_ = 0;
    steady::duration slowest_{};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace soak
