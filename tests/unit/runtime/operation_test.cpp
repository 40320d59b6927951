#include "support/controlled.hpp"
#include "support/live_object.hpp"

#include <libnet/core/error.hpp>
#include <libnet/runtime/operation.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <boost/system/errc.hpp>

#include <memory>
#include <new>
#include <string>

namespace {

using namespace std::chrono_literals;
using libnet::checked;
using libnet::error;
using libnet::result;
using libnet::task;
using libnet::within;
using libnet::testing::simulation;
using libnet::tests::controlled;
using libnet::tests::live_object;

template <class T>
task<> await_into(controlled<T>& source, std::optional<result<T>>& got)
{
    const live_object local;
    got.emplace(co_await source.wait());
}

TEST(Operation, DoesNothingBeforeItIsAwaited)
{
    simulation sim;
    controlled<int> source(sim.home());
    (void)source.wait();
    EXPECT_EQ(source.polled, 0);
    EXPECT_EQ(&source.wait().home(), &sim.home());
}

TEST(Operation, IsCopiedBeforeItIsAwaited)
{
    simulation sim;
    controlled<int> source(sim.home());
    const auto original = source.wait(5);
    int sum = 0;
    auto both = [&]() -> task<> {
        auto copy = original;
        sum += co_await checked(std::move(copy));
        auto again = original;
        sum += co_await checked(std::move(again));
    };
    sim.start(both());
    for (const int answer : {3, 4}) {
        sim.settle();
        EXPECT_EQ(source.last_argument, 5U);
        source.answer(answer);
    }
    sim.settle();
    EXPECT_EQ(sum, 7);
}

TEST(Operation, AwaitedASecondTimeEndsTheProgram)
{
    simulation sim;
    controlled<int> source(sim.home());
    auto twice = [&]() -> task<> {
        auto once = source.wait();
        (void)co_await std::move(once);
        (void)co_await std::move(once);
    };
    source.answer(3);
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH((void)sim.run(twice()), "was awaited before");
}

/// Whoever is given an operation and destroyed while it waits has not left a waiter behind.
TEST(Operation, IsAbandonedByTheFrameThatAwaitsIt)
{
    auto sim = std::make_unique<simulation>();
    controlled<int> source(sim->home());
    auto helper = [](libnet::operation<int>& given) -> task<> {
        const live_object local;
        (void)co_await std::move(given);
    };
    auto owner = [&]() -> task<> {
        auto given = source.wait();
        auto waiting = helper(given);
        (void)co_await std::move(waiting);
    };
    sim->start(owner());
    sim->settle();
    ASSERT_TRUE(source.awaited());
    sim.reset();
    EXPECT_EQ(source.abandoned, 1);
    EXPECT_EQ(live_object::alive(), 0);
}

/// After many awaits that were ready at once the next one is asked by the loop, which must not meet what it
/// throws.
TEST(Operation, WithoutMemoryFailsAlsoWhereTheLoopAsks)
{
    simulation sim;
    controlled<int> source(sim.home());
    std::optional<result<int>> got;
    source.out_of_memory = true;
    auto many = [&]() -> task<> {
        for (int i = 0; i != 10'000 && !got; ++i) {
            try {
                got = co_await source.wait();
            } catch (const std::bad_alloc&) {  // asked by the task itself
            }
        }
    };
    EXPECT_TRUE(sim.run(many()));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->error(), boost::system::errc::not_enough_memory);
}

TEST(Operation, AnswersAtOnceWithoutAWaiter)
{
    simulation sim;
    controlled<int> source(sim.home());
    source.answer(4);
    std::optional<result<int>> got;
    EXPECT_TRUE(sim.run(await_into(source, got)));
    EXPECT_EQ(**got, 4);
    source.answer(error::closed);
    EXPECT_TRUE(sim.run(await_into(source, got)));
    EXPECT_EQ(got->error(), error::closed);
    EXPECT_EQ(source.started, 0);
    EXPECT_EQ(source.abandoned, 0);
}

TEST(Operation, AnswersLater)
{
    simulation sim;
    controlled<int> source(sim.home());
    std::optional<result<int>> got;
    sim.start(await_into(source, got));
    sim.settle();
    ASSERT_TRUE(source.awaited());
    source.answer(5);
    EXPECT_TRUE(got) << "the answer is delivered in the turn in which it was given";
    sim.settle();
    EXPECT_EQ(**got, 5);
    EXPECT_EQ(source.started, 1);
    EXPECT_EQ(source.abandoned, 0);
    EXPECT_TRUE(sim.outcome(0));
}

TEST(Operation, FailsLater)
{
    simulation sim;
    controlled<> source(sim.home());
    std::optional<result<>> got;
    sim.start(await_into(source, got));
    sim.settle();
    source.answer(error::send_timeout);
    sim.settle();
    EXPECT_EQ(got->error(), error::send_timeout);
    EXPECT_TRUE(*sim.outcome(0));
}

TEST(Operation, NeverResumesInsideTheCompletion)
{
    simulation sim;
    controlled<int> source(sim.home());
    std::optional<result<int>> got;
    sim.start(await_into(source, got));
    sim.settle();
    {
        const libnet::loop::turn this_turn(sim.home());
        source.answer(1);
        EXPECT_FALSE(got);
    }
    EXPECT_TRUE(got);
}

TEST(Operation, HandsOverWhatCanOnlyBeMoved)
{
    simulation sim;
    controlled<std::unique_ptr<std::string>> source(sim.home());
    std::optional<result<std::unique_ptr<std::string>>> got;
    source.answer(std::make_unique<std::string>("now"));
    EXPECT_TRUE(sim.run(await_into(source, got)));
    EXPECT_EQ(***got, "now");
    sim.start(await_into(source, got));
    sim.settle();
    source.answer(std::make_unique<std::string>("later"));
    sim.settle();
    EXPECT_EQ(***got, "later");
}

TEST(Operation, AnswersABoolAndItsErrors)
{
    simulation sim;
    controlled<bool> source(sim.home());
    std::optional<result<bool>> got;
    source.answer(result<bool>(false));
    EXPECT_TRUE(sim.run(await_into(source, got)));
    EXPECT_TRUE(got->has_value());
    EXPECT_FALSE(**got);
    auto limited = [&]() -> task<bool> { co_return co_await within(1s, source.wait()); };
    EXPECT_EQ(sim.run(limited()).error(), error::timeout);
}

TEST(Operation, CancellingDetachesTheWaiter)
{
    simulation sim;
    controlled<int> source(sim.home());
    std::optional<result<int>> got;
    sim.start(await_into(source, got));
    sim.settle();
    sim.cancel();
    sim.settle();
    EXPECT_EQ(got->error(), error::cancelled);
    EXPECT_EQ(source.abandoned, 1);
    EXPECT_FALSE(source.awaited());
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Operation, IsNotAskedOnceTheTaskIsCancelled)
{
    simulation sim;
    controlled<int> source(sim.home());
    std::optional<result<int>> first;
    std::optional<result<int>> second;
    auto body = [&]() -> task<> {
        co_await await_into(source, first);
        source.answer(3);
        co_await await_into(source, second);
    };
    sim.start(body());
    sim.settle();
    sim.cancel();
    sim.settle();
    EXPECT_EQ(first->error(), error::cancelled);
    EXPECT_EQ(second->error(), error::cancelled) << "cancellation is sticky";
    EXPECT_EQ(source.polled, 1) << "what is there stays there";
    EXPECT_EQ(**sim.run([&]() -> task<result<int>> { co_return co_await source.wait(); }()), 3);
}

TEST(Operation, KeepsAnAnswerThatCameBeforeTheCancellation)
{
    simulation sim;
    controlled<int> source(sim.home());
    std::optional<result<int>> got;
    sim.start(await_into(source, got));
    sim.settle();
    {
        const libnet::loop::turn this_turn(sim.home());
        source.answer(8);
        sim.cancel();
    }
    sim.settle();
    EXPECT_EQ(**got, 8);
    EXPECT_EQ(source.abandoned, 0);
}

TEST(Operation, IsAbandonedWhenItsFrameIsDestroyed)
{
    auto sim = std::make_unique<simulation>();
    controlled<int> source(sim->home());
    std::optional<result<int>> got;
    sim->start(await_into(source, got));
    sim->settle();
    ASSERT_TRUE(source.awaited());
    sim.reset();
    EXPECT_EQ(source.abandoned, 1);
    EXPECT_FALSE(got);
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Operation, IsNotAbandonedWhenItsFrameIsDestroyedBetweenAnswerAndResumption)
{
    auto sim = std::make_unique<simulation>();
    controlled<int> source(sim->home());
    std::optional<result<int>> got;
    sim->start(await_into(source, got));
    sim->settle();
    {
        sim->home().set_turn_limit(0);
        source.answer(8);
    }
    EXPECT_FALSE(got);
    sim.reset();
    EXPECT_EQ(source.abandoned, 0);
    EXPECT_FALSE(got);
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Operation, ServesOneTaskAfterAnother)
{
    simulation sim;
    controlled<int> source(sim.home());
    int sum = 0;
    auto body = [&]() -> task<> {
        for (int i = 0; i != 10; ++i) {
            sum += co_await checked(source.wait(static_cast<std::uintptr_t>(i)));
        }
    };
    sim.start(body());
    for (int i = 0; i != 10; ++i) {
        sim.settle();
        EXPECT_EQ(source.last_argument, static_cast<std::uintptr_t>(i));
        source.answer(i);
    }
    sim.settle();
    EXPECT_EQ(sum, 45);
    EXPECT_TRUE(*sim.outcome(0));
}

}  // namespace
