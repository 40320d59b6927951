#include "support/seeds.hpp"

#include <libnet/core/literals.hpp>
#include <libnet/policy/circuit_breaker.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::literals;
using tests::for_each_seed;
using tests::randomness;

constexpr time_point start{1h};

void fail(circuit_breaker& breaker, time_point now, int times = 1, std::uint64_t random = 0)
{
    for (int i = 0; i != times; ++i) {
        const auto ticket = breaker.ask(now);
        ASSERT_TRUE(ticket);
        breaker.failed(*ticket, now, random);
    }
}

void succeed(circuit_breaker& breaker, time_point now, int times = 1)
{
    for (int i = 0; i != times; ++i) {
        const auto ticket = breaker.ask(now);
        ASSERT_TRUE(ticket);
        breaker.succeeded(*ticket, now);
    }
}

TEST(CircuitBreaker, OpensAfterFailuresInARow)
{
    circuit_breaker breaker;
    fail(breaker, start, 4);
    succeed(breaker, start);
    fail(breaker, start, 4);
    EXPECT_EQ(breaker.state(), circuit::closed);
    fail(breaker, start);
    EXPECT_EQ(breaker.state(), circuit::open);
    EXPECT_EQ(breaker.ask(start + 1s - 1ns), std::nullopt);
    EXPECT_EQ(breaker.when_next(start), start + 1s);
}

TEST(CircuitBreaker, OpensAboveAFailureRateOnceThereIsEnoughToTell)
{
    circuit_breaker breaker({.consecutive_failures = no_limit});
    for (int i = 0; i != 9; ++i) {
        fail(breaker, start);
        succeed(breaker, start);
    }
    fail(breaker, start);
    EXPECT_EQ(breaker.state(), circuit::closed);  // 10 of 19
    succeed(breaker, start);
    fail(breaker, start);
    EXPECT_EQ(breaker.state(), circuit::open);  // 11 of 21
}

TEST(CircuitBreaker, OnlyTheLastSecondsCount)
{
    circuit_breaker breaker({.consecutive_failures = no_limit});
    fail(breaker, start, 19);
    succeed(breaker, start + 5s, 10);
    fail(breaker, start + 10s, 9);
    EXPECT_EQ(breaker.state(), circuit::closed);
    fail(breaker, start + 10s);
    EXPECT_EQ(breaker.state(), circuit::open);
}

TEST(CircuitBreaker, ClosesAfterAProbeThatSucceeds)
{
    circuit_breaker breaker;
    fail(breaker, start, 5);
    const auto probe = breaker.ask(start + 1s);
    ASSERT_TRUE(probe);
    EXPECT_EQ(breaker.state(), circuit::half_open);
    EXPECT_EQ(breaker.ask(start + 1s), std::nullopt);  // one at a time
    EXPECT_FALSE(breaker.would_allow(start + 1s));
    breaker.succeeded(*probe, start + 2s);
    EXPECT_EQ(breaker.state(), circuit::closed);
    fail(breaker, start + 2s, 4);  // and nothing is remembered
    EXPECT_EQ(breaker.state(), circuit::closed);
}

TEST(CircuitBreaker, StaysOpenLongerEachTimeAProbeFails)
{
    circuit_breaker breaker;
    fail(breaker, start, 5);
    time_point now = start;
    for (const duration wait : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
        ASSERT_EQ(breaker.when_next(now), now + wait);
        now += wait;
        fail(breaker, now);
    }
    // Closed again; what fails soon after stays open as long as before, later it is forgotten.
    succeed(breaker, now + 30s);
    fail(breaker, now + 31s, 5);
    EXPECT_EQ(breaker.when_next(now + 31s), now + 61s);
    succeed(breaker, now + 61s);
    fail(breaker, now + 91s, 5);
    EXPECT_EQ(breaker.when_next(now + 91s), now + 92s);
}

TEST(CircuitBreaker, OpensForAtLeastHalfOfTheTime)
{
    for (const std::uint64_t random : {std::uint64_t{0}, UINT64_MAX / 3, UINT64_MAX}) {
        circuit_breaker breaker({.open_for = 10s});
        fail(breaker, start, 5, random);
        EXPECT_GE(breaker.when_next(start), start + 5s);
        EXPECT_LE(breaker.when_next(start), start + 10s);
    }
}

TEST(CircuitBreaker, WantsSeveralSuccessesIfTold)
{
    circuit_breaker breaker({.probes = 2, .successes_to_close = 3});
    fail(breaker, start, 5);
    const auto first = breaker.ask(start + 1s);
    const auto second = breaker.ask(start + 1s);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(breaker.ask(start + 1s), std::nullopt);
    breaker.succeeded(*first, start + 1s);
    const auto third = breaker.ask(start + 1s);
    ASSERT_TRUE(third);
    breaker.succeeded(*second, start + 1s);
    EXPECT_EQ(breaker.state(), circuit::half_open);
    breaker.succeeded(*third, start + 1s);
    EXPECT_EQ(breaker.state(), circuit::closed);
}

TEST(CircuitBreaker, IgnoresWhatBeganBefore)
{
    circuit_breaker breaker;
    const auto early = breaker.ask(start);
    const auto other = breaker.ask(start);
    fail(breaker, start, 5);
    breaker.succeeded(*early, start);
    EXPECT_EQ(breaker.state(), circuit::open);
    const auto probe = breaker.ask(start + 1s);
    breaker.failed(*other, start + 1s, 0);
    EXPECT_EQ(breaker.state(), circuit::half_open);
    breaker.abandoned(*other);
    EXPECT_EQ(breaker.ask(start + 1s), std::nullopt);
    breaker.succeeded(*probe, start + 1s);
    EXPECT_EQ(breaker.state(), circuit::closed);
}

TEST(CircuitBreaker, AProbeThatTellsNothingMakesRoomForAnother)
{
    circuit_breaker breaker;
    fail(breaker, start, 5);
    const auto cancelled = breaker.ask(start + 1s);
    breaker.abandoned(*cancelled);
    const auto lost = breaker.ask(start + 1s);
    ASSERT_TRUE(lost);
    EXPECT_EQ(breaker.when_next(start + 2s), start + 31s);
    const auto last = breaker.ask(start + 31s);
    ASSERT_TRUE(last);
    breaker.succeeded(*lost, start + 31s);  // too late
    EXPECT_EQ(breaker.state(), circuit::half_open);
    breaker.succeeded(*last, start + 31s);
    EXPECT_EQ(breaker.state(), circuit::closed);
}

TEST(CircuitBreaker, CanBeSwitchedOff)
{
    circuit_breaker breaker({.consecutive_failures = no_limit, .failure_percent = no_limit});
    fail(breaker, start, 10'000);
    EXPECT_EQ(breaker.state(), circuit::closed);
    EXPECT_THROW(circuit_breaker({.probes = 0}), std::invalid_argument);
    EXPECT_THROW(circuit_breaker({.successes_to_close = 0}), std::invalid_argument);
}

TEST(CircuitBreaker, NamesItsStates)
{
    EXPECT_EQ(std::string(name_of(circuit::closed)), "closed");
    EXPECT_EQ(std::string(name_of(circuit::open)), "open");
    EXPECT_EQ(std::string(name_of(circuit::half_open)), "half_open");
    EXPECT_EQ(std::string(name_of(static_cast<circuit>(9))), "unknown");
}

// Calls that overlap and end in any order, against what the documentation says.
TEST(CircuitBreaker, AtRandomKeepsItsPromises)
{
    for_each_seed(40, [](randomness& random) {
        const circuit_breaker_options options{
            .consecutive_failures = 1 + random.below(6),
            .failure_percent = random.one_in(3) ? no_limit : 1 + random.below(100),
            .minimum_calls = 1 + random.below(30),
            .open_for = 1ms * (1 + random.below(5000)),
            .longest_open = 1s * (5 + random.below(30)),
            .probes = 1 + random.below(3),
            .successes_to_close = 1 + random.below(3),
            .probe_timeout = 1s * (1 + random.below(60))};
        circuit_breaker breaker(options);
        std::vector<circuit_breaker::ticket> calls;
        time_point now = start;
        time_point opened{};
        circuit before = circuit::closed;
        const std::uint64_t failing = 1 + random.below(4);
        for (int round = 0; round != 2000; ++round) {
            now += duration(random.below(200'000'000));
            if (random.one_in(2)) {
                const bool allowed = breaker.would_allow(now);
                const auto ticket = breaker.ask(now);
                ASSERT_EQ(ticket.has_value(), allowed);
                if (before == circuit::closed) {
                    ASSERT_TRUE(ticket);
                } else if (before == circuit::open && ticket) {
                    ASSERT_GE(now - opened, options.open_for / 2);
                } else if (before == circuit::open) {
                    ASSERT_LE(now - opened, options.longest_open);
                }
                if (ticket) {
                    calls.push_back(*ticket);
                }
            } else if (!calls.empty()) {
                const std::size_t which = random.below(calls.size());
                const auto ended = calls[which];
                calls.erase(calls.begin() + static_cast<std::ptrdiff_t>(which));
                if (random.one_in(10)) {
                    breaker.abandoned(ended);
                } else if (random.below(4) < failing) {
                    breaker.failed(ended, now, random());
                } else {
                    breaker.succeeded(ended, now);
                }
            }
            if (breaker.state() != before) {
                if (breaker.state() == circuit::open) {
                    opened = now;
                }
                before = breaker.state();
            }
            ASSERT_GE(breaker.when_next(now), now);
            ASSERT_LE(breaker.when_next(now),
                      now + std::max(options.longest_open, options.probe_timeout));
        }
        // It heals, whatever happened: nobody can be locked out for ever.
        for (int i = 0; i != 10 && breaker.state() != circuit::closed; ++i) {
            now = std::max(now, breaker.when_next(now));
            const auto ticket = breaker.ask(now);
            ASSERT_TRUE(ticket);
            breaker.succeeded(*ticket, now);
        }
        EXPECT_EQ(breaker.state(), circuit::closed);
    });
}

}  // namespace
