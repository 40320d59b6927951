/// An echo over streams in memory, for callgrind to count: `rounds` times `depth` messages of 64
/// bytes there and back.
///
///     message_cost DEPTH ROUNDS [bare | usual | guarded]
///
/// The server has no limit at all, those that it has unless told otherwise, or all there are.

#include "support/fixed_stream.hpp"
#include "support/sessions.hpp"

#include <libnet/runtime/timer.hpp>
#include <libnet/session/server.hpp>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

using namespace libnet;
using namespace libnet::testing;

/// One client comes, and then nobody.
class single_client final : public listener {
public:
    single_client(loop& home, std::unique_ptr<stream> client)
        : client_(std::move(client)), rest_(home)
    {
    }

    task<std::unique_ptr<stream>> accept() override
    {
        if (!client_) {
            rest_.expires_at(end_of_time);
            co_await checked(rest_.wait());
        }
        co_return std::move(client_);
    }
    void close() noexcept override {}
    std::string local() const override { return "memory"; }

private:
    std::unique_ptr<stream> client_;
    timer rest_;
};

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

task<> ask(connection& server, std::size_t depth, std::size_t rounds)
{
    const std::string message(64, 'x');
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

}  // namespace

int main(int count, char** arguments)
{
    if (count != 3 && count != 4) {
        std::fprintf(stderr, "message_cost DEPTH ROUNDS [bare | usual | guarded]\n");
        return 2;
    }
    const auto depth = static_cast<std::size_t>(std::atoi(arguments[1]));
    const auto rounds = static_cast<std::size_t>(std::atoi(arguments[2]));
    simulation sim;
    tests::fixed_pair pair(sim.home());
    connection client(pair.left());
    server echo_server(std::make_unique<single_client>(sim.home(), pair.right()), tests::echo,
                       options_for(count == 4 ? arguments[3] : "usual"));
    sim.start(echo_server.run());
    const bool passed = sim.run(ask(client, depth, rounds)).has_value();
    sim.cancel();
    sim.settle();
    return passed ? 0 : 1;
}
