#include "support/allocations.hpp"
#include "support/fixed_stream.hpp"
#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>

#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

constexpr std::size_t rounds = 20;

struct cost {
    std::size_t allocations = 0;
    std::size_t reads = 0;
    std::size_t writes = 0;
};

task<> echo_in_batches(connection& peer)
{
    while (auto batch = co_await peer.receive_batch()) {
        for (const bytes frame : *batch) {
            co_await checked(peer.send(frame));
        }
    }
}

task<> echo_batches(connection& peer)
{
    while (auto batch = co_await peer.receive_batch()) {
        co_await checked(peer.send_batch(*batch));
    }
}

/// `rounds` times `depth` messages there and back; both ends count for allocations, the echo alone
/// for reads and writes.
task<cost> measure(fixed_pair& pair, connection& client, std::size_t depth, std::size_t size)
{
    const std::string message = some_text(size);
    cost before;
    for (std::size_t round = 0; round < 2 * rounds; ++round) {
        if (round == rounds) {  // warm by now
            before = {allocations(), pair.reads(), pair.writes()};
        }
        for (std::size_t i = 0; i < depth; ++i) {
            co_await checked(client.send(message));
        }
        for (std::size_t i = 0; i < depth; ++i) {
            const bytes reply = co_await checked(client.receive());
            if (as_text(reply) != message) {
                co_await fail(error::malformed_frame);
            }
        }
    }
    co_return cost{allocations() - before.allocations, pair.reads() - before.reads,
                   pair.writes() - before.writes};
}

cost of(task<> (*session)(connection&), const any_framing& framing, std::size_t depth,
        std::size_t size)
{
    simulation sim;
    fixed_pair pair(sim.home());
    connection client(pair.left(), {.framing = framing});
    connection peer(pair.right(), {.framing = framing});
    sim.start(session(peer));
    return sim.run(measure(pair, client, depth, size)).value();
}

TEST(ConnectionCost, AMessageAllocatesNothing)
{
    for (const any_framing& framing :
         {any_framing(length_prefix{}), any_framing(delimited("\r\n"))}) {
        for (const std::size_t depth : {1, 16, 64}) {
            for (const std::size_t size : {1, 64, 20000}) {
                for (auto* session : {echo, echo_in_batches, echo_batches}) {
                    EXPECT_EQ(of(session, framing, depth, size).allocations, 0U)
                        << depth << ' ' << size;
                }
            }
        }
    }
}

TEST(ConnectionCost, ABatchIsOneReadAndOneWrite)
{
    for (const std::size_t depth : {1, 16, 64, 200}) {
        for (auto* session : {echo, echo_in_batches, echo_batches}) {
            const cost measured = of(session, length_prefix{}, depth, 64);
            EXPECT_EQ(measured.reads, rounds) << depth;
            EXPECT_EQ(measured.writes, rounds) << depth;
        }
    }
}

TEST(ConnectionCost, ALargeMessageIsOneWrite)
{
    EXPECT_EQ(of(echo, length_prefix{}, 1, 64_KiB).writes, rounds);
    EXPECT_EQ(of(echo, length_prefix{}, 1, 250_KiB).writes, rounds);
}

}  // namespace
