#include "support/controlled.hpp"

#include <libnet/asio.hpp>
#include <libnet/runtime/fiber.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <source_location>
#include <string>
#include <vector>

/// Where a task waits can be seen at any time, innermost await first.
namespace {

using namespace std::chrono_literals;
using libnet::checked;
using libnet::task;
using libnet::within;
using libnet::testing::simulation;
using libnet::tests::controlled;

/// The first of all that run.
libnet::detail::fiber& first_of(libnet::loop& home)
{
    return static_cast<libnet::detail::fiber&>(home.fibers().front());
}

std::vector<unsigned> lines_here(const libnet::detail::fiber& f)
{
    std::vector<unsigned> lines;
    for (const std::source_location& place : f.trace()) {
        if (std::string_view(place.file_name()).ends_with("fiber_test.cpp")) {
            lines.push_back(place.line());
        }
    }
    return lines;
}

struct lines {
    unsigned inner = 0;
    unsigned middle = 0;
    unsigned outer = 0;
};

task<> inner(controlled<>& source, lines& at)
{
    at.inner = std::source_location::current().line() + 1;
    co_await checked(source.wait());
    at.inner = std::source_location::current().line() + 1;
    (void)co_await source.wait();
}

task<> middle(controlled<>& source, lines& at)
{
    at.middle = std::source_location::current().line() + 1;
    co_await within(1h, inner(source, at));
}

task<> outer(controlled<>& source, lines& at)
{
    at.outer = std::source_location::current().line() + 1;
    co_await middle(source, at);
    at.outer = std::source_location::current().line() + 1;
    co_await libnet::sleep_for(1h);
}

TEST(Fiber, KeepsThePlaceOfEveryAwait)
{
    simulation sim;
    controlled<> source(sim.home());
    lines at;
    sim.start(outer(source, at));
    sim.settle();
    auto& f = first_of(sim.home());
    const auto expected = [&] { return std::vector<unsigned>{at.inner, at.middle, at.outer}; };
    EXPECT_EQ(lines_here(f), expected());
    source.answer({});
    sim.settle();
    EXPECT_EQ(lines_here(f), expected());
    const unsigned first = at.outer;
    source.answer({});
    sim.settle();
    EXPECT_EQ(lines_here(f), std::vector<unsigned>{at.outer});
    EXPECT_GT(at.outer, first);
}

TEST(Fiber, NamesTheFunctions)
{
    simulation sim;
    controlled<> source(sim.home());
    lines at;
    sim.start(outer(source, at));
    sim.settle();
    const auto trace = first_of(sim.home()).trace();
    ASSERT_GE(trace.size(), 3u);
    EXPECT_NE(std::string(trace.front().function_name()).find("inner"), std::string::npos);
    EXPECT_NE(std::string(trace.back().function_name()).find("outer"), std::string::npos);
    sim.cancel();
    sim.settle();
}

TEST(Fiber, KeepsThePlaceOfAForeignAwait)
{
    namespace asio = boost::asio;
    asio::io_context io(1);
    libnet::loop& home = libnet::loop_of(io);
    unsigned line = 0;
    auto forever = []() -> asio::awaitable<void> {
        for (;;) {
            co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
        }
    };
    auto body = [&]() -> task<> {
        line = std::source_location::current().line() + 1;
        (void)co_await forever();
    };
    libnet::spawn(io, body(), [](std::exception_ptr, libnet::result<>) {});
    for (int i = 0; i != 5; ++i) {
        io.poll_one();
    }
    EXPECT_EQ(lines_here(first_of(home)), std::vector<unsigned>{line});
}

TEST(Fiber, EveryRunningTaskIsKnownToTheLoop)
{
    simulation sim;
    sim.start(libnet::sleep_for(1s));
    sim.start(libnet::sleep_for(2s));
    sim.settle();
    const auto count = [&] {
        int n = 0;
        sim.home().fibers().for_each([&](auto&) { ++n; });
        return n;
    };
    EXPECT_EQ(count(), 2);
    sim.advance(1s);
    EXPECT_EQ(count(), 1);
    sim.advance(1s);
    EXPECT_EQ(count(), 0);
}

}  // namespace
