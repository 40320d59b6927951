#pragma once

#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/session/client.hpp>
#include <libnet/session/request_session.hpp>
#include <libnet/session/server.hpp>
#include <libnet/testing/random_numbers.hpp>
#include <libnet/testing/simulation.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

/// Networks in which bytes, names and whole machines vanish without a word, each made up from a seed;
/// and whoever waits in them, with the deadline that the wait has to end by.
namespace libnet::tests {

class black_hole {
public:
    explicit black_hole(std::uint64_t seed) : random_(seed)
    {
        sim_.seed(seed);
        make_server();
    }

    /// What went wrong: waits that took too long, and those that never ended. Empty if nothing did.
    std::vector<std::string> run()
    {
        sim_.start(disturb());
        for (int i = 0; i < 3; ++i) {
            sim_.start(converse());
        }
        sim_.start(keep_connected());
        sim_.advance(std::chrono::minutes(10));
        if (ended_ != begun_) {
            complaints_.push_back(std::to_string(begun_ - ended_) + " of " +
                                  std::to_string(begun_) + " waits never ended");
        }
        return complaints_;
    }

    std::size_t waits() const noexcept { return begun_; }

private:
    static constexpr duration tick = std::chrono::milliseconds(1);

    duration from_to(duration least, duration most) { return least + random_.up_to(most - least); }

    testing::impairment_options line()
    {
        testing::impairment_options how;
        how.delay = random_.up_to(std::chrono::milliseconds(200));
        how.jitter = random_.up_to(std::chrono::milliseconds(50));
        how.loss = random_.chance(0.3) ? 0.3 : 0;
        if (random_.chance(0.4)) {
            how.silent_after = random_.below(2000);
        } else if (random_.chance(0.2)) {
            how.cut_after = random_.below(2000);
        }
        return how;
    }

    void make_server()
    {
        shop_ = &sim_.network().add_host("shop", {"2001:db8:1::1", "10.0.0.1"});
        sim_.network().link_one_way(sim_.network().here(), *shop_, line());
        sim_.network().link_one_way(*shop_, sim_.network().here(), line());
        if (random_.chance(0.3)) {
            const bool for_ever = random_.chance(0.5);
            sim_.network().name(
                "shop", {.addresses = {"2001:db8:1::1", "10.0.0.1"},
                         .delay = for_ever ? never : random_.up_to(std::chrono::seconds(6))});
        }
        const auto session = [this](connection& peer) { return answer_or_not(peer); };
        for (const char* const where : {"10.0.0.1:9000", "[2001:db8:1::1]:9000"}) {
            if (random_.chance(0.8)) {
                servers_.push_back(std::make_unique<server>(where, session));
                sim_.start(testing::on(*shop_, servers_.back()->run()));
            }
        }
    }

    /// An echo, mostly.
    task<> answer_or_not(connection& peer)
    {
        while (auto frame = co_await peer.receive()) {
            if (random_.chance(0.1)) {
                co_await checked(sleep_for(never));
            }
            co_await peer.send(*frame);
        }
    }

    task<> disturb()
    {
        for (int i = 0; i < 5; ++i) {
            co_await checked(sleep_for(random_.up_to(std::chrono::seconds(10))));
            switch (random_.below(5)) {
            case 0: shop_->go_down(testing::outage::silent); break;
            case 1: shop_->go_down(testing::outage::refused); break;
            case 2: shop_->go_down(testing::outage::unreachable); break;
            case 3: shop_->cut_connections(testing::severance::silence); break;
            default: shop_->come_up();
            }
        }
    }

    /// Notes if `wait` ends later than it has to.
    template <class T>
    task<T> timed(const char* what, duration limit, task<T> wait)
    {
        ++begun_;
        const time_point began = sim_.now();
        auto outcome = co_await std::move(wait);
        ++ended_;
        const duration took = sim_.now() - began;
        if (took > limit + tick) {
            complaints_.push_back(std::string(what) + " took " + in_ms(took) + ", its limit is " +
                                  in_ms(limit));
        }
        if constexpr (std::is_void_v<T>) {
            co_await checked(std::move(outcome));
        } else {
            co_return std::move(outcome);
        }
    }

    static std::string in_ms(duration d)
    {
        return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) +
               " ms";
    }

    connect_options some_options()
    {
        connect_options options;
        options.connect_timeout = from_to(std::chrono::milliseconds(50), std::chrono::seconds(3));
        options.connection.send_timeout =
            from_to(std::chrono::milliseconds(100), std::chrono::seconds(10));
        options.connection.idle_timeout =
            from_to(std::chrono::milliseconds(100), std::chrono::seconds(20));
        options.connection.frame_timeout =
            from_to(std::chrono::milliseconds(100), std::chrono::seconds(20));
        options.connection.close_timeout =
            from_to(std::chrono::milliseconds(100), std::chrono::seconds(3));
        return options;
    }

    /// A connection in the caller's own hands, and all that it can be waited for.
    task<> converse()
    {
        for (int i = 0; i < 3; ++i) {
            const connect_options options = some_options();
            const connection_options& limits = options.connection;
            auto connecting =
                timed("connect()", options.connect_timeout, libnet::connect("shop:9000", options));
            auto peer = co_await std::move(connecting);
            if (!peer) {
                continue;
            }
            const std::string message(1 + random_.below(1000), 'x');
            const duration patience = random_.up_to(std::chrono::seconds(2));
            for (int exchange = 0; exchange < 4; ++exchange) {
                using libnet::detail::lift;
                auto sending = timed("send()", limits.send_timeout, lift(peer->send(message)));
                (void)co_await std::move(sending);
                auto flushing = timed("flush()", limits.send_timeout, lift(peer->flush()));
                (void)co_await std::move(flushing);
                auto receiving = timed("receive()", *limits.idle_timeout + limits.frame_timeout,
                                       lift(peer->receive()));
                (void)co_await std::move(receiving);
                auto bounded = timed("within()", patience, lift(within(patience, peer->receive())));
                (void)co_await std::move(bounded);
            }
            auto closing =
                timed("close()", limits.close_timeout, libnet::detail::lift(peer->close()));
            (void)co_await std::move(closing);
        }
    }

    /// The same in those of a client.
    task<> keep_connected()
    {
        requests<std::string> calls;
        client_options options;
        options.connect = some_options();
        options.drain_timeout = random_.up_to(std::chrono::seconds(5));
        options.on_end = [&](const error_code&) { calls.close(); };
        client line(
            "shop:9000", [&](connection& peer) { return pipelined(peer, calls); }, options);
        auto side_by_side = [&](group& g) -> task<> {
            g.start(line.run());
            for (int i = 0; i < 10; ++i) {
                const call_options how = some_call();
                auto calling = timed("call()", how.timeout, calls.call("question", how));
                (void)co_await std::move(calling);
                const duration patience = random_.up_to(std::chrono::seconds(2));
                auto waiting = timed("connected()", patience,
                                     libnet::detail::lift(within(patience, line.connected())));
                (void)co_await std::move(waiting);
            }
            line.stop();
            auto stopping =
                timed("stop()", options.drain_timeout + options.connect.connection.close_timeout,
                      libnet::detail::lift(g.join()));
            (void)co_await std::move(stopping);
        };
        auto all = with_group(side_by_side);
        (void)co_await std::move(all);
    }

    call_options some_call()
    {
        call_options how;
        how.timeout = random_.up_to(std::chrono::seconds(10));
        how.when_offline = random_.chance(0.3) ? offline::fail : offline::wait;
        how.when_lost = random_.chance(0.5) ? loss::repeat : loss::fail;
        return how;
    }

    testing::simulation sim_;
    testing::random_numbers random_;
    testing::simulated_host* shop_ = nullptr;
    std::vector<std::unique_ptr<server>> servers_;
    std::vector<std::string> complaints_;
    std::size_t begun_ = 0;
    std::size_t ended_ = 0;
};

/// What became of all who waited.
struct black_holes_seen {
    std::size_t networks = 0;
    std::size_t waits = 0;
    std::vector<std::string> complaints{};  ///< each with its seed
};

/// Runs so many of them; LIBNET_ASIO_SEED=N in the environment runs that one alone.
inline black_holes_seen run_black_holes(std::uint64_t count)
{
    const char* const only = std::getenv("LIBNET_ASIO_SEED");
    const std::uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 1;
    const std::uint64_t last = only != nullptr ? first : count;
    black_holes_seen all;
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        black_hole hole(seed);
        for (const std::string& complaint : hole.run()) {
            all.complaints.push_back("LIBNET_ASIO_SEED=" + std::to_string(seed) + ": " + complaint);
        }
        ++all.networks;
        all.waits += hole.waits();
    }
    return all;
}

}  // namespace libnet::tests
