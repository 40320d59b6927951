#include "support/live_object.hpp"

#include <libnet/core/error.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace {

using namespace std::chrono_literals;
using libnet::checked;
using libnet::duration;
using libnet::error;
using libnet::fail;
using libnet::group;
using libnet::result;
using libnet::shielded;
using libnet::sleep_for;
using libnet::task;
using libnet::with_group;
using libnet::within;
using libnet::testing::simulation;
using libnet::tests::live_object;

/// What happened to the children, by number: positive when it slept through, negative when not.
using journal = std::vector<int>;

task<> sleeper(duration wait, journal& log, int number, live_object kept = live_object())
{
    const live_object local(kept.value());
    const result<> slept = co_await sleep_for(wait);
    log.push_back(slept ? number : -number);
    co_await checked(slept);
}

task<> failing(duration wait, error why)
{
    const live_object local;
    co_await sleep_for(wait);
    co_await fail(why);
}

task<> throwing(duration wait)
{
    const live_object local;
    co_await sleep_for(wait);
    throw std::runtime_error("of a child");
}

/// Needs three seconds for its goodbye, whatever happens.
task<> polite(journal& log, int number)
{
    const live_object local;
    (void)co_await sleep_for(1h);
    log.push_back((co_await shielded(10s, sleep_for(3s))) ? number : -number);
}

/// Runs with_group(body) and answers how it ended and how long it took.
template <class Body>
std::pair<result<>, duration> run_group(simulation& sim, Body& body)
{
    const auto start = sim.now();
    auto whole = [&]() -> task<> { co_await checked(with_group(body)); };
    const result<> ended = sim.run(whole());
    EXPECT_EQ(live_object::alive(), 0);
    return {ended, sim.now() - start};
}

TEST(Group, EndsAtOnceWhenItIsEmpty)
{
    simulation sim;
    auto idle = [](group& g) -> task<> {
        EXPECT_EQ(g.size(), 0u);
        co_await checked(g.join());
        co_await checked(g.join());
    };
    EXPECT_EQ(run_group(sim, idle), std::pair(result<>(), duration::zero()));
}

TEST(Group, JoinsChildrenThatRunSideBySide)
{
    simulation sim;
    journal log;
    auto body = [&](group& g) -> task<> {
        g.start(sleeper(3s, log, 1));
        g.start(sleeper(1s, log, 2));
        g.start(sleeper(2s, log, 3));
        EXPECT_EQ(g.size(), 3u);
        EXPECT_TRUE(log.empty()) << "they begin when the caller suspends";
        co_await checked(g.join());
        EXPECT_EQ(g.size(), 0u);
        g.start(sleeper(1s, log, 4));
        co_await checked(g.join());
    };
    EXPECT_EQ(run_group(sim, body), std::pair(result<>(), duration(4s)));
    EXPECT_EQ(log, (journal{2, 3, 1, 4}));
}

TEST(Group, CancelsAndJoinsWhatStillRunsWhenTheBodyEnds)
{
    simulation sim;
    journal log;
    auto body = [&](group& g) -> task<> {
        g.start(sleeper(1h, log, 1));
        g.start(polite(log, 2));
        co_await sleep_for(1s);
    };
    EXPECT_EQ(run_group(sim, body), std::pair(result<>(), duration(4s)));
    EXPECT_EQ(log, (journal{-1, 2}));
}

TEST(Group, CancelsChildrenThatHaveNotBegun)
{
    simulation sim;
    journal log;
    auto body = [&](group& g) -> task<> {
        g.start(sleeper(1h, log, 1));
        co_return;
    };
    EXPECT_EQ(run_group(sim, body), std::pair(result<>(), duration::zero()));
    EXPECT_EQ(log, (journal{-1}));
}

TEST(Group, TheFirstFailureCancelsSiblingsAndBody)
{
    simulation sim;
    journal log;
    auto body = [&](group& g) -> task<> {
        g.start(sleeper(1h, log, 1));
        g.start(failing(1s, error::too_slow));
        g.start(failing(1s, error::closed));
        EXPECT_EQ((co_await sleep_for(1h)).error(), error::cancelled);
        EXPECT_EQ((co_await g.join()).error(), error::cancelled) << "sticky";
    };
    const auto [ended, took] = run_group(sim, body);
    EXPECT_EQ(ended.error(), error::too_slow);
    EXPECT_EQ(took, duration(1s));
    EXPECT_EQ(log, (journal{-1}));
}

TEST(Group, AnExceptionOfAChildIsTheGroups)
{
    simulation sim;
    journal log;
    auto body = [&](group& g) -> task<> {
        g.start(sleeper(1h, log, 1));
        g.start(throwing(1s));
        co_await checked(g.join());
        ADD_FAILURE() << "the body goes on";
    };
    EXPECT_THROW((void)run_group(sim, body), std::runtime_error);
    EXPECT_EQ(live_object::alive(), 0);
    EXPECT_EQ(log, (journal{-1}));
}

TEST(Group, ABodyThatFailsWaitsForChildrenInMidShield)
{
    simulation sim;
    journal log;
    auto body = [&](group& g) -> task<> {
        const live_object local;
        g.start(polite(log, 1));
        g.start(sleeper(1h, log, 2));
        co_await sleep_for(1s);
        co_await fail(error::malformed_frame);
    };
    const auto [ended, took] = run_group(sim, body);
    EXPECT_EQ(ended.error(), error::malformed_frame);
    EXPECT_EQ(took, duration(4s));
    EXPECT_EQ(log, (journal{-2, 1}));
}

TEST(Group, ABodyThatThrowsWaitsForChildrenInMidShield)
{
    simulation sim;
    journal log;
    auto body = [&](group& g) -> task<> {
        const live_object local;
        g.start(polite(log, 1));
        co_await sleep_for(1s);
        throw std::logic_error("of the body");
    };
    EXPECT_THROW((void)run_group(sim, body), std::logic_error);
    EXPECT_EQ(live_object::alive(), 0);
    EXPECT_EQ(log, (journal{1}));
}

TEST(Group, ABodyThatFailsByACheckedAwaitWaitsForItsChildren)
{
    simulation sim;
    journal log;
    auto body = [&](group& g) -> task<> {
        const live_object local;
        g.start(polite(log, 1));
        co_await checked(within(2s, sleep_for(1h)));
        ADD_FAILURE();
    };
    const auto [ended, took] = run_group(sim, body);
    EXPECT_EQ(ended.error(), error::timeout);
    EXPECT_EQ(took, duration(5s));
    EXPECT_EQ(log, (journal{1}));
}

TEST(Group, ChildrenStartChildren)
{
    struct tree {
        static task<> grow(group& g, int levels, int& leaves)
        {
            const live_object local;
            co_await sleep_for(1s);
            if (levels == 0) {
                ++leaves;
                co_return;
            }
            g.start(grow(g, levels - 1, leaves));
            g.start(grow(g, levels - 1, leaves));
        }
    };
    simulation sim;
    int leaves = 0;
    auto body = [&](group& g) -> task<> {
        g.start(tree::grow(g, 8, leaves));
        co_await checked(g.join());
    };
    EXPECT_EQ(run_group(sim, body), std::pair(result<>(), duration(9s)));
    EXPECT_EQ(leaves, 256);
}

TEST(Group, ChildrenThatAreStartedWhileItEndsAreCancelledToo)
{
    simulation sim;
    journal log;
    auto starts_another = [&](group& g) -> task<> {
        const live_object local;
        (void)co_await sleep_for(1h);
        g.start(sleeper(24h, log, 1));
    };
    auto body = [&](group& g) -> task<> {
        g.start(starts_another(g));
        co_await sleep_for(1s);
    };
    EXPECT_EQ(run_group(sim, body), std::pair(result<>(), duration(1s)));
    EXPECT_EQ(log, (journal{-1}));
}

TEST(Group, CancelEndsTheChildrenAndIsNoFailure)
{
    simulation sim;
    journal log;
    auto body = [&](group& g) -> task<> {
        g.start(sleeper(1h, log, 1));
        g.start(sleeper(1h, log, 2));
        co_await sleep_for(1s);
        g.cancel();
        EXPECT_EQ(g.size(), 2u);
        co_await checked(g.join());
        EXPECT_TRUE(co_await sleep_for(1s)) << "the body itself goes on";
    };
    EXPECT_EQ(run_group(sim, body), std::pair(result<>(), duration(2s)));
    EXPECT_EQ(log, (journal{-1, -2}));
}

TEST(Group, AChildCancelsItsOwnGroup)
{
    simulation sim;
    journal log;
    auto child = [&](group& g) -> task<> {
        co_await sleep_for(1s);
        g.cancel();
        EXPECT_EQ((co_await sleep_for(1h)).error(), error::cancelled);
    };
    auto body = [&](group& g) -> task<> {
        g.start(sleeper(1h, log, 1));
        g.start(child(g));
        co_await checked(g.join());
    };
    EXPECT_EQ(run_group(sim, body), std::pair(result<>(), duration(1s)));
    EXPECT_EQ(log, (journal{-1}));
}

TEST(Group, JoinUnderADeadlineLeavesTheChildrenRunning)
{
    simulation sim;
    journal log;
    auto body = [&](group& g) -> task<> {
        g.start(sleeper(3s, log, 1));
        EXPECT_EQ((co_await within(1s, g.join())).error(), error::timeout);
        EXPECT_EQ(g.size(), 1u);
        co_await checked(g.join());
    };
    EXPECT_EQ(run_group(sim, body), std::pair(result<>(), duration(3s)));
    EXPECT_EQ(log, (journal{1}));
}

TEST(Group, CancellingTheCallerCancelsBodyAndChildren)
{
    simulation sim;
    journal log;
    auto body = [&](group& g) -> task<> {
        const live_object local;
        g.start(sleeper(1h, log, 1));
        g.start(polite(log, 2));
        co_await checked(g.join());
    };
    auto whole = [&]() -> task<> {
        co_await checked(with_group(body));
        ADD_FAILURE();
    };
    sim.start(whole());
    sim.settle();
    sim.cancel();
    sim.settle();
    EXPECT_EQ(sim.running(), 1u) << "one child says goodbye";
    sim.advance(3s);
    ASSERT_EQ(sim.running(), 0u);
    EXPECT_EQ(sim.outcome(0)->error(), error::cancelled);
    EXPECT_EQ(log, (journal{-1, 2}));
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Group, ADeadlineAroundItStrikesBodyAndChildren)
{
    simulation sim;
    journal log;
    auto body = [&](group& g) -> task<> {
        g.start(sleeper(1h, log, 1));
        co_await checked(g.join());
    };
    auto whole = [&]() -> task<> {
        EXPECT_EQ((co_await within(2s, with_group(body))).error(), error::timeout);
        EXPECT_TRUE(co_await sleep_for(1s));
    };
    EXPECT_TRUE(sim.run(whole()));
    EXPECT_EQ(log, (journal{-1}));
}

TEST(Group, AGroupInAGroup)
{
    simulation sim;
    journal log;
    auto inner = [&](group& g) -> task<> {
        g.start(sleeper(1h, log, 1));
        g.start(failing(2s, error::too_slow));
        co_await checked(g.join());
    };
    auto child = [&]() -> task<> { co_await checked(with_group(inner)); };
    auto outer = [&](group& g) -> task<> {
        g.start(sleeper(1h, log, 2));
        g.start(child());
        co_await checked(g.join());
    };
    const auto [ended, took] = run_group(sim, outer);
    EXPECT_EQ(ended.error(), error::too_slow);
    EXPECT_EQ(took, duration(2s));
    EXPECT_EQ(log, (journal{-1, -2}));
}

TEST(Group, AFailureDoesNotStopTheBodyInAShieldButAfterwards)
{
    simulation sim;
    auto body = [&](group& g) -> task<> {
        g.start(failing(1s, error::too_slow));
        EXPECT_TRUE(co_await shielded(10s, sleep_for(3s)));
        EXPECT_EQ((co_await sleep_for(1s)).error(), error::cancelled);
    };
    const auto [ended, took] = run_group(sim, body);
    EXPECT_EQ(ended.error(), error::too_slow);
    EXPECT_EQ(took, duration(3s));
}

TEST(Group, TheScopeAfterItIsFreeAgain)
{
    simulation sim;
    auto body = [&](group& g) -> task<> {
        g.start(failing(1s, error::too_slow));
        co_await checked(g.join());
    };
    auto whole = [&]() -> task<> {
        for (int i = 0; i != 3; ++i) {
            EXPECT_EQ((co_await with_group(body)).error(), error::too_slow);
            EXPECT_TRUE(co_await sleep_for(1s));
        }
    };
    EXPECT_TRUE(sim.run(whole()));
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Group, TakesABodyThatOwnsNothingAsATemporary)
{
    simulation sim;
    int ran = 0;
    auto whole = [](int& count) -> task<> {
        co_await checked(with_group([&count](group& g) -> task<> {
            g.start([](int& c) -> task<> {
                ++c;
                co_return;
            }(count));
            co_await checked(g.join());
            ++count;
        }));
    };
    EXPECT_TRUE(sim.run(whole(ran)));
    EXPECT_EQ(ran, 2);
}

// A temporary body that owns what it captures does not compile: GCC 12 would destroy it twice.
//     co_await with_group([name = std::string("x")](group& g) -> task<> { ... });
//     error: static assertion failed: name the lambda first: ...

TEST(Group, DiesWithItsChildrenAtEveryStep)
{
    for (int steps = 0;; ++steps) {
        bool over = false;
        journal log;
        {
            simulation sim;
            auto inner = [&](group& g) -> task<> {
                const live_object local;
                g.start(polite(log, 1));
                co_await sleep_for(1s);
            };
            auto child = [&]() -> task<> { co_await checked(with_group(inner)); };
            auto body = [&](group& g) -> task<> {
                const live_object local;
                g.start(polite(log, 2));
                g.start(child());
                g.start(failing(2s, error::too_slow));
                co_await checked(g.join());
            };
            auto whole = [&]() -> task<> { co_await checked(with_group(body)); };
            sim.start(whole());
            for (int i = 0; i != steps && !over; ++i) {
                over = !sim.step();
            }
        }
        ASSERT_EQ(live_object::alive(), 0) << steps;
        if (over) {
            ASSERT_GT(steps, 10);
            break;
        }
    }
}

TEST(Group, EndsWhenItIsCancelledAtAnyStep)
{
    for (int steps = 0;; ++steps) {
        bool over = false;
        journal log;
        simulation sim;
        auto inner = [&](group& g) -> task<> {
            const live_object local;
            g.start(polite(log, 1));
            co_await sleep_for(1s);
        };
        auto child = [&]() -> task<> { co_await checked(with_group(inner)); };
        auto body = [&](group& g) -> task<> {
            const live_object local;
            g.start(child());
            g.start(sleeper(2s, log, 3));
            co_await checked(g.join());
        };
        auto whole = [&]() -> task<> { co_await checked(with_group(body)); };
        sim.start(whole());
        for (int i = 0; i != steps && !over; ++i) {
            over = !sim.step();
        }
        sim.cancel();
        sim.advance(10s);
        ASSERT_EQ(sim.running(), 0u) << steps;
        ASSERT_EQ(live_object::alive(), 0) << steps;
        if (over) {
            break;
        }
    }
}

}  // namespace
