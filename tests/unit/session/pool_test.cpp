#include "support/allocations.hpp"
#include "support/seeds.hpp"

#include <libnet/core/literals.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/session/pool.hpp>
#include <libnet/testing/simulation.hpp>

#include <boost/system/errc.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::literals;
using libnet::testing::simulation;
using tests::for_each_seed;
using tests::randomness;
namespace errc = boost::system::errc;

task<> echo(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

/// A server in memory, that can be up or down, and a pool of connections to it.
struct world {
    explicit world(pool_options options = {}, std::size_t endpoints = 1)
        : subject(names(endpoints), with_connector(std::move(options)))
    {
        up.assign(endpoints, true);
    }

    static std::vector<std::string> names(std::size_t count)
    {
        std::vector<std::string> all;
        for (std::size_t i = 0; i != count; ++i) {
            all.push_back(std::to_string(i));
        }
        return all;
    }

    pool_options with_connector(pool_options options)
    {
        options.connector = [this](std::string_view where) { return connect(where); };
        return options;
    }

    task<connection> connect(std::string_view where)
    {
        const std::size_t which = std::stoul(std::string(where));
        co_await checked(sleep_for(connecting_takes));
        if (!up[which]) {
            co_await fail(make_error_code(errc::connection_refused));
        }
        auto [client, peer] = sim.connect();
        sim.serve(peer, session);
        peers.push_back(&peer);
        co_return std::move(client);
    }

    /// The server dies: whoever is connected sees its end.
    void kill()
    {
        up.assign(up.size(), false);
        for (connection* peer : peers) {
            peer->transport().close();
            peer->fail(error::cancelled);
        }
        peers.clear();
        sim.settle();
    }

    void run_pool() { sim.start(subject.run()); }

    void start()
    {
        run_pool();
        sim.settle();
    }

    task<std::string> ask(std::string_view text)
    {
        auto peer = co_await checked(subject.borrow());
        co_await checked((*peer).send(text));
        const bytes answer = co_await checked((*peer).receive());
        co_return to_string(answer);
    }

    const lending_stats& stats() const { return subject.stats(); }

    std::function<task<>(connection&)> session = echo;
    duration connecting_takes = 0s;
    std::vector<bool> up;
    std::vector<connection*> peers;
    simulation sim;
    pool subject;
};

TEST(Pool, LendsAConnectionAndLendsItAgain)
{
    world w;
    w.start();
    EXPECT_EQ(w.stats().idle, 1U);
    for (int i = 0; i != 10; ++i) {
        EXPECT_EQ(*w.sim.run(w.ask("hello")), "hello");
    }
    EXPECT_EQ(w.stats().created, 2U);  // one more, to have one ready
    EXPECT_EQ(w.stats().lent, 10U);
    EXPECT_EQ(w.stats().in_use, 0U);
}

TEST(Pool, AnswersBeforeItRunsOnceItDoes)
{
    world w;
    auto both = [&]() -> task<std::string> {
        w.run_pool();
        co_return co_await checked(w.ask("early"));
    };
    EXPECT_EQ(*w.sim.run(both()), "early");
}

TEST(Pool, WhoWaitsForAPoolThatNobodyRunsIsTold)
{
    world w;
    const time_point before = w.sim.now();
    EXPECT_EQ(w.sim.run(w.ask("nobody")).error(), error::pool_exhausted);
    EXPECT_EQ(w.sim.now() - before, 5s);
}

TEST(Pool, ServesInOrderUpToItsSize)
{
    world w({.lending = {.max_size = 2}});
    w.session = [](connection& peer) -> task<> {
        while (auto frame = co_await peer.receive()) {
            co_await sleep_for(1s);
            co_await peer.send(*frame);
        }
    };
    w.start();
    std::vector<int> order;
    auto call = [&](int n) -> task<> {
        co_await checked(w.ask("x"));
        order.push_back(n);
    };
    const time_point before = w.sim.now();
    auto all = [&]() -> task<> {
        auto body = [&](group& g) -> task<> {
            for (int i = 0; i != 6; ++i) {
                g.start(call(i));
            }
            co_await checked(g.join());
        };
        co_await checked(with_group(body));
    };
    EXPECT_TRUE(w.sim.run(all()));
    EXPECT_THAT(order, ::testing::ElementsAre(0, 1, 2, 3, 4, 5));
    EXPECT_EQ(w.sim.now() - before, 3s);
    EXPECT_EQ(w.stats().created, 2U);
    EXPECT_EQ(w.stats().longest_wait, 2s);
}

TEST(Pool, WaitingHasADeadlineOfItsOwnAndTheCallers)
{
    world w({.lending = {.max_size = 1}});
    w.start();
    auto hold = [&]() -> task<> {
        auto mine = co_await checked(w.subject.borrow());
        co_await sleep_for(1h);
    };
    w.sim.start(hold());
    auto briefly = [&]() -> task<> { co_await checked(within(1s, w.subject.borrow())); };
    time_point before = w.sim.now();
    EXPECT_EQ(w.sim.run(briefly()).error(), error::timeout);
    EXPECT_EQ(w.sim.now() - before, 1s);
    EXPECT_EQ(w.stats().waiting, 0U);
    before = w.sim.now();
    EXPECT_EQ(w.sim.run(w.ask("x")).error(), error::pool_exhausted);
    EXPECT_EQ(w.sim.now() - before, 5s);
}

TEST(Pool, ABorrowerThatThrowsGivesBack)
{
    world w;
    w.start();
    auto careless = [&]() -> task<> {
        auto peer = co_await checked(w.subject.borrow());
        co_await checked((*peer).send("and never read"));
        throw std::runtime_error("oops");
    };
    EXPECT_THROW((void)w.sim.run(careless()), std::runtime_error);
    EXPECT_EQ(w.stats().in_use, 0U);
    EXPECT_EQ(w.stats().discarded, 1U);  // the answer is still to come: nobody else shall read it
    EXPECT_EQ(*w.sim.run(w.ask("fresh")), "fresh");
}

TEST(Pool, NobodyReadsAnAnswerThatWasMeantForSomebodyElse)
{
    world w({.lending = {.max_size = 1}});
    w.session = [](connection& peer) -> task<> {
        while (auto frame = co_await peer.receive()) {
            co_await sleep_for(2s);
            co_await peer.send(*frame);
        }
    };
    w.start();
    auto impatient = [&]() -> task<> { co_await checked(within(1s, w.ask("first"))); };
    EXPECT_EQ(w.sim.run(impatient()).error(), error::timeout);
    EXPECT_EQ(*w.sim.run(w.ask("second")), "second");
    EXPECT_EQ(w.stats().created, 2U);
}

TEST(Pool, BorrowersDecideWhereMessagesDoNotPairUp)
{
    world w;
    w.session = [](connection& peer) -> task<> {
        while (auto frame = co_await peer.receive()) {}
    };
    w.start();
    auto notify = [&](auto end) -> task<> {
        auto peer = co_await checked(w.subject.borrow());
        co_await checked((*peer).send("no answer to this"));
        end(peer);
    };
    EXPECT_TRUE(w.sim.run(notify([](lease& l) { l.keep(); })));
    EXPECT_EQ(w.stats().idle, 1U);
    EXPECT_TRUE(w.sim.run(notify([](lease& l) { l.discard(); })));
    EXPECT_EQ(w.stats().discarded, 1U);
    EXPECT_TRUE(w.sim.run(notify([](lease& l) { l.fail(); })));
    EXPECT_EQ(w.stats().broken, 1U);
}

TEST(Pool, NoticesAtOnceThatAnIdleConnectionHasEnded)
{
    world w({.lending = {.min_idle = 2}});
    w.start();
    w.sim.advance(20s);
    w.kill();
    w.up.assign(1, true);
    EXPECT_EQ(w.stats().lost, 2U);
    EXPECT_EQ(w.stats().idle, 0U);
    w.sim.advance(1s);
    EXPECT_EQ(w.stats().idle, 2U);
    EXPECT_EQ(*w.sim.run(w.ask("again")), "again");
}

TEST(Pool, DropsAConnectionThatSaysSomethingUnasked)
{
    world w;
    w.session = [](connection& peer) -> task<> {
        co_await sleep_for(3s);
        co_await peer.send("by the way");
        co_await echo(peer);
    };
    w.start();
    w.sim.advance(4s);
    EXPECT_EQ(w.stats().lost, 1U);
    EXPECT_EQ(w.stats().created, 2U);
}

TEST(Pool, ChecksIdleConnections)
{
    bool answers = true;
    pool_options options;
    options.check = [&](connection& peer) -> task<> {
        if (!answers) {
            co_await sleep_for(1h);
        }
        co_await checked(peer.send("ping"));
        co_await checked(peer.receive());
    };
    world w(options);
    w.start();
    w.sim.advance(1h);
    EXPECT_EQ(w.stats().lost, 0U);
    EXPECT_EQ(w.stats().expired, 2U);  // of age
    answers = false;
    while (w.stats().checking == 0) {
        w.sim.advance(100ms);
    }
    w.sim.advance(1s);
    EXPECT_EQ(w.stats().lost, 1U);
    EXPECT_EQ(w.stats().idle, 1U);
}

TEST(Pool, PreparesEveryConnection)
{
    pool_options options;
    options.lending.min_idle = 3;
    options.prepare = [](connection& peer) -> task<> {
        co_await checked(peer.send("AUTH secret"));
        const bytes answer = co_await checked(peer.receive());
        if (as_text(answer) != "AUTH secret") {
            co_await fail(error::closed);
        }
    };
    world w(options);
    w.start();
    EXPECT_EQ(w.stats().idle, 3U);
    w.session = [](connection& peer) -> task<> {
        co_await checked(peer.receive());
        co_await checked(peer.send("no"));
        co_await checked(peer.receive());
    };
    w.kill();
    w.up.assign(1, true);
    w.sim.advance(100ms);
    EXPECT_EQ(w.stats().idle, 0U);
    EXPECT_GT(w.stats().failed, 0U);
    EXPECT_EQ(w.subject.endpoints()[0].last_failure, error::closed);
}

TEST(Pool, AServerThatIsSilentFromTheBeginningCostsTheConnectTimeout)
{
    pool_options options;
    options.prepare = [](connection& peer) -> task<> { co_await checked(peer.receive()); };
    world w(options);
    w.start();
    w.sim.advance(3s);
    EXPECT_EQ(w.stats().failed, 1U);
    EXPECT_EQ(w.subject.endpoints()[0].last_failure, error::timeout);
    w.connecting_takes = 1h;
    w.sim.advance(10s);
    EXPECT_GE(w.stats().failed, 2U);
}

TEST(Pool, FailsFastWhileTheServerIsDownAndComesBackByItself)
{
    world w({.lending = {.max_size = 4, .min_idle = 2}});
    w.start();
    w.kill();
    w.sim.advance(3s);
    EXPECT_EQ(w.subject.endpoints()[0].state, circuit::open);
    EXPECT_EQ(w.subject.endpoints()[0].last_failure, errc::connection_refused);
    const time_point before = w.sim.now();
    EXPECT_EQ(w.sim.run(w.ask("x")).error(), error::circuit_open);
    EXPECT_EQ(w.sim.now(), before);
    w.sim.advance(60s);
    w.up.assign(1, true);
    w.sim.advance(30s);
    EXPECT_EQ(w.subject.endpoints()[0].state, circuit::closed);
    EXPECT_EQ(w.stats().idle, 2U);
    EXPECT_EQ(*w.sim.run(w.ask("back")), "back");
}

TEST(Pool, GoesOnWithTheEndpointsThatWork)
{
    world w({.lending = {.max_size = 6, .min_idle = 6}}, 3);
    w.start();
    for (const auto& e : w.subject.endpoints()) {
        EXPECT_EQ(e.size, 2U);
    }
    w.kill();
    w.up = {true, false, true};
    w.sim.advance(10s);
    for (int i = 0; i != 20; ++i) {
        EXPECT_EQ(*w.sim.run(w.ask("x")), "x");
    }
    EXPECT_EQ(w.subject.endpoints()[1].size, 0U);
    EXPECT_EQ(w.stats().idle, 6U);
}

TEST(Pool, GivesAnEndpointThatIsBackItsShareWithoutLosingACall)
{
    world w({.lending = {.max_size = 4, .min_idle = 4}}, 2);
    w.start();
    w.kill();
    w.up = {true, false};
    w.sim.advance(1min);
    EXPECT_EQ(w.subject.endpoints()[0].size, 4U);
    std::size_t answered = 0;
    auto call_all_the_time = [&]() -> task<> {
        for (int i = 0; i != 1000; ++i) {
            const auto answer = co_await w.ask("x");
            answered += answer ? 1U : 0U;
            co_await checked(sleep_for(100ms));
        }
    };
    for (int i = 0; i != 6; ++i) {
        w.sim.start(call_all_the_time());
    }
    w.sim.advance(10s);
    w.up = {true, true};
    w.sim.advance(100s);
    EXPECT_EQ(w.subject.endpoints()[0].size, 2U);
    EXPECT_EQ(w.subject.endpoints()[1].size, 2U);
    EXPECT_EQ(answered, 6000U);
    EXPECT_GE(w.stats().moved, 2U);
}

TEST(Pool, DrainsInGoodOrder)
{
    world w({.lending = {.max_size = 2, .min_idle = 2}});
    w.start();
    auto hold = [&]() -> task<> {
        auto mine = co_await checked(w.subject.borrow());
        co_await sleep_for(10s);
        co_await checked((*mine).send("still here"));
        co_await checked((*mine).receive());
    };
    w.sim.start(hold());
    w.sim.settle();
    w.subject.drain();
    w.sim.settle();
    EXPECT_EQ(w.stats().size, 1U);
    EXPECT_EQ(w.sim.run(w.ask("too late")).error(), error::draining);
    EXPECT_FALSE(w.sim.outcome(0));
    w.sim.advance(10s);
    EXPECT_TRUE(w.sim.outcome(0).value());
    EXPECT_EQ(w.stats().size, 0U);
}

TEST(Pool, DoesNotWaitForEverForWhatWasBorrowed)
{
    world w({.drain_timeout = 30s});
    w.start();
    error_code seen;
    auto hold = [&]() -> task<> {
        auto mine = co_await checked(w.subject.borrow());
        const auto nothing = co_await (*mine).receive();
        seen = nothing.error();
    };
    w.sim.start(hold());
    w.sim.settle();
    w.subject.drain();
    w.sim.advance(30s - 1ns);
    EXPECT_FALSE(w.sim.outcome(0));
    w.sim.advance(1ns);
    EXPECT_TRUE(w.sim.outcome(0));
    EXPECT_EQ(seen, error::drain_timeout);
}

TEST(Pool, ClosesAtOnce)
{
    world w;
    w.start();
    error_code seen;
    auto hold = [&]() -> task<> {
        auto mine = co_await checked(w.subject.borrow());
        const auto nothing = co_await (*mine).receive();
        seen = nothing.error();
    };
    w.sim.start(hold());
    w.sim.settle();
    w.subject.close();
    w.sim.settle();
    EXPECT_EQ(seen, error::closed);
    EXPECT_TRUE(w.sim.outcome(0));
}

TEST(Pool, AnExceptionFromAHookEndsIt)
{
    pool_options options;
    options.prepare = [](connection&) -> task<> {
        throw std::runtime_error("no password");
        co_return;
    };
    world w(options);
    EXPECT_THROW((void)w.sim.run(w.subject.run()), std::runtime_error);
    EXPECT_EQ(w.stats().size, 0U);
    EXPECT_EQ(w.sim.run(w.ask("x")).error(), error::draining);
}

TEST(Pool, SaysWhatIsWrongWithItsArguments)
{
    EXPECT_THROW(pool("nonsense"), boost::system::system_error);
    EXPECT_THROW(pool(std::vector<std::string>{}), std::invalid_argument);
    EXPECT_THROW(pool("127.0.0.1:1", {.lending = {.max_size = 0}}), std::invalid_argument);
}

TEST(Pool, ALeaseMayOutliveThePool)
{
    world w;
    std::optional<lease> kept;
    auto lend = [&]() -> task<> {
        pool_options options;
        options.connector = [&](std::string_view where) { return w.connect(where); };
        pool brief("0", options);
        auto live = [&](group& g) -> task<> {
            g.start(brief.run());
            kept.emplace(co_await checked(brief.borrow()));
        };
        co_await checked(with_group(live));
    };
    auto use = [&]() -> task<> { co_await checked((**kept).receive()); };
    EXPECT_TRUE(w.sim.run(lend()));
    EXPECT_EQ(w.sim.run(use()).error(), error::drain_timeout);  // it has had its time
    kept.reset();
}

// Cancelled at every step, borrowers and the pool together leave nothing behind.
TEST(Pool, CancelledAnywhereItEndsInOrder)
{
    std::size_t cut = 0;
    for (bool reached_the_end = false; !reached_the_end; ++cut) {
        world w({.lending = {.max_size = 2, .min_idle = 0}});
        w.connecting_takes = 10ms;
        auto calls = [&]() -> task<> {
            for (int i = 0; i != 2; ++i) {
                co_await checked(w.ask("x"));
                co_await checked(yield());
            }
        };
        auto all = [&]() -> task<> {
            auto body = [&](group& g) -> task<> {
                for (int i = 0; i != 4; ++i) {
                    g.start(calls());
                }
                co_await checked(g.join());
            };
            co_await checked(with_group(body));
        };
        w.sim.home().set_turn_limit(1);
        w.run_pool();
        w.sim.start(all());
        for (std::size_t steps = 0; steps != cut && !w.sim.outcome(1) && w.sim.step(); ++steps) {}
        reached_the_end = w.sim.outcome(1).has_value();
        w.sim.cancel();
        w.sim.advance(10s);
        ASSERT_TRUE(w.sim.outcome(0) && w.sim.outcome(1)) << "after " << cut << " steps";
        ASSERT_EQ(w.stats().size, 0U) << "after " << cut << " steps";
        ASSERT_EQ(w.stats().waiting, 0U);
    }
    EXPECT_GT(cut, 50U);
}

// Borrowers cancelled wherever they may be suspended leave the pool with the right count, and it
// goes on lending.
TEST(Pool, GoesOnAfterAnyCancelledBorrower)
{
    std::size_t cut = 0;
    for (bool reached_the_end = false; !reached_the_end; ++cut) {
        world w({.lending = {.max_size = 1, .min_idle = 0}});
        w.connecting_takes = 10ms;
        w.run_pool();
        group* callers = nullptr;
        auto call = [&]() -> task<> {
            for (int i = 0; i != 2; ++i) {
                co_await checked(w.ask("x"));
            }
        };
        auto all = [&]() -> task<> {
            auto body = [&](group& g) -> task<> {
                callers = &g;
                for (int i = 0; i != 3; ++i) {
                    g.start(call());
                }
                (void)co_await g.join();
                callers = nullptr;
            };
            co_await checked(with_group(body));
        };
        w.sim.home().set_turn_limit(1);
        w.sim.start(all());
        for (std::size_t steps = 0; steps != cut && !w.sim.outcome(1) && w.sim.step(); ++steps) {}
        reached_the_end = w.sim.outcome(1).has_value();
        if (callers != nullptr) {
            callers->cancel();
        }
        w.sim.advance(1s);
        ASSERT_TRUE(w.sim.outcome(1)) << "after " << cut << " steps";
        ASSERT_EQ(w.stats().in_use, 0U);
        ASSERT_EQ(w.stats().waiting, 0U);
        const auto answer = w.sim.run(w.ask("next"));
        ASSERT_TRUE(answer) << answer.error().message();
        ASSERT_EQ(*answer, "next");
        ASSERT_LE(w.stats().size, 1U);
    }
    EXPECT_GT(cut, 30U);
}

TEST(Pool, BorrowingAndGivingBackAllocatesNothing)
{
    world w;
    w.start();
    std::size_t allocated = 1;
    auto measure = [&]() -> task<> {
        for (int i = 0; i != 1000; ++i) {
            const std::size_t before = tests::allocations();
            {
                const auto peer = co_await checked(w.subject.borrow());
            }
            allocated = tests::allocations() - before;
        }
    };
    EXPECT_TRUE(w.sim.run(measure()));
    EXPECT_EQ(allocated, 0U);
    EXPECT_EQ(w.stats().lent, 1000U);
}

// A crowd of borrowers, some of which are cancelled, at a server that dies and comes back: every call
// completes with its own answer or an error, and the pool never has more than it may.
TEST(Pool, AtRandomEveryCallCompletes)
{
    for_each_seed(10, [](randomness& random) {
        const std::size_t max_size = 1 + random.below(5);
        pool_options options;
        options.lending = {.max_size = max_size,
                           .min_idle = random.below(max_size + 1),
                           .max_waiting = 1 + random.below(20),
                           .borrow_timeout = 2s};
        options.check = [](connection& peer) -> task<> {
            co_await checked(peer.send("ping"));
            co_await checked(peer.receive());
        };
        world w(options, 1 + random.below(3));
        w.sim.home().seed(random());
        w.connecting_takes = duration(random.below(100'000'000));
        w.session = [&random](connection& peer) -> task<> {
            while (auto frame = co_await peer.receive()) {
                co_await sleep_for(duration(random.below(50'000'000)));
                co_await peer.send(*frame);
            }
        };
        w.run_pool();
        int calls = 0;
        int completed = 0;
        int answered = 0;
        auto call = [&](std::string text) -> task<> {
            const auto answer = co_await within(3s, w.ask(text));
            ++completed;
            if (answer) {
                ++answered;
                EXPECT_EQ(*answer, text);
            }
        };
        for (int round = 0; round != 300; ++round) {
            switch (random.below(12)) {
            case 0:
                if (random.one_in(3)) {
                    w.kill();
                }
                break;
            case 1: w.up.assign(w.up.size(), true); break;
            case 2: w.sim.advance(duration(random.below(5'000'000'000))); break;
            default:
                w.sim.start(call(std::to_string(calls++)));
                w.sim.advance(duration(random.below(30'000'000)));
            }
            ASSERT_LE(w.stats().size, max_size);
        }
        w.up.assign(w.up.size(), true);
        w.sim.advance(60s);
        EXPECT_EQ(completed, calls);
        EXPECT_GT(answered, calls / 8);
        EXPECT_EQ(w.stats().in_use, 0U);
        EXPECT_EQ(w.stats().waiting, 0U);
        w.subject.drain();
        w.sim.advance(1s);
        EXPECT_EQ(w.stats().size, 0U);
    });
}

}  // namespace
