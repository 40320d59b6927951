/// pool_borrow: what borrowing an idle connection of a pool and giving it back costs, over TCP; beside
/// it the look at the socket alone, which is a system call.
///
///     pool_borrow [TIMES]

#include <libnet/libnet.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

namespace {

using namespace libnet;
using namespace libnet::literals;

constexpr int rounds = 9;

/// Of the processor, so that others on the machine do not count.
double nanoseconds_spent()
{
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double median(std::array<double, rounds> all)
{
    std::ranges::sort(all);
    return all[rounds / 2];
}

task<> measure(pool& servers, int times)
{
    {
        const auto warm = co_await checked(servers.borrow());
    }
    std::array<double, rounds> whole{};
    std::array<double, rounds> look{};
    for (int round = 0; round != rounds; ++round) {
        double begin = nanoseconds_spent();
        for (int i = 0; i != times; ++i) {
            const auto peer = co_await checked(servers.borrow());
        }
        whole[static_cast<std::size_t>(round)] = (nanoseconds_spent() - begin) / times;

        const auto peer = co_await checked(servers.borrow());
        const stream& socket = peer->transport();
        begin = nanoseconds_spent();
        for (int i = 0; i != times; ++i) {
            if (socket.look() != stream::outlook::quiet) {
                co_await fail(error::closed);
            }
        }
        look[static_cast<std::size_t>(round)] = (nanoseconds_spent() - begin) / times;
    }
    std::printf("borrow and give back  %7.1f ns\n", median(whole));
    std::printf("  of it the look      %7.1f ns\n", median(look));
    std::printf("  the pool itself     %7.1f ns\n", median(whole) - median(look));
}

task<> hold(connection& peer)
{
    co_await checked(peer.receive());
}

task<> run_all(int times)
{
    std::string where;
    server_options serving;
    serving.on_listening = [&](const std::string& local) { where = local; };
    serving.drain_timeout = duration::zero();
    server listening("127.0.0.1:0", hold, std::move(serving));
    auto beside = [&](group& g) -> task<> {
        g.start(listening.run());
        while (where.empty()) {
            co_await checked(yield());
        }
        pool_options options;
        options.lending.min_idle = 8;
        pool servers(where, options);
        g.start(servers.run());
        while (servers.stats().idle != 8) {
            co_await checked(sleep_for(1ms));
        }
        co_await checked(measure(servers, times));
        servers.drain();
        listening.stop();
        co_await checked(g.join());
    };
    co_await checked(with_group(beside));
}

}  // namespace

int main(int argc, char** argv)
{
    const int times = argc > 1 ? std::atoi(argv[1]) : 200'000;
    if (times <= 0) {
        std::fprintf(stderr, "Usage: pool_borrow [TIMES]\n");
        return 2;
    }
    return run(run_all(times));
}
