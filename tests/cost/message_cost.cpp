/// An echo over streams in memory, for callgrind to count: `rounds` times `depth` messages of 64
/// bytes there and back.
///
///     message_cost DEPTH ROUNDS [bare | usual | guarded] [--allocations]
///
/// The server has no limit at all, those that it has unless told otherwise, or all there are. With
/// `--allocations` it fails if the second half of the rounds allocates anything, on either end.

#include "support/allocations.hpp"
#include "support/eager_listener.hpp"
#include "support/fixed_stream.hpp"
#include "support/sessions.hpp"

#include <libnet/session/server.hpp>

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace {

using namespace libnet;
using namespace libnet::testing;

server_options options_for(std::string_view limits)
{
    server_options options;
    connection_options& c = options.connection;
    if (limits == "bare") {
        c.first_frame_timeout = c.idle_timeout = never;
        c.frame_timeout = c.send_timeout = c.close_timeout = never;
    } else if (limits == "guarded") {
        c.minimum_rate = {.bytes = 1_KiB, .interval = std::chrono::seconds(1)};
        c.idle_timeout = std::chrono::minutes(5);
        c.lifetime = std::chrono::hours(1);
        c.heartbeat = heartbeat{};
        options.memory_budget = 256 * 1024_KiB;
        options.admission = {.max_per_address = 100, .accept_rate = 1000};
    }
    return options;
}

const std::string message(64, 'x');

task<> ask(connection& server, std::size_t depth, std::size_t rounds)
{
    for (std::size_t round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < depth; ++i) {
            co_await checked(server.send(message));
        }
        for (std::size_t i = 0; i < depth; ++i) {
            const bytes reply = co_await checked(server.receive());
            if (reply.size() != message.size()) {
                co_await fail(error::malformed_frame);
            }
        }
    }
}

/// Of the second half of the rounds; nothing if they failed.
task<std::size_t> count_allocations(connection& server, std::size_t depth, std::size_t rounds)
{
    co_await checked(ask(server, depth, rounds / 2));  // buffers are as large as they will be
    auto second_half = ask(server, depth, rounds / 2);
    const std::size_t before = tests::allocations();
    co_await checked(std::move(second_half));
    co_return tests::allocations() - before;
}

int usage()
{
    std::fprintf(stderr, "message_cost DEPTH ROUNDS [bare | usual | guarded] [--allocations]\n");
    return 2;
}

}  // namespace

int main(int count, char** arguments)
{
    const bool counts = count > 1 && std::string_view(arguments[count - 1]) == "--allocations";
    count -= counts ? 1 : 0;
    if (count != 3 && count != 4) {
        return usage();
    }
    const auto depth = static_cast<std::size_t>(std::atoi(arguments[1]));
    const auto rounds = static_cast<std::size_t>(std::atoi(arguments[2]));
    simulation sim;
    tests::fixed_pair pair(sim.home());
    connection client(pair.left());
    const auto once = [came = false, &pair]() mutable {
        return std::exchange(came, true) ? nullptr : pair.right();
    };
    server echo_server(std::make_unique<tests::eager_listener>(sim.home(), once), tests::echo,
                       options_for(count == 4 ? arguments[3] : "usual"));
    sim.start(echo_server.run());
    bool passed = false;
    if (counts) {
        const auto allocated = sim.run(count_allocations(client, depth, rounds));
        passed = allocated && *allocated == 0;
        std::printf("%zu allocations in %zu messages\n", allocated ? *allocated : 0,
                    rounds / 2 * depth);
    } else {
        passed = sim.run(ask(client, depth, rounds)).has_value();
    }
    sim.cancel();
    sim.settle();
    return passed ? 0 : 1;
}
