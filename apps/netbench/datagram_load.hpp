#pragma once

#include "messages.hpp"
#include "pace.hpp"
#include "plan.hpp"
#include "recorder.hpp"
#include "time_queue.hpp"

#include <libnet/libnet.hpp>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace netbench {

/// One UDP socket that is connected to an echo server, with datagrams under way. Each says which it
/// is, since they may get lost, or come back twice or in another order:
///
///     0        4        8             size
///     +--------+--------+-------------+
///     |  slot  | number |   letters   |
///     +--------+--------+-------------+
class datagram_load {
public:
    using clock = std::chrono::steady_clock;

    static constexpr std::size_t smallest = 16;
    static constexpr std::size_t largest = 65'000;

    datagram_load(const plan& p, const messages& sent, recorder& seen)
        : plan_(p), sent_(sent), seen_(seen)
    {
    }

    libnet::task<> connect()
    {
        const auto began = clock::now();
        libnet::udp_options options;
        options.on_error = [this](const libnet::datagram_error& e) {
            seen_.failed("sending: " + e.why.message());
        };
        auto socket = co_await libnet::udp_socket::connect(plan_.connect, options);
        if (!socket) {
            co_await checked(libnet::yield());
            seen_.failed("connecting: " + socket.error().message());
            co_return;
        }
        seen_.connected(clock::now() - began);
        socket_.emplace(std::move(*socket));
    }

    /// Until it is cancelled.
    libnet::task<> run()
    {
        while (!socket_) {
            co_await checked(libnet::sleep_for(std::chrono::milliseconds(100)));
            co_await checked(connect());
        }
        for (std::size_t i = 0; !plan_.is_open_loop() && i < plan_.most_under_way(); ++i) {
            send(clock::now());
        }
        for (;;) {
            const auto received = co_await checked(socket_->receive());
            const auto now = clock::now();
            if (take(received.payload(), now)) {
                send_more(now);
            }
        }
    }

    /// Open loop: another datagram should leave now, or should have left at `when`. What has waited for
    /// longer than an echo may take is lost.
    void due(libnet::time_point when)
    {
        for (; !due_.empty() && when - due_.front() > plan_.timeout; due_.pop()) {
            seen_.lost();
        }
        due_.push(when);
        send_more(when);
    }

    /// Gives up what has been under way for too long.
    void look_at_the_time(libnet::time_point now)
    {
        for (std::uint32_t i = 0; i < slots_.size(); ++i) {
            if (slots_[i].used && now - slots_[i].began > plan_.timeout) {
                seen_.lost();
                release(i);
                send_more(now);
            }
        }
    }

private:
    /// A datagram that is under way.
    struct slot {
        libnet::time_point began;
        std::uint32_t number = 0;  // of the datagrams that were in this slot
        bool used = false;
    };

    void send_more(libnet::time_point now)
    {
        if (!plan_.is_open_loop()) {
            send(now);
        }
        while (socket_ && !due_.empty() && under_way_ < plan_.most_under_way()) {
            send(due_.front());
            due_.pop();
        }
    }

    void send(libnet::time_point began)
    {
        const std::uint32_t at = free_slot();
        slot& s = slots_[at];
        s.began = began;
        s.used = true;
        ++under_way_;
        datagram_.assign(sent_[at + s.number]);
        std::memcpy(datagram_.data(), &at, 4);
        std::memcpy(datagram_.data() + 4, &s.number, 4);
        (void)socket_->send(datagram_);  // one that finds no room is lost, as if it had been sent
    }

    bool take(libnet::bytes received, libnet::time_point now)
    {
        std::uint32_t at = 0;
        std::uint32_t number = 0;
        if (received.size() != plan_.size) {
            seen_.wrong();
            return false;
        }
        std::memcpy(&at, received.data(), 4);
        std::memcpy(&number, received.data() + 4, 4);
        if (at >= slots_.size() || !slots_[at].used || slots_[at].number != number) {
            seen_.late();
            return false;
        }
        if (libnet::as_text(received).substr(8) != sent_[at + number].substr(8)) {
            seen_.wrong();
            return false;
        }
        seen_.message(now, now - slots_[at].began);
        release(at);
        return true;
    }

    std::uint32_t free_slot()
    {
        if (free_.empty()) {
            slots_.emplace_back();
            return static_cast<std::uint32_t>(slots_.size() - 1);
        }
        const std::uint32_t at = free_.back();
        free_.pop_back();
        return at;
    }

    void release(std::uint32_t at)
    {
        slots_[at].used = false;
        ++slots_[at].number;
        --under_way_;
        free_.push_back(at);
    }

    const plan& plan_;
    const messages& sent_;
    recorder& seen_;
    std::optional<libnet::udp_socket> socket_;
    std::vector<slot> slots_;
    std::vector<std::uint32_t> free_;
    std::size_t under_way_ = 0;
    std::string datagram_;
    time_queue due_;
};

}  // namespace netbench
