#include <libnet/policy/backoff.hpp>
#include <libnet/policy/retry_budget.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/session/pool.hpp>
#include <libnet/session/server.hpp>
#include <libnet/testing/simulation.hpp>

#include <gmock/gmock.h>

#include <cstddef>
#include <string>

/// A pool whose server fails, in the simulated network: its callers try again, and that must not
/// become the load.
namespace libnet {
namespace {

using namespace std::chrono_literals;

/// What the server does with each question.
enum class failing { says_busy, hangs_up, says_nothing };

class retries {
public:
    explicit retries(failing how)
        : how_(how),
          shop_("10.0.0.1:9000", [this](connection& peer) { return fail_each(peer); }),
          servers_("shop:9000", eight())
    {
        sim_.network().link_all({.delay = 5ms, .jitter = 5ms});
        sim_.start(testing::on(host_, shop_.run()));
        sim_.start(call_for_20_seconds());
        sim_.advance(1min);
    }

    std::size_t calls = 0;
    std::size_t retried = 0;
    std::size_t answered = 0;
    std::size_t questions = 0;  // that the server has seen
    circuit seen = circuit::closed;

private:
    task<> fail_each(connection& peer)
    {
        while (auto question = co_await peer.receive()) {
            ++questions;
            switch (how_) {
            case failing::says_busy: co_await peer.send("busy"); break;
            case failing::hangs_up: co_return;
            case failing::says_nothing: co_await checked(sleep_for(never));
            }
        }
    }

    static pool_options eight()
    {
        pool_options options;
        options.lending.max_size = 8;
        options.lending.borrow_timeout = 500ms;
        return options;
    }

    task<> call_for_20_seconds()
    {
        auto side_by_side = [this](group& g) -> task<> {
            g.start(servers_.run());
            for (int i = 0; i < 100; ++i) {
                g.start(call_each_second(i * 10ms));
            }
            co_await checked(sleep_for(30s));
            seen = servers_.endpoints()[0].state;
            servers_.drain();
            co_await checked(g.join());
        };
        co_await checked(with_group(side_by_side));
    }

    task<> call_each_second(duration first)
    {
        co_await checked(sleep_for(first));
        for (int i = 0; i < 20; ++i) {
            co_await checked(call());
            co_await checked(sleep_for(1s));
        }
    }

    /// Each would try ten times.
    task<> call()
    {
        loop& here = co_await this_loop();
        ++calls;
        budget_.call(here.now());
        backoff pauses({.first = 10ms, .longest = 100ms, .give_up_after = 10});
        for (;;) {
            const auto outcome = co_await within(200ms, ask());
            if (outcome) {
                ++answered;
                co_return;
            }
            const auto pause = pauses.failed(here.now(), here.random());
            if (!pause || !budget_.take(here.now())) {
                co_return;
            }
            ++retried;
            co_await checked(sleep_for(*pause));
        }
    }

    task<> ask()
    {
        auto peer = co_await checked(servers_.borrow());
        co_await checked(peer->send("question"));
        const bytes answer = co_await checked(peer->receive());
        if (as_text(answer) == "busy") {
            co_await fail(error::limit_reached);
        }
    }

    failing how_;
    testing::simulation sim_;
    testing::simulated_host& host_ = sim_.network().add_host("shop", {"10.0.0.1"});
    server shop_;
    pool servers_;
    retry_budget budget_;
};

/// Ten a second are granted in any case; the last calls end within three seconds.
constexpr std::size_t granted = 30;

// Without a budget there would be nine retries for each call.
TEST(RetriesOverAPool, AreAFifthOfTheCallsWhereTheServerIsBusy)
{
    const retries of(failing::says_busy);
    EXPECT_EQ(of.calls, 2000U);
    EXPECT_EQ(of.answered, 0U);
    EXPECT_LE(of.retried, of.calls / 5 + granted);
    EXPECT_GE(of.retried, of.calls / 6) << "the budget is there to be used";
    EXPECT_EQ(of.questions, of.calls + of.retried);
}

TEST(RetriesOverAPool, AreAFifthOfTheCallsWhereConnectionsEnd)
{
    const retries of(failing::hangs_up);
    EXPECT_EQ(of.calls, 2000U);
    EXPECT_LE(of.retried, of.calls / 5 + granted);
    EXPECT_GE(of.retried, of.calls / 6);
    EXPECT_NE(of.seen, circuit::closed);
    EXPECT_LE(of.questions, of.calls / 10) << "the circuit should have been open";
    EXPECT_GE(of.questions, 5U);
}

TEST(RetriesOverAPool, AreAFifthOfTheCallsWhereNoAnswerComes)
{
    const retries of(failing::says_nothing);
    EXPECT_EQ(of.calls, 2000U);
    EXPECT_LE(of.retried, of.calls / 5 + granted);
    EXPECT_GE(of.retried, of.calls / 6);
    EXPECT_LE(of.questions, of.calls + of.retried);
}

}  // namespace
}  // namespace libnet
