/// pool_client: many callers share a few connections to a key_value_server, and one can watch.

#include "../support/flags.hpp"
#include "../support/program.hpp"

#include <libnet/libnet.hpp>

#include <algorithm>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::literals;

struct sample_client {
    std::vector<std::string> connect{"127.0.0.1:9300"};
    std::size_t size = 8;
    unsigned callers = 32;
    duration pause = 10ms;
    duration interval = 1s;
    duration run_for = 10s;

    std::uint64_t answered = 0;
    std::uint64_t lost = 0;     // begun, and the connection ended
    std::uint64_t refused = 0;  // not begun: the circuit is open, or no connection became free
    std::uint64_t busy = 0;     // the server has too much to do
    std::uint64_t retried = 0;
    std::uint64_t wrong = 0;
    retry_budget budget{};

    void add_flags(CLI::App& app)
    {
        app.add_option("--connect", connect, "The server; several are shared evenly")
            ->type_name("HOST:PORT|unix:PATH")
            ->capture_default_str()
            ->check(flags::endpoint_check());
        app.add_option("--pool", size, "Connections at most")
            ->type_name("N")
            ->capture_default_str()
            ->check(CLI::Range(1, 10'000).description(""));
        app.add_option("--callers", callers, "Callers side by side, one call at a time each")
            ->type_name("N")
            ->capture_default_str()
            ->check(CLI::Range(1, 100'000).description(""));
        flags::add_duration(app, "--pause", pause, "Between two calls of a caller");
        flags::add_duration(app, "--interval", interval, "Between two lines");
        flags::add_duration(app, "--for", run_for, "How long");
    }

    int run()
    {
        pool_options options;
        options.lending.max_size = size;
        options.lending.min_idle = std::min<std::size_t>(size, 2);
        options.lending.borrow_timeout = 1s;
        options.lending.retry.longest = 2s;
        options.lending.breaker.longest_open = 2s;
        options.check = ping;
        pool servers(connect, options);
        const int code = libnet::run(live(servers));
        std::cout << "answered " << answered << ", lost " << lost << ", not begun " << refused
                  << ", busy " << busy << ", retried " << retried << ", wrong " << wrong
                  << std::endl;
        return code;
    }

private:
    static task<> ping(connection& peer)
    {
        co_await checked(peer.send("PING"));
        co_await checked(peer.receive());
    }

    task<int> live(pool& servers)
    {
        auto side_by_side = [&](group& g) -> task<> {
            g.start(servers.run());
            g.start(watch(servers));
            for (unsigned n = 0; n != callers; ++n) {
                g.start(call(servers, n));
            }
            co_await checked(sleep_for(run_for));
            servers.drain();
        };
        co_await checked(with_group(side_by_side));
        co_return wrong == 0 && answered != 0 ? 0 : 1;
    }

    /// One caller: sets its own key and gets it back, again and again.
    task<> call(pool& servers, unsigned n)
    {
        const std::string key = "key" + std::to_string(n);
        loop& here = co_await this_loop();
        for (std::uint64_t round = 0;; ++round) {
            const std::string value = std::to_string(round);
            budget.call(here.now());
            backoff again({.first = 50ms, .longest = 1s, .give_up_after = 4});
            for (;;) {
                const auto outcome = co_await exchange(servers, key, value);
                if (outcome) {
                    ++answered;
                    wrong += *outcome == "VALUE " + value ? 0U : 1U;
                    break;
                }
                if (outcome.error() == error::cancelled || outcome.error() == error::draining) {
                    co_return;
                }
                const auto wait = again.failed(here.now(), here.random());
                if (!wait || !budget.take(here.now())) {
                    break;
                }
                ++retried;
                co_await checked(sleep_for(*wait));
            }
            co_await checked(sleep_for(pause));
        }
    }

    task<std::string> exchange(pool& servers, const std::string& key, const std::string& value)
    {
        auto peer = co_await servers.borrow();
        if (!peer) {
            ++refused;
            co_await fail(peer.error());
        }
        auto answer = co_await set_and_get(**peer, key, value);
        if (!answer) {
            const bool was_busy = answer.error() == error::limit_reached;
            busy += was_busy ? 1U : 0U;
            lost += !was_busy && answer.error() != error::cancelled ? 1U : 0U;
            co_await fail(answer.error());
        }
        co_return std::move(*answer);
    }

    /// Two messages at once, and two back.
    static task<std::string> set_and_get(connection& peer, const std::string& key,
                                         const std::string& value)
    {
        const std::string set = "SET " + key + ' ' + value;
        const std::string get = "GET " + key;
        co_await checked(peer.send(set));
        co_await checked(peer.send(get));
        const bytes stored = co_await checked(peer.receive());
        const bool was_busy = as_text(stored) == "BUSY";
        const bytes answer = co_await checked(peer.receive());
        if (was_busy || as_text(answer) == "BUSY") {
            co_await fail(error::limit_reached);
        }
        co_return to_string(answer);
    }

    /// A line of what the pool has, and what became of the calls since the last one.
    task<> watch(const pool& servers)
    {
        std::uint64_t answered_before = 0;
        std::uint64_t lost_before = 0;
        std::uint64_t refused_before = 0;
        for (;;) {
            co_await checked(sleep_for(interval));
            const lending_stats& s = servers.stats();
            std::ostringstream line;
            line << "pool " << std::setw(2) << s.size << " (" << s.in_use << " in use, " << s.idle
                 << " idle, " << s.opening << " opening), " << s.waiting << " waiting | "
                 << std::setw(5) << answered - answered_before << " answered, "
                 << lost - lost_before << " lost, " << refused - refused_before
                 << " not begun | created " << s.created << ", failed " << s.failed << ", lost "
                 << s.lost << ", broken " << s.broken << " |";
            for (const pool_endpoint& e : servers.endpoints()) {
                line << ' ' << name_of(e.state) << (e.ejected ? " (left out)" : "");
            }
            std::cout << line.str() << std::endl;
            answered_before = answered;
            lost_before = lost;
            refused_before = refused;
        }
    }
};

}  // namespace

int main(int argc, char** argv)
{
    CLI::App app(
        "Many callers share a few connections to a key_value_server. Prints what the pool\n"
        "has and what became of the calls; kill the server and start it again to see how\n"
        "the circuit opens, and closes when the server is back.\n"
        "Exit code: 0 if calls were answered, and none of them wrongly.\n");
    app.footer("\nTry it:\n"
               "  key_value_server & pool_client\n"
               "  tools/demo.sh pool\n");
    sample_client client;
    client.add_flags(app);
    return sample::run_program("pool_client", app, argc, argv, [&] { return client.run(); });
}
