#include "support/controlled.hpp"
#include "support/live_object.hpp"

#include <libnet/core/error.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <tuple>
#include <vector>

/// A checked await ends its frame while it is suspended in the middle of an expression: whatever
/// stands around it must be destroyed exactly once, on every compiler.
namespace {

using namespace std::chrono_literals;
using libnet::checked;
using libnet::error;
using libnet::fail;
using libnet::result;
using libnet::sleep_for;
using libnet::task;
using libnet::within;
using libnet::testing::simulation;
using libnet::tests::controlled;
using libnet::tests::live_object;

/// How the awaited thing ends: it fails or succeeds, at once or after a while.
struct manner {
    bool fails;
    bool waits;
};

task<int> child(manner how, int value)
{
    const live_object local;
    if (how.waits) {
        co_await sleep_for(1s);
    }
    if (how.fails) {
        co_await fail(error::malformed_frame);
    }
    co_return value;
}

int sum(const live_object& a, int b, const live_object& c)
{
    return a.value() + b + c.value();
}

int owned_sum(live_object a, int b, live_object c)
{
    return a.value() + b + c.value();
}

std::size_t length(std::string a, int b, std::string c)
{
    return a.size() + static_cast<std::size_t>(b) + c.size();
}

struct holder {
    holder(live_object a, int b, live_object c) : value(owned_sum(a, b, c)) {}
    int value;
};

using scenario = task<int> (*)(manner);

task<int> as_argument_by_reference(manner how)
{
    co_return sum(live_object(1), co_await checked(child(how, 2)), live_object(3));
}

task<int> as_argument_by_value(manner how)
{
    co_return owned_sum(live_object(1), co_await checked(child(how, 2)), live_object(3));
}

task<int> among_strings(manner how)
{
    co_return static_cast<int>(
        length(std::string(100, 'a'), co_await checked(child(how, 6)), std::string(100, 'b'))) -
        200;
}

task<int> two_in_one_call(manner how)
{
    co_return sum(live_object(co_await checked(child({false, how.waits}, 1))),
                  co_await checked(child(how, 2)), live_object(3));
}

task<int> in_a_nested_call(manner how)
{
    const int inner = sum(live_object(0), co_await checked(child(how, 2)), live_object(0));
    co_return co_await checked(
        child({false, how.waits}, owned_sum(live_object(1), inner, live_object(3))));
}

task<int> as_constructor_argument(manner how)
{
    const holder h(live_object(1), co_await checked(child(how, 2)), live_object(3));
    co_return h.value;
}

task<int> as_new_argument(manner how)
{
    const auto h =
        std::make_unique<holder>(live_object(1), co_await checked(child(how, 2)), live_object(3));
    co_return h->value;
}

task<int> in_a_ternary(manner how)
{
    const live_object local(4);
    co_return local.value() == 4
        ? sum(live_object(1), co_await checked(child(how, 2)), live_object(3))
        : 0;
}

task<int> as_a_ternary_condition(manner how)
{
    co_return co_await checked(child(how, 2)) == 2 ? live_object(6).value() : 0;
}

task<int> behind_a_short_circuit(manner how)
{
    // A temporary on the left of && makes GCC 12 fail to compile it.
    const live_object local(1);
    const bool both = local.value() == 1 && co_await checked(child(how, 2)) == 2;
    co_return both ? 6 : 0;
}

task<int> as_a_loop_condition(manner how)
{
    int rounds = 0;
    while (co_await checked(child({how.fails && rounds == 3, how.waits}, rounds)) < 6) {
        const live_object local;
        ++rounds;
    }
    co_return rounds;
}

task<int> in_a_for_header(manner how)
{
    int total = 0;
    for (live_object i(co_await checked(child(how, 0))); total < 6; ++total) {
        const live_object local;
    }
    co_return total;
}

task<int> in_a_range_loop(manner how)
{
    int total = 0;
    for (const live_object& each : std::vector<live_object>(3, live_object(2))) {
        const live_object local;
        total += co_await checked(child({how.fails && total == 4, how.waits}, each.value()));
    }
    co_return total;
}

task<int> as_a_switch_condition(manner how)
{
    switch (const live_object local(1); co_await checked(child(how, 2))) {
    case 2: co_return 6;
    default: co_return 0;
    }
}

task<int> in_an_if_with_initialiser(manner how)
{
    if (const int n = co_await checked(child(how, 2)); n == 2) {
        co_return 6;
    }
    co_return 0;
}

task<int> in_a_try_block(manner how)
{
    try {
        const live_object local;
        co_return co_await checked(child(how, 2)) + 4;
    } catch (...) {
        ADD_FAILURE() << "an error is no exception";
        throw;
    }
}

task<int> behind_a_comma(manner how)
{
    int n = 0;
    (void)(live_object(1), n = co_await checked(child(how, 2)), live_object(3));
    co_return n + 4;
}

task<int> in_an_operator(manner how)
{
    std::string text = "ab";
    text += std::string(2, 'c') +
            std::string(static_cast<std::size_t>(co_await checked(child(how, 2))), 'd');
    co_return static_cast<int>(text.size());
}

task<int> as_an_index(manner how)
{
    const std::vector<int> table{0, 1, 6};
    co_return std::vector<int>(table)[static_cast<std::size_t>(co_await checked(child(how, 2)))];
}

task<int> in_a_lambda_that_is_a_task(manner how)
{
    auto inner = [&](live_object kept) -> task<int> {
        const live_object local;
        co_return kept.value() + co_await checked(child(how, 2));
    };
    co_return co_await checked(inner(live_object(4)));
}

task<int> as_a_discarded_value(manner how)
{
    const live_object local;
    (void)co_await checked(child(how, 2));
    co_return 6;
}

task<int> inside_a_deadline(manner how)
{
    const live_object local;
    co_return sum(live_object(1), co_await checked(within(5s, child(how, 2))), live_object(3));
}

task<int> inside_two_deadlines(manner how)
{
    auto inner = [&]() -> task<int> { co_return co_await checked(within(5s, child(how, 2))); };
    co_return sum(live_object(1), co_await checked(within(7s, inner())), live_object(3));
}

task<int> inside_a_shield(manner how)
{
    co_return sum(live_object(1), co_await checked(libnet::shielded(5s, child(how, 2))),
                  live_object(3));
}

TEST(Checked, DestroysEachObjectOnceInEveryExpression)
{
    const std::vector<std::pair<const char*, scenario>> scenarios{
        {"argument by reference", as_argument_by_reference},
        {"argument by value", as_argument_by_value},
        {"among strings", among_strings},
        {"two in one call", two_in_one_call},
        {"nested call", in_a_nested_call},
        {"constructor argument", as_constructor_argument},
        {"new argument", as_new_argument},
        {"ternary", in_a_ternary},
        {"ternary condition", as_a_ternary_condition},
        {"short circuit", behind_a_short_circuit},
        {"loop condition", as_a_loop_condition},
        {"for header", in_a_for_header},
        {"range loop", in_a_range_loop},
        {"switch condition", as_a_switch_condition},
        {"if with initialiser", in_an_if_with_initialiser},
        {"try block", in_a_try_block},
        {"comma", behind_a_comma},
        {"operator", in_an_operator},
        {"index", as_an_index},
        {"lambda", in_a_lambda_that_is_a_task},
        {"discarded", as_a_discarded_value},
        {"deadline", inside_a_deadline},
        {"two deadlines", inside_two_deadlines},
        {"shield", inside_a_shield},
    };
    for (const auto& [name, body] : scenarios) {
        for (const manner how :
             {manner{false, false}, manner{false, true}, manner{true, false}, manner{true, true}}) {
            SCOPED_TRACE(testing::Message() << name << (how.fails ? ", fails" : ", succeeds")
                                            << (how.waits ? " later" : " at once"));
            {
                simulation sim;
                const result<int> answer = sim.run(body(how));
                EXPECT_EQ(live_object::alive(), 0);
                if (how.fails) {
                    EXPECT_EQ(answer.error(), error::malformed_frame);
                } else {
                    EXPECT_EQ(answer.value(), 6);
                }
            }
            {  // the same, destroyed while it waits
                simulation sim;
                sim.start([](scenario s, manner m) -> task<> { (void)co_await s(m); }(body, how));
                sim.settle();
            }
            EXPECT_EQ(live_object::alive(), 0);
        }
    }
}

TEST(Checked, HandsOnTheFailureOfAnOperation)
{
    for (const bool at_once : {true, false}) {
        simulation sim;
        controlled<int> source(sim.home());
        int reached = 0;
        auto body = [&]() -> task<int> {
            const live_object local;
            reached = sum(live_object(1), co_await checked(source.wait()), live_object(3));
            co_return reached;
        };
        if (at_once) {
            source.answer(error::too_slow);
            EXPECT_EQ(sim.run(body()).error(), error::too_slow);
        } else {
            sim.start([](task<int> t) -> task<> { co_await checked(std::move(t)); }(body()));
            sim.settle();
            source.answer(error::too_slow);
            sim.settle();
            EXPECT_EQ(sim.outcome(0)->error(), error::too_slow);
        }
        EXPECT_EQ(reached, 0);
        EXPECT_EQ(live_object::alive(), 0);
    }
}

TEST(Checked, HandsOverTheValueOfAnOperation)
{
    simulation sim;
    controlled<std::unique_ptr<int>> source(sim.home());
    auto body = [&](int& got) -> task<> {
        const std::unique_ptr<int> n = co_await checked(source.wait());
        got = *n;
    };
    int got = 0;
    source.answer(std::make_unique<int>(4));
    EXPECT_TRUE(sim.run(body(got)));
    EXPECT_EQ(got, 4);
    sim.start(body(got));
    sim.settle();
    source.answer(std::make_unique<int>(5));
    sim.settle();
    EXPECT_EQ(got, 5);
}

TEST(Checked, TakesAResultThatIsThere)
{
    simulation sim;
    auto body = [](result<std::unique_ptr<int>> given) -> task<int> {
        co_return *co_await checked(std::move(given));
    };
    EXPECT_EQ(*sim.run(body(std::make_unique<int>(8))), 8);
    EXPECT_EQ(sim.run(body(error::closed)).error(), error::closed);
}

task<int> chain(int depth, bool waits)
{
    const live_object local;
    if (depth == 0) {
        co_return co_await checked(child({true, waits}, 0));
    }
    co_return 1 + co_await checked(chain(depth - 1, waits));
}

TEST(Checked, HandsAFailureThroughAThousandCallers)
{
    for (const bool waits : {false, true}) {
        simulation sim;
        EXPECT_EQ(sim.run(chain(1000, waits)).error(), error::malformed_frame);
        EXPECT_EQ(live_object::alive(), 0);
    }
}

TEST(Checked, LeavesTheDeadlinesThatItFailedIn)
{
    simulation sim;
    auto failing = []() -> task<> {
        co_await checked(within(2s, child({true, true}, 0)));
        co_return;
    };
    auto body = [&]() -> task<> {
        // The frame of failing() lives until the end of the statement, its deadline strikes inside.
        const auto both =
            std::make_tuple((co_await failing()).error(), (co_await sleep_for(5s)).has_value(),
                            (co_await within(1s, sleep_for(3s))).error());
        EXPECT_EQ(std::get<0>(both), error::malformed_frame);
        EXPECT_TRUE(std::get<1>(both));
        EXPECT_EQ(std::get<2>(both), error::timeout);
        EXPECT_TRUE(co_await within(2s, sleep_for(1s)));
        EXPECT_TRUE(co_await sleep_for(60s));
    };
    EXPECT_TRUE(sim.run(body()));
}

}  // namespace
