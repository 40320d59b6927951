#pragma once

#include "client_socket.hpp"
#include "patience.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <sys/epoll.h>

namespace integration {

/// Clients that ask an echo server without a pause, one request at a time, and know of each request
/// when it was sent: so it can be said which one was lost. Plain sockets, on a thread of their own.
class restless_clients {
public:
    enum class habit {
        stay,         ///< ask over one connection until it ends, then over another
        come_and_go,  ///< a connection for each request
    };

    struct figures {
        std::uint64_t connections = 0;
        std::uint64_t replies = 0;
        std::uint64_t refused = 0;  ///< connecting failed
        std::uint64_t resets = 0;   ///< of connections
        std::uint64_t wrong = 0;    ///< replies that are none
        std::uint64_t lost = 0;     ///< without an answer, and sent before the last mark()
        std::uint64_t crossed = 0;  ///< without an answer, and sent later, so they met the goodbye
    };

    restless_clients(std::uint16_t port, std::size_t count, habit how) : port_(port), how_(how)
    {
        epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
        clients_.resize(count);
        for (client& c : clients_) {
            connect(c);
        }
        thread_ = std::thread([this] { run(); });
    }
    restless_clients(const restless_clients&) = delete;
    restless_clients& operator=(const restless_clients&) = delete;
    ~restless_clients()
    {
        (void)stop();
        ::close(epoll_);
    }

    /// Waits for so many replies from now on.
    bool answered(std::uint64_t more, std::chrono::milliseconds limit = patience) const
    {
        const std::uint64_t enough = replies_ + more;
        for (const auto end = clock::now() + limit; clock::now() < end;) {
            if (replies_ >= enough) {
                return true;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return false;
    }

    /// What was sent until now must be answered, whatever comes.
    void mark() { mark_ = clock::now().time_since_epoch().count(); }

    /// Whoever's connection ends stays away.
    void come_no_more() { come_again_ = false; }

    figures stop()
    {
        if (thread_.joinable()) {
            going_on_ = false;
            thread_.join();
            for (client& c : clients_) {
                leave(c);
            }
            total_.replies = replies_;
        }
        return total_;
    }

private:
    using clock = std::chrono::steady_clock;

    enum class state { away, connecting, asking };

    struct client {
        int socket = -1;
        state is = state::away;
        clock::time_point sent_at{};
        std::uint32_t number = 0;
        std::string expected{};
        std::string read{};
    };

    void run()
    {
        epoll_event events[256];
        while (going_on_) {
            const int count = ::epoll_wait(epoll_, events, 256, 10);
            for (int i = 0; i < count; ++i) {
                go_on(*static_cast<client*>(events[i].data.ptr));
            }
        }
    }

    void go_on(client& c)
    {
        if (c.is == state::connecting) {
            int failed = 0;
            socklen_t size = sizeof failed;
            ::getsockopt(c.socket, SOL_SOCKET, SO_ERROR, &failed, &size);
            if (failed != 0) {
                end(c, total_.refused);
                return;
            }
            ++total_.connections;
            epoll_event reading{EPOLLIN, {&c}};
            ::epoll_ctl(epoll_, EPOLL_CTL_MOD, c.socket, &reading);
            ask(c);
        } else if (c.is == state::asking) {
            listen(c);
        }
    }

    void ask(client& c)
    {
        c.is = state::asking;
        c.read.clear();
        c.expected = framed("request " + std::to_string(++c.number));
        const auto sent = ::send(c.socket, c.expected.data(), c.expected.size(), MSG_NOSIGNAL);
        c.sent_at = clock::now();
        if (sent != static_cast<ssize_t>(c.expected.size())) {
            c.sent_at = clock::time_point::max();  // it has ended, and nothing was sent
        }
    }

    void listen(client& c)
    {
        char room[256];
        const auto count = ::recv(c.socket, room, sizeof room, MSG_DONTWAIT);
        if (count < 0 && errno == EAGAIN) {
            return;
        }
        if (count <= 0) {
            const bool in_time = c.sent_at.time_since_epoch().count() < mark_;
            ++(in_time ? total_.lost : total_.crossed);
            total_.resets += count < 0 ? 1 : 0;
            leave(c);
            come_again(c);
            return;
        }
        c.read.append(room, static_cast<std::size_t>(count));
        if (c.read.size() < c.expected.size()) {
            return;
        }
        total_.wrong += c.read == c.expected ? 0 : 1;
        ++replies_;
        if (how_ == habit::come_and_go) {
            leave(c);
            come_again(c);
        } else {
            ask(c);
        }
    }

    void connect(client& c)
    {
        c.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const linger no_time_wait{1, 0};  // or the ports of this machine are soon used up
        if (how_ == habit::come_and_go) {
            ::setsockopt(c.socket, SOL_SOCKET, SO_LINGER, &no_time_wait, sizeof no_time_wait);
        }
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port_);
        c.is = state::connecting;
        if (::connect(c.socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
            errno != EINPROGRESS) {
            end(c, total_.refused);
            return;
        }
        epoll_event writing{EPOLLOUT, {&c}};
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, c.socket, &writing);
    }

    void end(client& c, std::uint64_t& counted)
    {
        ++counted;
        leave(c);
        if (come_again_ && counted < 1000) {
            connect(c);
        }
    }

    void come_again(client& c)
    {
        if (come_again_) {
            connect(c);
        }
    }

    void leave(client& c)
    {
        if (c.socket >= 0) {
            ::close(std::exchange(c.socket, -1));
        }
        c.is = state::away;
    }

    std::uint16_t port_;
    habit how_;
    int epoll_ = -1;
    std::vector<client> clients_;
    figures total_;  // the thread's, until it has ended
    std::atomic<std::uint64_t> replies_{0};
    std::atomic<clock::rep> mark_{0};
    std::atomic<bool> come_again_{true};
    std::atomic<bool> going_on_{true};
    std::thread thread_;
};

}  // namespace integration
