#include "support/controlled.hpp"

#include <libnet/asio.hpp>
#include <libnet/core/error.hpp>
#include <libnet/runtime/clock.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <cstdint>

/// Awaits that are ready at once neither deepen the stack nor keep the loop from turning.
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using libnet::checked;
using libnet::error;
using libnet::result;
using libnet::sleep_for;
using libnet::task;
using libnet::within;
using libnet::testing::simulation;
using libnet::tests::always_ready;
using libnet::tests::controlled;

/// The extremes of the stack pointer as seen by a leaf.
struct stack_depth {
    [[gnu::noinline]] void look()
    {
        const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
        lowest = std::min(lowest, here);
        highest = std::max(highest, here);
    }
    std::size_t spread() const { return highest - lowest; }

    std::uintptr_t lowest = UINTPTR_MAX;
    std::uintptr_t highest = 0;
};

// Whether the child runs inside its parent's await or from the loop's queue makes a difference of
// a few calls, which the sanitizers inflate.
constexpr std::size_t a_few_calls = 8 * 1024;

task<int> leaf(int n, stack_depth& depth)
{
    depth.look();
    co_return n;
}

TEST(TurnBudget, AMillionTasksThatAreReadyAtOnceDoNotDeepenTheStack)
{
    simulation sim;
    stack_depth depth;
    auto body = [&]() -> task<std::int64_t> {
        std::int64_t sum = 0;
        for (int i = 0; i != 1'000'000; ++i) {
            sum += i % 2 == 0 ? *co_await leaf(i, depth) : co_await checked(leaf(i, depth));
        }
        co_return sum;
    };
    EXPECT_EQ(*sim.run(body()), 499'999'500'000);
    EXPECT_LT(depth.spread(), a_few_calls);
}

TEST(TurnBudget, AMillionOperationsThatAreReadyAtOnceDoNotDeepenTheStack)
{
    simulation sim;
    always_ready source(sim.home());
    stack_depth depth;
    auto body = [&]() -> task<int> {
        int last = 0;
        for (int i = 0; i != 1'000'000; ++i) {
            last = i % 2 == 0 ? *co_await source.next() : co_await checked(source.next());
            depth.look();
        }
        co_return last;
    };
    EXPECT_EQ(*sim.run(body()), 1'000'000);
    EXPECT_EQ(source.taken, 1'000'000);
    EXPECT_LT(depth.spread(), a_few_calls);
}

TEST(TurnBudget, WakesThatFollowEachOtherDoNotDeepenTheStack)
{
    simulation sim;
    controlled<int> there(sim.home());
    controlled<int> back(sim.home());
    stack_depth depth;
    constexpr int rounds = 100'000;
    auto ping = [&]() -> task<> {
        for (int i = 0; i != rounds; ++i) {
            there.answer(i);
            (void)co_await checked(back.wait());
            depth.look();
        }
    };
    auto pong = [&]() -> task<> {
        for (int i = 0; i != rounds; ++i) {
            back.answer(co_await checked(there.wait()));
            depth.look();
        }
    };
    sim.start(ping());
    EXPECT_TRUE(sim.run(pong()));
    EXPECT_LT(depth.spread(), a_few_calls);
}

task<int> recurse(int depth, bool waits)
{
    if (depth == 0) {
        if (waits) {
            co_await sleep_for(1s);
        }
        co_return 0;
    }
    const result<int> below = co_await recurse(depth - 1, waits);
    co_return *below + 1;
}

TEST(TurnBudget, RecursesAThousandDeep)
{
    simulation sim;
    EXPECT_EQ(*sim.run(recurse(1000, false)), 1000);
    EXPECT_EQ(*sim.run(recurse(1000, true)), 1000);
}

task<int> many_within_a_call(int levels)
{
    if (levels == 0) {
        co_return 1;
    }
    int sum = 0;
    for (int i = 0; i != 10; ++i) {
        sum += co_await checked(many_within_a_call(levels - 1));
    }
    co_return sum;
}

TEST(TurnBudget, RunsOutInTheMiddleOfDeepCallsUnnoticed)
{
    simulation sim;  // 111,111 awaits: the budget ends at every level sooner or later
    EXPECT_EQ(*sim.run(many_within_a_call(5)), 100'000);
}

/// A loop whose time is moved by hand: an endless task never lets a simulation settle.
struct hand_driven {
    hand_driven() { home.use_clock(clock); }

    void turn(int times)
    {
        for (int i = 0; i != times; ++i) {
            io.restart();
            io.poll_one();
        }
    }

    void pass(libnet::duration time)
    {
        const libnet::loop::turn this_turn(home);
        const libnet::time_point end = clock.now() + time;
        while (clock.step(end)) {}
    }

    libnet::manual_clock clock;
    asio::io_context io{1};
    libnet::loop& home = libnet::loop_of(io);
};

/// Begins `body` under a deadline of a second and shows that it strikes while the body never waits.
template <class Body>
void expect_a_deadline_strikes(hand_driven& hand, Body& body)
{
    std::optional<result<>> outcome;
    int sibling_ran = 0;
    auto sibling = [&]() -> task<> {
        for (int i = 0; i != 3; ++i) {
            co_await libnet::yield();
            ++sibling_ran;
        }
    };
    auto limited = [&]() -> task<> { co_await checked(within(1s, body())); };
    const auto ignore = [](std::exception_ptr, result<>) {};
    libnet::spawn(hand.io, limited(), [&](std::exception_ptr, result<> r) { outcome = r; });
    libnet::spawn(hand.io, sibling(), ignore);
    hand.turn(20);
    EXPECT_EQ(sibling_ran, 3) << "others do not get their turn";
    EXPECT_FALSE(outcome);
    hand.pass(999ms);
    hand.turn(20);
    EXPECT_FALSE(outcome);
    hand.pass(1ms);
    hand.turn(20);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->error(), error::timeout);
}

TEST(TurnBudget, ADeadlineStrikesAnEndlessLoopOfReadyTasks)
{
    hand_driven hand;
    always_ready source(hand.home);
    auto child = [&]() -> task<int> { co_return co_await checked(source.next()); };
    auto body = [&]() -> task<> {
        for (;;) {
            (void)co_await checked(child());
        }
    };
    expect_a_deadline_strikes(hand, body);
}

TEST(TurnBudget, ADeadlineStrikesAnEndlessLoopOfReadyOperations)
{
    hand_driven hand;
    always_ready source(hand.home);
    auto body = [&]() -> task<> {
        while (co_await source.next()) {}
        co_await libnet::fail(error::timeout);
    };
    expect_a_deadline_strikes(hand, body);
}

TEST(TurnBudget, ADeadlineStrikesAnEndlessLoopOfCheckedOperations)
{
    hand_driven hand;
    always_ready source(hand.home);
    auto body = [&]() -> task<> {
        for (;;) {
            (void)co_await checked(source.next());
        }
    };
    expect_a_deadline_strikes(hand, body);
}

TEST(TurnBudget, ALoopOfTasksThatAwaitNothingLetsOthersRun)
{
    hand_driven hand;
    stack_depth depth;
    int rounds = 0;
    auto endless = [&]() -> task<> {
        for (;;) {
            rounds = co_await checked(leaf(rounds + 1, depth));
        }
    };
    int turns = 0;
    auto sibling = [&]() -> task<> {
        for (; turns != 5; ++turns) {
            co_await libnet::yield();
        }
    };
    const auto ignore = [](std::exception_ptr, result<>) {};
    libnet::spawn(hand.io, endless(), ignore);
    libnet::spawn(hand.io, sibling(), ignore);
    hand.turn(20);
    EXPECT_EQ(turns, 5);
    EXPECT_GT(rounds, 10'000);
    EXPECT_LT(depth.spread(), a_few_calls);
}

TEST(TurnBudget, AnOperationThatIsNoLongerReadyAfterTheTurnIsWaitedFor)
{
    simulation sim;
    always_ready filler(sim.home());
    controlled<int> source(sim.home());
    // The budget ends somewhere in here, whatever it is; each await in turn is the one that yields.
    for (int spent = 4080; spent != 4110; ++spent) {
        std::optional<int> got;
        auto body = [&]() -> task<> {
            for (int i = 0; i != spent; ++i) {
                (void)co_await filler.next();
            }
            got = co_await checked(source.wait(77));
        };
        const int polled_before = source.polled;
        const int started_before = source.started;
        sim.start(body());
        sim.settle();
        EXPECT_FALSE(got);
        EXPECT_EQ(source.polled, polled_before + 1);
        EXPECT_EQ(source.started, started_before + 1);
        EXPECT_EQ(source.last_argument, 77u);
        source.answer(5);
        sim.settle();
        EXPECT_EQ(got, 5);
    }
    EXPECT_EQ(source.abandoned, 0);
}

TEST(TurnBudget, AnAwaitThatGivesUpItsTurnCanBeCancelledAndDestroyed)
{
    for (const bool destroy : {false, true}) {
        for (int spent = 4080; spent != 4110; ++spent) {
            auto hand = std::make_unique<hand_driven>();
            always_ready filler(hand->home);
            controlled<int> source(hand->home);
            asio::cancellation_signal signal;
            std::optional<result<>> outcome;
            auto body = [&]() -> task<> {
                for (int i = 0; i != spent; ++i) {
                    (void)co_await filler.next();
                }
                (void)co_await checked(source.wait());
            };
            libnet::spawn(hand->io, body(),
                          asio::bind_cancellation_slot(
                              signal.slot(), [&](std::exception_ptr, result<> r) { outcome = r; }));
            hand->turn(1);
            if (destroy) {
                hand.reset();
                EXPECT_FALSE(outcome);
            } else {
                signal.emit(asio::cancellation_type::terminal);
                hand->turn(10);
                ASSERT_TRUE(outcome) << spent;
                EXPECT_EQ(outcome->error(), error::cancelled);
            }
            EXPECT_EQ(source.abandoned, source.started) << "only what was started is abandoned";
        }
    }
}

}  // namespace
