#include <libnet/runtime/wait_list.hpp>

#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/testing/simulation.hpp>

#include <gmock/gmock.h>

#include <string>

namespace libnet {
namespace {

using namespace std::chrono_literals;

task<> wait_and_note(detail::wait_list& list, std::string& log, char name)
{
    const auto woken = co_await list.wait();
    log += name;
    log += woken ? '+' : woken.error() == error::cancelled ? 'c' : '-';
}

TEST(WaitList, WakesInTheOrderOfArrival)
{
    testing::simulation sim;
    detail::wait_list list(sim.home());
    std::string log;
    for (const char name : {'a', 'b', 'c'}) {
        sim.start(wait_and_note(list, log, name));
    }
    sim.settle();
    EXPECT_FALSE(list.empty());
    EXPECT_TRUE(list.wake_one());
    sim.settle();
    EXPECT_EQ(log, "a+");
    list.wake_all(error::closed);
    sim.settle();
    EXPECT_EQ(log, "a+b-c-");
    EXPECT_TRUE(list.empty());
    EXPECT_FALSE(list.wake_one());
}

TEST(WaitList, OneThatGivesUpIsNotWoken)
{
    testing::simulation sim;
    detail::wait_list list(sim.home());
    std::string log;
    sim.start(wait_and_note(list, log, 'a'));
    sim.settle();
    sim.cancel();
    sim.settle();
    EXPECT_EQ(log, "ac");
    EXPECT_TRUE(list.empty());
    EXPECT_EQ(sim.run(detail::lift(within(1s, list.wait()))).error(), error::timeout);
    EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace libnet
