#include <libnet/runtime/limiter.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/session/connect.hpp>
#include <libnet/session/server.hpp>
#include <libnet/testing/simulation.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <cstddef>

/// A server that can do so much and is asked for more, in the simulated network.
namespace libnet {
namespace {

using namespace std::chrono_literals;

class Overload : public ::testing::Test {
protected:
    static constexpr duration work = 50ms;       // four at a time: 80 a second
    static constexpr duration patience = 700ms;  // of the clients

    task<> serve(connection& peer)
    {
        while (auto question = co_await peer.receive()) {
            auto turn = co_await at_once.acquire();
            if (!turn) {
                co_await peer.send("busy");
                continue;
            }
            co_await checked(sleep_for(work));
            turn->done();
            co_await peer.send("done");
        }
    }

    /// Asks for five seconds, a moment after each answer.
    task<> ask_again_and_again(duration begin)
    {
        co_await checked(sleep_for(begin));
        auto connecting = connect("shop:9000");
        auto peer = co_await checked(std::move(connecting));
        while (sim.now() - began < 5s) {
            const time_point asked = sim.now();
            co_await checked(peer.send("work"));
            const auto answer = co_await within(patience, peer.receive());
            if (!answer) {
                ++in_vain;
                co_return;
            }
            const duration took = sim.now() - asked;
            if (as_text(*answer) == "done") {
                ++served;
                longest = std::max(longest, took);
            } else {
                ++refused;
                longest_refusal = std::max(longest_refusal, took);
            }
            co_await checked(sleep_for(100ms));
        }
    }

    testing::simulation sim;
    time_point began = sim.now();
    limiter at_once{sim.home(),
                    {.limit = {.limit = 4, .max_waiting = 1000}, .longest_wait = 510ms}};
    std::size_t served = 0;
    std::size_t refused = 0;
    std::size_t in_vain = 0;
    duration longest{};
    duration longest_refusal{};
};

TEST_F(Overload, IsRefusedAtOnceAndEverybodyElseIsServedInTime)
{
    testing::simulated_host& host = sim.network().add_host("shop", {"10.0.0.1"});
    server shop("10.0.0.1:9000", [this](connection& peer) { return serve(peer); });
    sim.start(testing::on(host, shop.run()));
    for (int i = 0; i < 80; ++i) {
        sim.start(ask_again_and_again(i * 5ms));
    }
    sim.advance(10s);
    EXPECT_EQ(in_vain, 0U) << "nobody has given up, so no work was done for nobody";
    EXPECT_GE(served, 4U * (5s / work) * 95 / 100) << "what it can do it does";
    EXPECT_LE(longest, 510ms + work);
    EXPECT_GT(refused, 100U);
    EXPECT_EQ(longest_refusal, 0ms) << "it was known that they would wait in vain";
    EXPECT_EQ(at_once.stats().let_in, served);
    EXPECT_EQ(at_once.stats().refused, refused);
    EXPECT_EQ(at_once.stats().running + at_once.stats().waiting, 0U);
}

}  // namespace
}  // namespace libnet
