#pragma once

#include "datagram_load.hpp"
#include "messages.hpp"
#include "pace.hpp"
#include "plan.hpp"
#include "recorder.hpp"
#include "stream_load.hpp"

#include <libnet/asio.hpp>
#include <libnet/libnet.hpp>

#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <stdexcept>
#include <string>

namespace netbench {

/// What a load tells while it runs.
struct listeners {
    /// All connections have been tried. Answers when the load begins: at once, or when all processes
    /// are so far.
    std::function<libnet::time_point()> on_connected;

    std::function<void()> on_measuring = [] {};  ///< the warm-up is over

    /// A second of the measurement is over, in which so many messages came back.
    std::function<void(std::uint64_t in_it, const recorder&)> on_second = [](std::uint64_t,
                                                                             const recorder&) {};
};

/// Runs a load of connections of one kind: connects them, lets them talk, and keeps the time.
template <class Load>
class driver {
public:
    driver(const plan& p, recorder& seen, const listeners& told)
        : plan_(p), seen_(seen), told_(told)
    {
    }

    /// `make(loads, home)` adds one to the deque. Ends with the measurement, or when it is cancelled.
    template <class Make>
    libnet::task<> run(Make make)
    {
        libnet::loop& home = co_await libnet::this_loop();
        for (std::size_t i = 0; i < plan_.connections; ++i) {
            make(loads_, home);
        }
        auto connecting = [this](libnet::group& g) { return connect_all(g); };
        co_await checked(libnet::with_group(connecting));
        require_somebody();
        begin_ = told_.on_connected();
        auto talking = [this](libnet::group& g) { return talk(g); };
        co_await checked(libnet::with_group(talking));
    }

private:
    using clock = std::chrono::steady_clock;

    libnet::task<> connect_all(libnet::group& g)
    {
        const pace steps{clock::now(), plan_.connect_rate};
        for (std::size_t i = 0; i < loads_.size(); ++i) {
            if (plan_.connect_rate > 0 && steps.of(i) > clock::now()) {
                co_await checked(libnet::sleep_until(steps.of(i)));
            }
            g.start(loads_[i].connect());
        }
        co_await checked(g.join());
    }

    /// A load that reaches nobody need not run to its end to say so.
    void require_somebody() const
    {
        const results& r = seen_.so_far();
        if (r.connects == 0) {
            throw std::runtime_error("cannot reach " + plan_.connect + ": " +
                                     (r.errors.empty() ? "" : r.errors.begin()->first) +
                                     "; start an echo server there, or see --connect");
        }
    }

    libnet::task<> talk(libnet::group& g)
    {
        for (Load& each : loads_) {
            g.start(each.run());
        }
        g.start(watch());
        if (plan_.is_open_loop()) {
            g.start(set_the_pace());
        }
        const auto from = begin_ + plan_.warm_up;
        const auto to = from + plan_.duration;
        seen_.begin(from, to);
        co_await checked(libnet::sleep_until(from));
        seen_.start_measuring();
        told_.on_measuring();
        for (auto next = from; next < to;) {
            next = std::min<libnet::time_point>(next + std::chrono::seconds(1), to);
            co_await checked(libnet::sleep_until(next));
            told_.on_second(seen_.second_is_over(), seen_);
        }
    }

    /// Whoever has waited for too long is told so.
    libnet::task<> watch()
    {
        for (;;) {
            co_await checked(libnet::sleep_for(std::chrono::milliseconds(100)));
            const auto now = clock::now();
            for (Load& each : loads_) {
                each.look_at_the_time(now);
            }
        }
    }

    /// Open loop: deals the messages out in turn, each at its time. Asio's timer is finer than ours,
    /// whose 10 ms are made for deadlines.
    libnet::task<> set_the_pace()
    {
        const pace steps{begin_, plan_.rate};
        boost::asio::steady_timer alarm(libnet::executor_of(co_await libnet::this_loop()));
        for (std::uint64_t number = 0;;) {
            for (const auto now = clock::now(); steps.of(number) <= now; ++number) {
                loads_[number % loads_.size()].due(steps.of(number));
            }
            alarm.expires_at(steps.of(number));
            co_await libnet::checked(alarm.async_wait(boost::asio::deferred));
        }
    }

    const plan& plan_;
    recorder& seen_;
    const listeners& told_;
    std::deque<Load> loads_;
    libnet::time_point begin_{};
};

/// The load of one process. `seen` has the results, however it ends.
inline libnet::task<> drive(const plan& p, recorder& seen, const listeners& told)
{
    const messages sent(p.size);
    if (p.udp) {
        driver<datagram_load> driving(p, seen, told);
        auto make = [&](std::deque<datagram_load>& loads, libnet::loop&) {
            loads.emplace_back(p, sent, seen);
        };
        co_await checked(driving.run(make));
    } else {
        const libnet::connect_options how = stream_load::options(p);
        driver<stream_load> driving(p, seen, told);
        auto make = [&](std::deque<stream_load>& loads, libnet::loop& home) {
            loads.emplace_back(p, sent, how, seen, home);
        };
        co_await checked(driving.run(make));
    }
}

}  // namespace netbench
