#include "support/live_object.hpp"

#include <libnet/runtime/group.hpp>
#include <libnet/runtime/offload.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
using libnet::checked;
using libnet::error;
using libnet::offload;
using libnet::task;
using libnet::testing::simulation;
using libnet::tests::live_object;

TEST(OffloadInASimulation, CallsTheWorkOnTheLoopsThreadInOrderWithoutTime)
{
    simulation sim;
    const auto start = sim.now();
    std::string log;
    auto one = [&](char name) -> task<> {
        const auto here = std::this_thread::get_id();
        const auto work = [&log, name, here] {
            EXPECT_TRUE(std::this_thread::get_id() == here);
            log += static_cast<char>(name - 'a' + '1');
        };
        log += name;
        co_await checked(offload(work));
        log += static_cast<char>(name - 'a' + 'A');
    };
    auto body = [&](libnet::group& g) -> task<> {
        for (const char name : {'a', 'b', 'c'}) {
            g.start(one(name));
        }
        co_await checked(g.join());
    };
    EXPECT_TRUE(sim.run(libnet::with_group(body)));
    EXPECT_EQ(log, "abc123ABC");
    EXPECT_EQ(sim.now(), start);
}

TEST(OffloadInASimulation, WorkThatIsCancelledBeforeItsTurnNeverBegins)
{
    for (int steps = 0; steps != 12; ++steps) {
        simulation sim;
        int calls = 0;
        auto body = [&]() -> task<> {
            const auto work = [&calls, kept = live_object()] { return ++calls; };
            const auto n = co_await offload(work);
            EXPECT_EQ(n.has_value(), calls == 1);
            EXPECT_TRUE(n || n.error() == error::cancelled);
        };
        sim.start(body());
        for (int i = 0; i != steps; ++i) {
            sim.step();
        }
        sim.cancel();
        sim.settle();
        EXPECT_EQ(sim.running(), 0U);
        EXPECT_EQ(live_object::alive(), 0);
    }
}

TEST(OffloadInASimulation, WorkOfASimulationThatEndsIsDestroyed)
{
    {
        simulation sim;
        auto body = []() -> task<> {
            const auto work = [kept = live_object()] { ADD_FAILURE() << "it has ended"; };
            (void)co_await offload(work);
        };
        sim.start(body());
        while (live_object::alive() != 2) {  // the task's own, and what waits for its turn
            ASSERT_TRUE(sim.step());
        }
    }
    EXPECT_EQ(live_object::alive(), 0);
}

}  // namespace
