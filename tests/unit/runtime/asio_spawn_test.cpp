#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 in Asio's use_future, sanitized
#endif

#include "support/controlled.hpp"
#include "support/live_object.hpp"

#include <libnet/asio.hpp>
#include <libnet/core/error.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>

/// Tasks and operations of libnet, started from Asio's side.
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using libnet::async;
using libnet::error;
using libnet::loop_of;
using libnet::result;
using libnet::sleep_for;
using libnet::spawn;
using libnet::task;
using libnet::tests::controlled;
using libnet::tests::live_object;

task<int> number(int n, libnet::duration wait = 1ms)
{
    const live_object local;
    co_await sleep_for(wait);
    co_return n;
}

task<> failing()
{
    co_await libnet::yield();
    co_await libnet::fail(error::too_slow);
}

task<int> throwing()
{
    const live_object local;
    co_await libnet::yield();
    throw std::domain_error("on purpose");
    co_return 1;
}

task<> forever(std::optional<libnet::error_code>& ended)
{
    const live_object local;
    ended = (co_await sleep_for(1h)).error();
    co_await libnet::fail(*ended);
}

TEST(Spawn, ByCallback)
{
    asio::io_context io;
    int calls = 0;
    spawn(io, number(3), [&](std::exception_ptr thrown, result<int> n) {
        EXPECT_FALSE(thrown);
        EXPECT_EQ(n.value(), 3);
        ++calls;
    });
    spawn(io, failing(), [&](std::exception_ptr thrown, result<> r) {
        EXPECT_FALSE(thrown);
        EXPECT_EQ(r.error(), error::too_slow);
        ++calls;
    });
    spawn(io, throwing(), [&](std::exception_ptr thrown, result<int> n) {
        EXPECT_THROW(std::rethrow_exception(thrown), std::domain_error);
        EXPECT_EQ(n.error(), error::no_value);
        ++calls;
    });
    EXPECT_EQ(calls, 0) << "never inside the call";
    io.run();
    EXPECT_EQ(calls, 3);
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Spawn, ByCallbackWithWhatCanOnlyBeMoved)
{
    asio::io_context io;
    auto body = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(4); };
    int got = 0;
    spawn(io, body(),
          [&, own = std::make_unique<int>(1)](std::exception_ptr, result<std::unique_ptr<int>> n) {
              got = **n + *own;
          });
    io.run();
    EXPECT_EQ(got, 5);
}

TEST(Spawn, ByAwaitable)
{
    asio::io_context io;
    int done = 0;
    auto body = [&]() -> asio::awaitable<void> {
        const result<int> n = co_await spawn(io, number(3), asio::use_awaitable);
        EXPECT_EQ(n.value(), 3);
        const result<> r = co_await spawn(io, failing(), asio::use_awaitable);
        EXPECT_EQ(r.error(), error::too_slow);
        try {
            (void)co_await spawn(io, throwing(), asio::use_awaitable);
        } catch (const std::domain_error&) {
            ++done;
        }
        ++done;
    };
    asio::co_spawn(io, body(), asio::detached);
    io.run();
    EXPECT_EQ(done, 2);
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Spawn, ByFuture)
{
    asio::io_context io;
    auto n = spawn(io, number(3), asio::use_future);
    auto r = spawn(io, failing(), asio::use_future);
    auto t = spawn(io, throwing(), asio::use_future);
    io.run();
    EXPECT_EQ(n.get().value(), 3);
    EXPECT_EQ(r.get().error(), error::too_slow);
    EXPECT_THROW((void)t.get(), std::domain_error);
}

TEST(Spawn, Deferred)
{
    asio::io_context io;
    int got = 0;
    {
        auto unused = spawn(io, number(1), asio::deferred);
        (void)unused;
    }
    auto later = spawn(io, number(3), asio::deferred);
    EXPECT_EQ(io.poll(), 0u) << "not begun";
    std::move(later)([&](std::exception_ptr, result<int> n) { got = n.value(); });
    io.restart();
    io.run();
    EXPECT_EQ(got, 3);
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Spawn, Detached)
{
    asio::io_context io;
    bool ran = false;
    auto body = [&]() -> task<> {
        co_await libnet::yield();
        ran = true;
    };
    spawn(io, body(), asio::detached);
    spawn(io, throwing(), asio::detached);
    io.run();
    EXPECT_TRUE(ran);
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Spawn, CompletesOnTheHandlersExecutor)
{
    asio::io_context io;
    asio::thread_pool pool(1);
    std::atomic<bool> elsewhere = false;
    const auto own = std::this_thread::get_id();
    spawn(io, number(3), asio::bind_executor(pool, [&](std::exception_ptr, result<int> n) {
              EXPECT_EQ(n.value(), 3);
              elsewhere = std::this_thread::get_id() != own;
          }));
    io.run();
    pool.join();
    EXPECT_TRUE(elsewhere);
    auto strand = asio::make_strand(io);
    bool in_strand = false;
    spawn(io, number(3), asio::bind_executor(strand, [&](std::exception_ptr, result<int>) {
              in_strand = strand.running_in_this_thread();
          }));
    io.restart();
    io.run();
    EXPECT_TRUE(in_strand);
}

TEST(Spawn, KeepsItsOwnContextRunningToo)
{
    asio::io_context io;
    asio::thread_pool pool(1);
    controlled<> source(loop_of(io));
    auto body = [&]() -> task<> { co_await libnet::checked(source.wait()); };
    std::atomic<bool> done = false;
    spawn(io, body(), asio::bind_executor(pool, [&](std::exception_ptr, result<> r) {
              EXPECT_TRUE(r);
              done = true;
          }));
    const auto box = loop_of(io).remote();
    std::atomic<bool> stop = false;
    std::thread answers([&] {
        while (!stop) {  // a letter each time, until one of them finds the task waiting
            box->post([&] {
                if (source.awaited()) {
                    source.answer({});
                    stop = true;
                }
            });
            std::this_thread::yield();
        }
    });
    io.run();  // it waits for a letter only, and the handler's executor is another one
    EXPECT_TRUE(stop) << "it did not wait for the task";
    stop = true;
    answers.join();
    pool.join();
    EXPECT_TRUE(done);
}

TEST(Spawn, IsCancelledByTheHandlersSlot)
{
    for (const int turns : {0, 1, 2, 5}) {
        asio::io_context io;
        asio::cancellation_signal signal;
        std::optional<libnet::error_code> ended;
        std::optional<result<>> outcome;
        spawn(io, forever(ended),
              asio::bind_cancellation_slot(signal.slot(),
                                           [&](std::exception_ptr, result<> r) { outcome = r; }));
        for (int i = 0; i != turns; ++i) {
            io.poll_one();
        }
        signal.emit(asio::cancellation_type::terminal);
        signal.emit(asio::cancellation_type::terminal);
        io.run();
        EXPECT_EQ(ended, error::cancelled);
        EXPECT_EQ(outcome->error(), error::cancelled);
        EXPECT_FALSE(signal.slot().has_handler());
        signal.emit(asio::cancellation_type::terminal);
        EXPECT_EQ(live_object::alive(), 0);
    }
}

TEST(Spawn, IsCancelledWithTheCoroutineThatAwaitsIt)
{
    asio::io_context io;
    asio::cancellation_signal signal;
    std::optional<libnet::error_code> ended;
    auto body = [&]() -> asio::awaitable<void> {
        const result<> r = co_await spawn(io, forever(ended), asio::use_awaitable);
        EXPECT_EQ(r.error(), error::cancelled);
    };
    asio::co_spawn(io, body(), asio::bind_cancellation_slot(signal.slot(), asio::detached));
    io.poll();
    signal.emit(asio::cancellation_type::terminal);
    io.run();
    EXPECT_EQ(ended, error::cancelled);
}

TEST(Spawn, CancellingALittleTooLateIsHarmless)
{
    asio::io_context io;
    asio::cancellation_signal signal;
    int calls = 0;
    spawn(io, number(3, 0s),
          asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr, result<int> n) {
              EXPECT_EQ(n.value(), 3);
              ++calls;
          }));
    while (signal.slot().has_handler()) {
        io.run_one();
    }
    EXPECT_EQ(calls, 0) << "it has ended, its handler is on the way";
    signal.emit(asio::cancellation_type::terminal);
    io.run();
    EXPECT_EQ(calls, 1);
}

TEST(Spawn, TheSignalMayOutliveTheContext)
{
    asio::cancellation_signal signal;
    {
        asio::io_context io;
        std::optional<libnet::error_code> ended;
        spawn(io, forever(ended),
              asio::bind_cancellation_slot(signal.slot(), [](std::exception_ptr, result<>) {}));
        io.poll();
    }
    signal.emit(asio::cancellation_type::terminal);
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Spawn, TheContextMayOutliveTheSignal)
{
    asio::io_context io;
    std::optional<libnet::error_code> ended;
    {
        asio::cancellation_signal signal;
        spawn(io, forever(ended),
              asio::bind_cancellation_slot(signal.slot(), [](std::exception_ptr, result<>) {}));
        io.poll();
    }
}

TEST(Spawn, OtherThreadsPostCancellations)
{
    asio::io_context io;
    auto guard = asio::make_work_guard(io);
    std::thread runner([&] { io.run(); });
    std::atomic<int> cancelled = 0;
    constexpr int tasks = 200;
    for (int i = 0; i != tasks; ++i) {
        auto signal = std::make_shared<asio::cancellation_signal>();
        asio::post(io, [&, i, signal] {
            auto body = [](int yields) -> task<> {
                const live_object local;
                for (int y = 0; y != yields; ++y) {
                    co_await libnet::checked(libnet::yield());
                }
                co_await libnet::checked(sleep_for(1h));
            };
            spawn(io, body(i % 7),
                  asio::bind_cancellation_slot(signal->slot(),
                                               [&, signal](std::exception_ptr, result<> r) {
                                                   if (r.error() == error::cancelled) {
                                                       ++cancelled;
                                                   }
                                               }));
        });
        asio::post(io, [signal] { signal->emit(asio::cancellation_type::terminal); });
    }
    while (cancelled != tasks) {
        std::this_thread::yield();
    }
    guard.reset();
    runner.join();
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Async, StartsOneOperation)
{
    asio::io_context io;
    controlled<int> source(loop_of(io));
    int done = 0;
    auto body = [&]() -> asio::awaitable<void> {
        source.answer(1);
        EXPECT_EQ((co_await async(source.wait(), asio::use_awaitable)).value(), 1);
        asio::post(io, [&] { source.answer(2); });
        EXPECT_EQ((co_await async(source.wait(), asio::use_awaitable)).value(), 2);
        source.answer(error::closed);
        EXPECT_EQ((co_await async(source.wait(), asio::use_awaitable)).error(), error::closed);
        ++done;
    };
    asio::co_spawn(io, body(), asio::detached);
    io.run();
    auto future = async(source.wait(), asio::use_future);
    source.answer(3);
    io.restart();
    io.run();
    EXPECT_EQ(future.get().value(), 3);
    EXPECT_EQ(done, 1);
}

TEST(Async, IsCancelledFromAsiosSide)
{
    asio::io_context io;
    controlled<int> source(loop_of(io));
    asio::cancellation_signal signal;
    std::optional<result<int>> got;
    async(source.wait(), asio::bind_cancellation_slot(
                             signal.slot(), [&](std::exception_ptr, result<int> r) { got = r; }));
    io.poll();
    EXPECT_TRUE(source.awaited());
    signal.emit(asio::cancellation_type::terminal);
    io.run();
    EXPECT_EQ(got->error(), error::cancelled);
    EXPECT_EQ(source.abandoned, 1);
}

TEST(LoopOf, KnowsTheExecutorsOfAContext)
{
    asio::io_context io;
    libnet::loop& home = loop_of(io);
    const asio::any_io_executor any = io.get_executor();
    EXPECT_EQ(&loop_of(any), &home);
    EXPECT_EQ(&loop_of(asio::prefer(any, asio::execution::outstanding_work.tracked)), &home);
    EXPECT_EQ(&loop_of(asio::require(any, asio::execution::blocking.never)), &home);
    EXPECT_EQ(&loop_of(asio::make_work_guard(io).get_executor()), &home);
}

TEST(LoopOf, AStrandHasItsOwn)
{
    asio::io_context io;
    auto strand = asio::make_strand(io);
    auto other = asio::make_strand(asio::any_io_executor(io.get_executor()));
    EXPECT_THROW((void)loop_of(strand), std::logic_error) << "not called on it";
    int done = 0;
    auto body = [&]() -> task<> {
        libnet::loop& home = co_await libnet::this_loop();
        EXPECT_EQ(&loop_of(strand), &home);
        EXPECT_EQ(&loop_of(asio::any_io_executor(strand)), &home);
        EXPECT_EQ(&loop_of(asio::prefer(asio::any_io_executor(strand),
                                        asio::execution::outstanding_work.tracked)),
                  &home);
        EXPECT_EQ(&loop_of(asio::require(asio::any_io_executor(strand),
                                         asio::execution::blocking.never)),
                  &home);
        EXPECT_EQ(libnet::executor_of(home), asio::any_io_executor(strand));
        EXPECT_EQ(&libnet::context_of(home), &io);
        EXPECT_NE(&home, &loop_of(io));
        EXPECT_THROW((void)loop_of(other), std::logic_error);
        co_await libnet::checked(sleep_for(1ms));
        EXPECT_TRUE(strand.running_in_this_thread());
        EXPECT_EQ(&loop_of(strand), &home) << "kept while a task lives on it";
        ++done;
    };
    spawn(strand, body(), asio::detached);
    auto over_any = [&]() -> task<> {
        asio::steady_timer timer(co_await libnet::this_executor(), 1ms);
        co_await libnet::checked(timer.async_wait(asio::deferred));
        EXPECT_TRUE(other.running_in_this_thread());
        EXPECT_EQ(&loop_of(other), &co_await libnet::this_loop());
        ++done;
    };
    spawn(other, over_any(), asio::detached);
    io.run();
    EXPECT_EQ(done, 2);
    EXPECT_EQ(libnet::strand_loops(io), 0U);
}

TEST(LoopOf, AStrandsLoopGoesWhenNobodyMovesIn)
{
    asio::io_context io;
    auto strand = asio::make_strand(io);
    asio::post(strand, [&] {
        (void)loop_of(strand);
        EXPECT_EQ(libnet::strand_loops(io), 1U);
    });
    io.run();
    EXPECT_EQ(libnet::strand_loops(io), 0U);
}

TEST(LoopOf, RefusesAllOthers)
{
    asio::thread_pool pool(1);
    EXPECT_THROW((void)loop_of(asio::any_io_executor(pool.get_executor())), std::invalid_argument);
    EXPECT_THROW((void)loop_of(asio::any_io_executor(asio::make_strand(pool))),
                 std::invalid_argument);
    EXPECT_THROW((void)loop_of(asio::any_io_executor(asio::system_executor())),
                 std::invalid_argument);
    EXPECT_THROW((void)loop_of(asio::any_io_executor()), std::invalid_argument);
    EXPECT_THROW(spawn(asio::any_io_executor(pool.get_executor()), number(1), asio::detached),
                 std::invalid_argument);
    EXPECT_EQ(live_object::alive(), 0);
}

}  // namespace
