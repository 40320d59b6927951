#include "support/busy_pool.hpp"
#include "support/live_object.hpp"
#include "support/run_on.hpp"

#include <libnet/core/error.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/offload.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using libnet::checked;
using libnet::error;
using libnet::error_code;
using libnet::offload;
using libnet::result;
using libnet::task;
using libnet::thread_pool;
using libnet::within;
using libnet::tests::gate;
using libnet::tests::live_object;
using libnet::tests::occupied;
using libnet::tests::run_on;

TEST(Offload, AnswersWhatTheWorkReturns)
{
    asio::io_context io;
    auto body = []() -> task<> {
        const auto here = std::this_thread::get_id();
        const result<bool> elsewhere =
            co_await offload([here] { return std::this_thread::get_id() != here; });
        EXPECT_TRUE(elsewhere.value());
        EXPECT_TRUE(std::this_thread::get_id() == here);
        const result<> nothing = co_await offload([] {});
        EXPECT_TRUE(nothing);
        const std::string text = co_await checked(offload([] { return std::string(100, 'a'); }));
        EXPECT_EQ(text.size(), 100U);
    };
    EXPECT_TRUE(run_on(io, body()));
}

TEST(Offload, AnErrorThatTheWorkReturnsIsTheAwaits)
{
    asio::io_context io;
    auto body = []() -> task<> {
        const result<int> failed =
            co_await offload([]() -> result<int> { return error::too_slow; });
        EXPECT_EQ(failed.error(), error::too_slow);
        const result<int> good = co_await offload([]() -> result<int> { return 3; });
        EXPECT_EQ(good.value(), 3);
        const result<> refused =
            co_await offload([] { return make_error_code(error::not_supported); });
        EXPECT_EQ(refused.error(), error::not_supported);
        const result<> done = co_await offload([] { return error_code(); });
        EXPECT_TRUE(done);
    };
    EXPECT_TRUE(run_on(io, body()));
}

TEST(Offload, RethrowsWhatTheWorkThrows)
{
    asio::io_context io;
    auto body = []() -> task<std::string> {
        try {
            (void)co_await offload([]() -> int { throw std::runtime_error("on purpose"); });
        } catch (const std::runtime_error& caught) {
            co_return caught.what();
        }
        co_return "nothing";
    };
    EXPECT_EQ(run_on(io, body()).value(), "on purpose");
}

TEST(Offload, DestroysWhatTheWorkOwnsBeforeTheTaskGoesOn)
{
    asio::io_context io;
    auto body = []() -> task<> {
        const auto work = [kept = live_object(7)] { return kept.value(); };
        EXPECT_EQ(live_object::alive(), 1);
        EXPECT_EQ((co_await offload(work)).value(), 7);
        EXPECT_EQ(live_object::alive(), 1);
        const result<live_object> handed =
            co_await offload([](live_object given) { return given; }, live_object(8));
        EXPECT_EQ(handed->value(), 8);
        EXPECT_EQ(live_object::alive(), 2);
        const result<int> moved = co_await offload(
            [](std::unique_ptr<int> given) { return *given; }, std::make_unique<int>(9));
        EXPECT_EQ(moved.value(), 9);
    };
    EXPECT_TRUE(run_on(io, body()));
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Offload, DoesNothingUntilItIsAwaited)
{
    const auto work = [kept = live_object()] { ADD_FAILURE() << "nobody awaited it"; };
    {
        const auto never_awaited = offload(work);
        EXPECT_EQ(live_object::alive(), 2);
    }
    EXPECT_EQ(live_object::alive(), 1);
}

TEST(Offload, KeepsTheContextRunning)
{
    asio::io_context io;
    bool ended = false;
    auto body = [&]() -> task<> {
        co_await checked(offload([] { std::this_thread::sleep_for(30ms); }));
        ended = true;
    };
    libnet::spawn(io, body(), [](std::exception_ptr, result<>) {});
    io.run();
    EXPECT_TRUE(ended);
}

TEST(Offload, TheLoopGoesOnMeanwhile)
{
    asio::io_context io;
    gate door;
    auto opens = [&]() -> task<> {
        co_await checked(libnet::sleep_for(5ms));
        door.open();
    };
    auto body = [&](libnet::group& g) -> task<> {
        g.start(opens());
        const auto work = door.waiting();
        co_await checked(offload(work));
    };
    auto both = [&]() -> task<> { co_await checked(libnet::with_group(body)); };
    EXPECT_TRUE(run_on(io, both()));
}

TEST(Offload, GoesOnAtItsDeadline)
{
    gate door;
    asio::io_context io;
    auto body = [&]() -> task<> {
        const auto work = door.waiting();
        EXPECT_EQ((co_await within(10ms, offload(work))).error(), error::timeout);
    };
    EXPECT_TRUE(run_on(io, body()));
    door.open();
}

TEST(Offload, ACancelledTaskLeavesWorkThatHasBegunToItself)
{
    gate door;
    {
        thread_pool pool({.threads = 1});
        asio::io_context io;
        auto waits = [&]() -> task<> {
            const auto work = [wait = door.waiting(), kept = live_object()] {
                wait();
                return live_object();
            };
            const auto cancelled = co_await offload(pool, work);
            EXPECT_EQ(cancelled.error(), error::cancelled);
            EXPECT_EQ(pool.running(), 1U);
        };
        auto body = [&](libnet::group& g) -> task<> {
            g.start(waits());
            while (!door.begun()) {
                co_await checked(libnet::sleep_for(1ms));
            }
            g.cancel();
            co_await checked(g.join());
        };
        auto both = [&]() -> task<> { co_await checked(libnet::with_group(body)); };
        EXPECT_TRUE(run_on(io, both()));
        EXPECT_EQ(live_object::alive(), 1) << "what the work owns, and it has not ended";
        door.open();
    }
    EXPECT_EQ(live_object::alive(), 0) << "nobody wants the answer";
}

TEST(Offload, DropsTheAnswerThatComesToALoopWhereNobodyWaits)
{
    gate door;
    thread_pool pool({.threads = 1});
    asio::io_context io;
    auto body = [&]() -> task<> {
        const auto work = [wait = door.waiting()] {
            wait();
            return live_object();
        };
        EXPECT_EQ((co_await within(5ms, offload(pool, work))).error(), error::timeout);
        door.open();
        EXPECT_TRUE(co_await offload(pool, [] {}));  // after it, on the same thread
        EXPECT_EQ(live_object::alive(), 0);
    };
    EXPECT_TRUE(run_on(io, body()));
}

TEST(Offload, WorkThatIsCancelledInTheQueueNeverBegins)
{
    thread_pool pool({.threads = 1, .queue_limit = 1});
    {
        occupied other(pool);
        asio::io_context io;
        auto body = [&]() -> task<> {
            const auto work = [kept = live_object()] { ADD_FAILURE() << "it was cancelled"; };
            for (int i = 0; i != 3; ++i) {  // its place in the queue is free again
                EXPECT_EQ((co_await within(1ms, offload(pool, work))).error(), error::timeout);
                EXPECT_EQ(live_object::alive(), 1) << "the queue's is gone";
                EXPECT_EQ(pool.waiting(), 0U);
            }
        };
        EXPECT_TRUE(run_on(io, body()));
    }
    EXPECT_EQ(pool.running(), 0U);
}

TEST(Offload, ACancelledTaskDoesNotEvenBegin)
{
    asio::io_context io;
    asio::cancellation_signal cancel;
    std::atomic<int> calls = 0;
    auto body = [&]() -> task<> {
        cancel.emit(asio::cancellation_type::terminal);
        EXPECT_EQ((co_await offload([&] { ++calls; })).error(), error::cancelled);
    };
    libnet::spawn(io, body(),
                  asio::bind_cancellation_slot(cancel.slot(), [](std::exception_ptr, result<>) {}));
    io.run();
    EXPECT_EQ(calls, 0);
}

TEST(Offload, AFullQueueRefusesAtOnce)
{
    thread_pool pool({.threads = 1, .queue_limit = 2});
    auto other = std::make_unique<occupied>(pool);
    asio::io_context io;
    std::atomic<int> calls = 0;
    auto one = [&]() -> task<> { co_await checked(offload(pool, [&] { ++calls; })); };
    auto body = [&](libnet::group& g) -> task<> {
        g.start(one());
        g.start(one());
        co_await libnet::yield();
        EXPECT_EQ(pool.waiting(), 2U);
        const result<int> refused = co_await offload(pool, [] { return 1; });
        EXPECT_EQ(refused.error(), error::limit_reached);
        other->leave();
        co_await checked(g.join());
        EXPECT_EQ((co_await offload(pool, [] { return 1; })).value(), 1);
    };
    auto all = [&]() -> task<> { co_await checked(libnet::with_group(body)); };
    EXPECT_TRUE(run_on(io, all()));
    EXPECT_EQ(calls, 2);
}

TEST(Offload, WithoutAQueueThereIsOnlyWhatHasAThread)
{
    thread_pool pool({.threads = 1, .queue_limit = 0});
    asio::io_context io;
    auto body = [&]() -> task<> {
        for (int i = 0; i != 1000; ++i) {
            const result<int> n = co_await offload(pool, [i] { return i; });
            EXPECT_EQ(n.value(), i) << "the thread is free before the task can know";
        }
        const occupied other(pool);
        EXPECT_EQ((co_await offload(pool, [] {})).error(), error::limit_reached);
    };
    EXPECT_TRUE(run_on(io, body()));
}

TEST(Offload, TenThousandAtOnceFromTwoLoops)
{
    constexpr int each = 5000;
    thread_pool pool({.threads = 4, .queue_limit = 2 * each});
    std::atomic<int> calls = 0;
    auto many = [&] {
        asio::io_context io;
        int answers = 0;
        auto one = [&](int i) -> task<> {
            const int n = co_await checked(offload(pool, [&calls, i] { return ++calls, i; }));
            answers += n == i ? 1 : 0;
        };
        auto body = [&](libnet::group& g) -> task<> {
            for (int i = 0; i != each; ++i) {
                g.start(one(i));
            }
            co_await checked(g.join());
        };
        auto all = [&]() -> task<> { co_await checked(libnet::with_group(body)); };
        EXPECT_TRUE(run_on(io, all()));
        EXPECT_EQ(answers, each);
    };
    std::thread other(many);
    many();
    other.join();
    EXPECT_EQ(calls, 2 * each);
}

TEST(Offload, TenThousandWithDeadlinesThatStrikeAnyMoment)
{
    thread_pool pool({.threads = 2, .queue_limit = 10'000});
    asio::io_context io;
    int answered = 0;
    auto one = [&](int i) -> task<> {
        const auto work = [kept = live_object()] { return kept.value(); };
        const result<int> n = co_await within(i * 2us, offload(pool, work));
        answered += n || n.error() == error::timeout ? 1 : 0;
    };
    auto body = [&](libnet::group& g) -> task<> {
        for (int i = 0; i != 10'000; ++i) {
            g.start(one(i));
        }
        co_await checked(g.join());
    };
    auto all = [&]() -> task<> { co_await checked(libnet::with_group(body)); };
    EXPECT_TRUE(run_on(io, all()));
    EXPECT_EQ(answered, 10'000);
}

TEST(Offload, TheLoopMayEndBeforeTheWork)
{
    for (int round = 0; round != 20; ++round) {
        gate door;
        thread_pool pool({.threads = 1});
        auto io = std::make_unique<asio::io_context>();
        auto body = [&]() -> task<> {
            const auto work = [wait = door.waiting()] {
                const live_object kept;
                wait();
                return kept;
            };
            (void)co_await offload(pool, work);
            ADD_FAILURE() << "the loop has ended";
        };
        auto waits = [&]() -> task<> {  // in the queue
            const auto work = [kept = live_object()] {};
            (void)co_await offload(pool, work);
            ADD_FAILURE() << "the loop has ended";
        };
        libnet::spawn(*io, body(), [](std::exception_ptr, result<>) {});
        libnet::spawn(*io, waits(), [](std::exception_ptr, result<>) {});
        io->poll();
        door.wait_until_begun();
        std::thread opens;
        if (round % 2 == 0) {
            opens = std::thread([&] { door.open(); });  // at the same moment
        }
        io.reset();
        if (opens.joinable()) {
            opens.join();
        } else {
            door.open();
        }
    }
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Offload, WorkOfALoopThatEndsInTheQueueIsDestroyed)
{
    thread_pool pool({.threads = 1});
    const occupied other(pool);
    {
        asio::io_context io;
        auto body = [&]() -> task<> {
            const auto work = [kept = live_object()] { ADD_FAILURE() << "the loop has ended"; };
            (void)co_await offload(pool, work);
        };
        libnet::spawn(io, body(), [](std::exception_ptr, result<>) {});
        io.poll();
        EXPECT_EQ(pool.waiting(), 1U);
    }
    EXPECT_EQ(pool.waiting(), 0U);
    EXPECT_EQ(live_object::alive(), 0);
}

}  // namespace
