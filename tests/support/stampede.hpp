#pragma once

#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/session/client.hpp>
#include <libnet/session/server.hpp>
#include <libnet/testing/simulation.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

/// A crowd of clients whose server is away for a minute, in the simulated network.
namespace libnet::tests {

/// In which way it is away.
enum class absence {
    refuses,      ///< its programs have ended
    unreachable,  ///< there is no way to its machine
    vanished,     ///< its machine says nothing at all
    mute,         ///< it lets everybody in and answers nobody
};

inline std::string name_of(absence how)
{
    switch (how) {
    case absence::refuses: return "refuses";
    case absence::unreachable: return "unreachable";
    case absence::vanished: return "vanished";
    case absence::mute: break;
    }
    return "mute";
}

class stampede {
public:
    stampede(absence how, std::size_t clients) : how_(how)
    {
        using namespace std::chrono_literals;
        sim_.network().link_all({.delay = 10ms, .jitter = 10ms});
        sim_.start(testing::on(host_, shop_.run()));
        for (std::size_t i = 0; i < clients; ++i) {
            crowd_.push_back(
                std::make_unique<client>("shop:9000", [](connection& peer) { return stay(peer); }));
            sim_.start(crowd_.back()->run());
        }
    }

    /// How many come back in each second after its return.
    std::vector<std::size_t> run()
    {
        sim_.advance(std::chrono::seconds(20));
        before_ = served_at_.size();
        leave();
        sim_.advance(std::chrono::minutes(1));
        served_at_.clear();
        const time_point back = sim_.now();
        come_back();
        sim_.advance(std::chrono::minutes(1));
        std::vector<std::size_t> each_second(60);
        for (const time_point when : served_at_) {
            ++each_second.at(static_cast<std::size_t>((when - back) / std::chrono::seconds(1)));
        }
        return each_second;
    }

    /// Those who were served before, and those who are now.
    std::size_t before() const noexcept { return before_; }
    std::size_t after() const noexcept { return served_at_.size(); }

    /// Tasks that are left when all are told to stop.
    std::size_t left_over()
    {
        for (const auto& one : crowd_) {
            one->stop();
        }
        shop_.stop();
        sim_.advance(std::chrono::minutes(1));
        return sim_.running();
    }

private:
    static server_options settings()
    {
        server_options options;
        options.connection.idle_timeout = never;
        return options;
    }

    /// The first answer of a connection is when a client is back. Whoever was not answered once never
    /// is: it has to come again.
    task<> answer(connection& peer)
    {
        bool known = false;
        bool given_up = false;
        while (auto question = co_await peer.receive()) {
            given_up = given_up || silent_;
            if (given_up) {
                continue;
            }
            if (!known) {
                known = true;
                served_at_.push_back(sim_.now());
            }
            co_await peer.send(*question);
        }
    }

    /// Asks now and then, and leaves a server that does not answer.
    static task<> stay(connection& peer)
    {
        loop& here = co_await this_loop();
        for (;;) {
            co_await checked(peer.send("are you there?"));
            co_await checked(within(std::chrono::seconds(3), peer.receive()));
            const duration spread = std::chrono::seconds(10);
            co_await checked(sleep_for(
                spread + duration(static_cast<duration::rep>(
                             here.random() % static_cast<std::uint64_t>(spread.count())))));
        }
    }

    void leave()
    {
        switch (how_) {
        case absence::refuses: host_.go_down(testing::outage::refused); break;
        case absence::unreachable: host_.go_down(testing::outage::unreachable); break;
        case absence::vanished: host_.go_down(testing::outage::silent); break;
        case absence::mute: silent_ = true; break;
        }
    }

    void come_back()
    {
        silent_ = false;
        host_.come_up();
    }

    testing::simulation sim_;
    absence how_;
    bool silent_ = false;
    testing::simulated_host& host_ = sim_.network().add_host("shop", {"10.0.0.1"});
    server shop_{"10.0.0.1:9000", [this](connection& peer) { return answer(peer); }, settings()};
    std::vector<std::unique_ptr<client>> crowd_;
    std::vector<time_point> served_at_;
    std::size_t before_ = 0;
};

}  // namespace libnet::tests
