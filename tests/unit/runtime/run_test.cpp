#include "support/live_object.hpp"

#include <libnet/core/error.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/run.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <boost/system/system_error.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <stdexcept>

/// These run a real loop: times are real, and short.
namespace {

using namespace std::chrono_literals;
using libnet::error;
using libnet::run_options;
using libnet::sleep_for;
using libnet::task;
using libnet::tests::live_object;

task<int> number(int n)
{
    const live_object local;
    co_await libnet::yield();
    co_return n;
}

TEST(Run, ReturnsTheExitCode)
{
    EXPECT_EQ(libnet::run(number(3)), 3);
    EXPECT_EQ(libnet::run(sleep_for(5ms)), 0);
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Run, ThrowsTheErrorThatTheTaskEndsWith)
{
    auto body = []() -> task<> { co_await libnet::fail(error::host_not_found); };
    try {
        libnet::run(body());
        FAIL() << "did not throw";
    } catch (const boost::system::system_error& caught) {
        EXPECT_EQ(caught.code(), error::host_not_found);
    }
}

TEST(Run, ThrowsWhatTheTaskThrows)
{
    auto body = []() -> task<int> {
        const live_object local;
        co_await libnet::yield();
        throw std::domain_error("on purpose");
        co_return 1;
    };
    EXPECT_THROW(libnet::run(body()), std::domain_error);
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Run, ASignalCancelsTheTaskAndItsChildren)
{
    for (const int signal : {SIGTERM, SIGINT}) {
        int cancelled = 0;
        auto child = [&]() -> task<> {
            const live_object local;
            cancelled += (co_await sleep_for(1h)).error() == error::cancelled ? 1 : 0;
        };
        auto all = [&](libnet::group& g) -> task<> {
            g.start(child());
            g.start(child());
            co_await sleep_for(5ms);
            std::raise(signal);
            co_await libnet::checked(g.join());
        };
        auto body = [&]() -> task<> { co_await libnet::checked(libnet::with_group(all)); };
        EXPECT_EQ(libnet::run(body()), 0) << "cancelled by a signal is a success";
        EXPECT_EQ(cancelled, 2);
        EXPECT_EQ(live_object::alive(), 0);
    }
}

TEST(Run, ATaskThatASignalCancelledStillSaysItsExitCode)
{
    auto body = []() -> task<int> {
        std::raise(SIGTERM);
        EXPECT_EQ((co_await sleep_for(1h)).error(), error::cancelled);
        EXPECT_TRUE(co_await libnet::shielded(1s, sleep_for(5ms)));
        co_return 4;
    };
    EXPECT_EQ(libnet::run(body()), 4);
}

TEST(Run, CancelledWithoutASignalIsAnError)
{
    auto body = []() -> task<> { co_await libnet::fail(error::cancelled); };
    EXPECT_THROW(libnet::run(body()), boost::system::system_error);
}

TEST(Run, LeavesSignalsAsTheyAreIfItIsTold)
{
    static volatile std::sig_atomic_t seen = 0;
    seen = 0;
    const auto before = std::signal(SIGTERM, [](int) { seen = 1; });
    auto body = []() -> task<> {
        std::raise(SIGTERM);
        EXPECT_TRUE(co_await sleep_for(5ms));
    };
    run_options options;
    options.on_signal = run_options::signals::ignore;
    EXPECT_EQ(libnet::run(body(), options), 0);
    EXPECT_EQ(seen, 1);
    std::signal(SIGTERM, before);
}

TEST(Run, SpinsBeforeItSleeps)
{
    auto body = []() -> task<int> {
        for (int i = 0; i != 5; ++i) {
            co_await libnet::yield();
            EXPECT_TRUE(co_await sleep_for(3ms));  // longer than the spinning: it does sleep
        }
        co_return 6;
    };
    for (const libnet::duration spin : {libnet::duration(100us), libnet::duration(10ms)}) {
        run_options options;
        options.spin = spin;
        EXPECT_EQ(libnet::run(body(), options), 6);
    }
    run_options options;
    options.spin = 100us;
    auto signalled = []() -> task<> {
        std::raise(SIGTERM);
        co_await libnet::checked(sleep_for(1h));
    };
    EXPECT_EQ(libnet::run(signalled(), options), 0);
}

TEST(Run, RunsOneProgramAfterAnother)
{
    for (int i = 0; i != 20; ++i) {
        EXPECT_EQ(libnet::run(number(i)), i);
    }
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Run, ASecondSignalEndsTheProgram)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    auto stubborn = []() -> task<> {
        std::raise(SIGTERM);
        for (;;) {
            (void)co_await libnet::shielded(1h, sleep_for(20ms));
            std::raise(SIGTERM);
        }
    };
    EXPECT_EXIT(libnet::run(stubborn()), testing::ExitedWithCode(128 + SIGTERM), "");
}

}  // namespace
