/// An echo over streams in memory, for callgrind to count: `rounds` times `depth` messages of 64
/// bytes there and back.
///
///     message_cost DEPTH ROUNDS

#include "support/fixed_stream.hpp"
#include "support/sessions.hpp"

#include <cstdio>
#include <cstdlib>

namespace {

using namespace libnet;
using namespace libnet::testing;

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
    if (count != 3) {
        std::fprintf(stderr, "message_cost DEPTH ROUNDS\n");
        return 2;
    }
    const auto depth = static_cast<std::size_t>(std::atoi(arguments[1]));
    const auto rounds = static_cast<std::size_t>(std::atoi(arguments[2]));
    simulation sim;
    tests::fixed_pair pair(sim.home());
    connection client(pair.left());
    connection peer(pair.right());
    sim.start(tests::echo(peer));
    const bool passed = sim.run(ask(client, depth, rounds)).has_value();
    sim.cancel();
    sim.settle();
    return passed ? 0 : 1;
}
