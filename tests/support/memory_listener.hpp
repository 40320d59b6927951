#pragma once

#include "support/addressed_stream.hpp"

#include <libnet/runtime/timer.hpp>
#include <libnet/testing/simulation.hpp>
#include <libnet/testing/stream_pair.hpp>
#include <libnet/transport/listener.hpp>

#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace libnet::tests {

/// Where clients come to a server in the same program, and errors too.
class memory_backlog {
public:
    explicit memory_backlog(testing::simulation& sim) : sim_(sim), arrival_(sim.home()) {}

    /// A new client.
    connection connect(connection_options options = {}, testing::pipe_options there = {},
                       testing::pipe_options back = {})
    {
        testing::stream_pair pair(sim_.home(), there, back);
        come(pair.take_right());
        return connection(pair.take_left(), std::move(options));
    }

    /// A new client that is a stream.
    std::unique_ptr<stream> connect_stream()
    {
        testing::stream_pair pair(sim_.home());
        come(pair.take_right());
        return pair.take_left();
    }

    /// A new client from some machine; `calls` says what the server did with it.
    connection connect_from(const ip_address& address, connection_options options = {},
                            std::shared_ptr<stream_calls> calls = std::make_shared<stream_calls>())
    {
        testing::stream_pair pair(sim_.home());
        come(std::make_unique<addressed_stream>(pair.take_right(), std::move(calls), address));
        return connection(pair.take_left(), std::move(options));
    }

    /// A new client, whose server has what `wrap` makes of its end.
    template <class Wrap>
    connection connect_over(Wrap wrap)
    {
        testing::stream_pair pair(sim_.home());
        come(std::unique_ptr<stream>(wrap(pair.take_right())));
        return connection(pair.take_left());
    }

    /// What the next accept() ends with.
    void fail(error_code why) { come(why); }
    void fail_with(std::exception_ptr thrown) { come(std::move(thrown)); }

    std::size_t waiting() const noexcept { return coming_.size(); }
    const std::vector<time_point>& calls() const noexcept { return calls_; }
    bool closed() const noexcept { return closed_; }

    class source;
    std::unique_ptr<listener> listen();

private:
    using event = std::variant<std::unique_ptr<stream>, error_code, std::exception_ptr>;

    void come(event e)
    {
        coming_.push_back(std::move(e));
        const loop::turn this_turn(sim_.home());
        arrival_.expires_after(duration::zero());
    }

    testing::simulation& sim_;
    timer arrival_;
    std::deque<event> coming_;
    std::vector<time_point> calls_;
    bool closed_ = false;
};

class memory_backlog::source final : public listener {
public:
    explicit source(memory_backlog& b) : backlog_(b) {}

    task<std::unique_ptr<stream>> accept() override
    {
        memory_backlog& b = backlog_;
        b.calls_.push_back(b.sim_.now());
        while (b.coming_.empty()) {
            if (b.closed_) {
                co_return error::closed;
            }
            b.arrival_.expires_at(end_of_time);
            co_await checked(b.arrival_.wait());
        }
        event next = std::move(b.coming_.front());
        b.coming_.pop_front();
        if (auto* failed = std::get_if<error_code>(&next)) {
            co_return *failed;
        }
        if (auto* thrown = std::get_if<std::exception_ptr>(&next)) {
            std::rethrow_exception(*thrown);
        }
        co_return std::move(std::get<std::unique_ptr<stream>>(next));
    }

    bool end_arrivals() noexcept override
    {
        close();
        return true;
    }

    void close() noexcept override
    {
        backlog_.closed_ = true;
        backlog_.arrival_.expires_after(duration::zero());
    }

    std::string local() const override { return "memory"; }

private:
    memory_backlog& backlog_;
};

inline std::unique_ptr<listener> memory_backlog::listen()
{
    return std::make_unique<source>(*this);
}

}  // namespace libnet::tests
