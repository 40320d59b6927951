#include <libnet/runtime/limiter.hpp>

#include <libnet/runtime/group.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/testing/simulation.hpp>

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace libnet {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class Limiter : public ::testing::Test {
protected:
    void make(const limiter_options& options) { subject.emplace(sim.home(), options); }

    /// Works for `took` as soon as it may, and notes when that was and what came of it.
    void work(char name, duration took)
    {
        sim.start(worker(name, took));
        sim.settle();
    }

    task<> worker(char name, duration took)
    {
        auto turn = co_await subject->acquire();
        note(name, turn ? "begins" : name_of(static_cast<error>(turn.error().value())));
        if (turn) {
            co_await checked(sleep_for(took));
            turn->done();
        }
    }

    /// As one who waits for `patience` at most.
    task<> impatient(char name, duration patience)
    {
        auto turn = co_await within(patience, subject->acquire());
        note(name, turn ? "begins" : name_of(static_cast<error>(turn.error().value())));
    }

    void note(char name, const char* what)
    {
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(sim.now() - began);
        log.push_back(std::to_string(ms.count()) + ' ' + name + ' ' + what);
    }

    std::optional<limiter> subject;  // outlives those who still wait at the end of a test
    testing::simulation sim;
    time_point began = sim.now();
    std::vector<std::string> log;
};

TEST_F(Limiter, LetsInFirstComeFirstServedAndRefusesWhatIsTooMuch)
{
    make({.limit = {.limit = 2, .max_waiting = 2}});
    for (const char name : {'a', 'b', 'c', 'd', 'e'}) {
        work(name, 100ms);
    }
    sim.advance(1s);
    EXPECT_THAT(log, ElementsAre("0 a begins", "0 b begins", "0 e limit_reached", "100 c begins",
                                 "100 d begins"));
    const limiter_stats seen = subject->stats();
    EXPECT_EQ(seen.let_in, 4U);
    EXPECT_EQ(seen.waited, 2U);
    EXPECT_EQ(seen.wait_time, 200ms);
    EXPECT_EQ(seen.longest_wait, 100ms);
    EXPECT_EQ(seen.refused, 1U);
    EXPECT_EQ(seen.running + seen.waiting, 0U);
}

TEST_F(Limiter, WhoComesLaterDoesNotOvertake)
{
    make({.limit = {.limit = 1}});
    work('a', 100ms);
    work('b', 100ms);
    sim.advance(100ms);
    work('c', 100ms);
    sim.advance(1s);
    EXPECT_THAT(log, ElementsAre("0 a begins", "100 b begins", "200 c begins"));
}

TEST_F(Limiter, RefusesWhoHasWaitedForTooLong)
{
    make({.limit = {.limit = 1}, .longest_wait = 50ms});
    work('a', 1s);
    sim.advance(10ms);
    work('b', 1s);
    sim.advance(10ms);
    work('c', 1s);
    sim.advance(2s);
    EXPECT_THAT(log, ElementsAre("0 a begins", "60 b limit_reached", "70 c limit_reached"));
    EXPECT_EQ(subject->stats().refused, 2U);
}

// It is known how long a turn takes, so it is known that a deadline will not be kept.
TEST_F(Limiter, RefusesAtOnceWhomItCouldNotServeInTime)
{
    make({.limit = {.limit = 1}});
    work('a', 100ms);
    sim.advance(100ms);  // now it knows
    work('b', 100ms);
    work('c', 100ms);
    sim.start(impatient('d', 150ms));  // 200 ms
    sim.start(impatient('e', 250ms));
    sim.advance(1s);
    EXPECT_THAT(log, ElementsAre("0 a begins", "100 b begins", "100 d limit_reached",
                                 "200 c begins", "300 e begins"));
}

TEST_F(Limiter, RefusesAtOnceWhereTheQueueWouldTakeLongerThanAnybodyWaits)
{
    make({.limit = {.limit = 2}, .longest_wait = 1s});
    work('a', 900ms);
    sim.advance(900ms);
    for (const char name : {'b', 'c', 'd', 'e', 'f'}) {  // 450 ms for each in the queue
        work(name, 900ms);
    }
    EXPECT_THAT(log,
                ElementsAre("0 a begins", "900 b begins", "900 c begins", "900 f limit_reached"));
}

TEST_F(Limiter, ADeadlineThatStrikesInTheQueueIsATimeout)
{
    make({.limit = {.limit = 1}});
    work('a', 10s);
    sim.start(impatient('b', 100ms));
    sim.settle();
    EXPECT_EQ(subject->stats().waiting, 1U);
    sim.advance(1s);
    EXPECT_THAT(log, ElementsAre("0 a begins", "100 b timeout"));
    EXPECT_EQ(subject->stats().waiting, 0U);
}

TEST_F(Limiter, ARefusalEndsACheckedAwait)
{
    make({.limit = {.limit = 1}});
    work('a', 1s);
    sim.advance(1s);
    work('b', 1s);
    const auto asks = [this]() -> task<> { co_await checked(subject->acquire()); };
    EXPECT_EQ(sim.run(detail::lift(within(10ms, asks()))).error(), error::limit_reached);
}

TEST_F(Limiter, APermitIsGivenBackHoweverItsHolderEnds)
{
    make({.limit = {.limit = 1}});
    const auto throws = [this]() -> task<> {
        const auto turn = co_await subject->acquire();
        throw std::runtime_error("no");
    };
    EXPECT_THROW(sim.run(throws()), std::runtime_error);
    EXPECT_EQ(subject->stats().running, 0U);
    const auto is_cut_off = [this]() -> task<> {
        const auto turn = co_await subject->acquire();
        co_await checked(sleep_for(never));
    };
    EXPECT_EQ(sim.run(detail::lift(within(1s, is_cut_off()))).error(), error::timeout);
    EXPECT_EQ(subject->stats().running, 0U);
}

TEST_F(Limiter, APermitMayOutliveIt)
{
    make({.limit = {.limit = 1}});
    std::optional<permit> kept;
    const auto keeps = [&]() -> task<> { kept.emplace(co_await checked(subject->acquire())); };
    EXPECT_TRUE(sim.run(keeps()));
    subject.reset();
    kept->done();
    kept.reset();
}

TEST_F(Limiter, MayEndAfterItsLoop)
{
    auto own = std::make_unique<testing::simulation>();
    limiter outlives(own->home(), {.limit = {.limit = 1}});
    std::optional<permit> kept;
    const auto keeps = [&]() -> task<> { kept.emplace(co_await checked(outlives.acquire())); };
    EXPECT_TRUE(own->run(keeps()));
    const auto waits = [&]() -> task<> { co_await checked(outlives.acquire()); };
    own->start(waits());
    own->settle();
    EXPECT_EQ(outlives.stats().waiting, 1U);
    own.reset();
    EXPECT_EQ(outlives.stats().waiting, 0U);
    kept.reset();
}

TEST_F(Limiter, ALimitThatRisesLetsMoreIn)
{
    make({.limit = {.limit = 4, .max_waiting = 10, .adaptive = adaptive_limit{.most = 5}}});
    for (int i = 0; i < 10; ++i) {
        work(static_cast<char>('a' + i), 100ms);
    }
    sim.advance(100ms);
    EXPECT_EQ(subject->stats().limit, 5U);
    EXPECT_EQ(subject->stats().running, 5U);
    EXPECT_EQ(subject->stats().waiting, 1U);
}

TEST_F(Limiter, OneThatWasOverloadedLowersIt)
{
    make({.limit = {.limit = 10, .adaptive = adaptive_limit{}}});
    const auto suffers = [this]() -> task<> {
        auto turn = co_await checked(subject->acquire());
        turn.overloaded();
    };
    EXPECT_TRUE(sim.run(suffers()));
    EXPECT_EQ(subject->stats().limit, 9U);
}

TEST_F(Limiter, RefusesOptionsThatLetNothingThrough)
{
    EXPECT_THROW(make({.limit = {.limit = 0}}), std::invalid_argument);
}

/// Three who want to do some work, cut off after so many steps; false if they had ended before.
bool cut_after(int steps)
{
    testing::simulation sim;
    limiter subject(sim.home(), {.limit = {.limit = 1}, .longest_wait = 150ms});
    const auto works = [&](duration took) -> task<> {
        const auto turn = co_await checked(subject.acquire());
        co_await checked(sleep_for(took));
    };
    for (const duration took : {100ms, 100ms, 100ms}) {
        sim.start(works(took));
    }
    for (int i = 0; i < steps; ++i) {
        if (!sim.step()) {
            return false;
        }
    }
    sim.cancel();
    sim.settle();
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_EQ(subject.stats().running, 0U) << "after " << steps << " steps";
    EXPECT_EQ(subject.stats().waiting, 0U) << "after " << steps << " steps";
    return true;
}

TEST(LimiterCancelled, AtEveryStepCountsRight)
{
    int steps = 0;
    while (cut_after(steps)) {
        ++steps;
    }
    EXPECT_GT(steps, 8);
}

}  // namespace
}  // namespace libnet
