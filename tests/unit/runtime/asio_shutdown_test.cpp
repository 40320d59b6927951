#include "support/live_object.hpp"

#include <libnet/asio.hpp>
#include <libnet/core/error.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

/// The context is destroyed, or the task cancelled, at every step of a scenario in which operations
/// are under way in both directions of the bridge.
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using libnet::checked;
using libnet::error;
using libnet::result;
using libnet::spawn;
using libnet::task;
using libnet::within;
using libnet::tests::live_object;
using asio::local::stream_protocol;

asio::awaitable<int> foreign_with_a_task(live_object kept)
{
    const live_object local;
    auto inner = [](live_object given) -> task<int> {
        const live_object own;
        asio::steady_timer timer(co_await libnet::this_executor(), 100us);
        co_await checked(timer.async_wait(asio::deferred));
        co_await checked(libnet::yield());
        co_return given.value();
    };
    const result<int> n = co_await spawn(co_await asio::this_coro::executor,
                                         inner(live_object(kept.value())), asio::use_awaitable);
    co_return n.value();
}

asio::awaitable<int> race()
{
    using namespace asio::experimental::awaitable_operators;
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer quick(executor, 100us);
    asio::steady_timer slow(executor, 1h);
    const auto first =
        co_await (slow.async_wait(asio::use_awaitable) || quick.async_wait(asio::use_awaitable));
    co_return static_cast<int>(first.index());
}

/// Uses everything once.
task<> scenario(asio::io_context& io, int& reached)
{
    const live_object local;
    asio::steady_timer timer(io, 100us);
    co_await checked(timer.async_wait(asio::deferred));
    ++reached;
    EXPECT_EQ(co_await checked(foreign_with_a_task(live_object(4))), 4);
    ++reached;
    stream_protocol::socket left(io);
    stream_protocol::socket right(io);
    asio::local::connect_pair(left, right);
    auto text = std::make_shared<std::string>(1, 'x');
    auto reads = [&](libnet::group& g) -> task<> {
        auto reader = [](stream_protocol::socket& from, std::shared_ptr<std::string> to,
                         live_object kept) -> task<> {
            co_await checked(asio::async_read(from, asio::buffer(*to), asio::deferred));
            EXPECT_EQ(kept.value(), 0);
        };
        g.start(reader(right, text, live_object()));
        co_await checked(libnet::yield());
        co_await checked(within(1h, asio::async_write(left, asio::buffer("y", 1), asio::deferred)));
        co_await checked(g.join());
    };
    co_await checked(libnet::with_group(reads));
    EXPECT_EQ(*text, "y");
    ++reached;
    timer.expires_after(1h);
    EXPECT_TRUE((co_await within(2ms, timer.async_wait(asio::deferred))).has_error());
    ++reached;
    EXPECT_EQ(co_await checked(race()), 1);
    ++reached;
}

constexpr int whole = 5;

TEST(AsioShutdown, RunsThroughUndisturbed)
{
    asio::io_context io;
    int reached = 0;
    std::optional<result<>> outcome;
    spawn(io, scenario(io, reached), [&](std::exception_ptr e, result<> r) {
        EXPECT_FALSE(e);
        outcome = r;
    });
    io.run();
    EXPECT_TRUE(outcome && *outcome);
    EXPECT_EQ(reached, whole);
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(AsioShutdown, TheContextIsDestroyedAtEveryStepOfATask)
{
    for (int steps = 0;; ++steps) {
        int reached = 0;
        {
            asio::io_context io;
            libnet::loop_of(io).set_turn_limit(1);
            spawn(io, scenario(io, reached),
                  [kept = live_object()](std::exception_ptr, result<>) {});
            for (int i = 0; i != steps; ++i) {
                io.run_one();
            }
        }
        ASSERT_EQ(live_object::alive(), 0) << steps;
        if (reached == whole) {
            EXPECT_GT(steps, 15);
            break;
        }
    }
}

TEST(AsioShutdown, TheContextIsDestroyedAtEveryStepOfACoroutineOfAsio)
{
    for (int steps = 0;; ++steps) {
        int reached = 0;
        {
            asio::io_context io;
            libnet::loop_of(io).set_turn_limit(1);
            auto body = [](asio::io_context& context, int& r,
                           live_object) -> asio::awaitable<void> {
                const live_object local;
                (void)co_await spawn(context, scenario(context, r), asio::use_awaitable);
            };
            asio::co_spawn(io, body(io, reached, live_object()), asio::detached);
            for (int i = 0; i != steps; ++i) {
                io.run_one();
            }
        }
        ASSERT_EQ(live_object::alive(), 0) << steps;
        if (reached == whole) {
            break;
        }
    }
}

TEST(AsioShutdown, TheTaskIsCancelledAtEveryStep)
{
    for (const bool by_post : {false, true}) {
        for (int steps = 0;; ++steps) {
            int reached = 0;
            asio::io_context io;
            libnet::loop_of(io).set_turn_limit(1);
            asio::cancellation_signal signal;
            bool ended = false;
            spawn(io, scenario(io, reached),
                  asio::bind_cancellation_slot(
                      signal.slot(), [&](std::exception_ptr, result<>) { ended = true; }));
            for (int i = 0; i != steps; ++i) {
                io.run_one();
            }
            if (by_post) {
                asio::post(io, [&] { signal.emit(asio::cancellation_type::terminal); });
            } else {
                signal.emit(asio::cancellation_type::terminal);
            }
            io.run_for(20s);
            ASSERT_TRUE(ended) << steps;
            ASSERT_EQ(live_object::alive(), 0) << steps;
            if (reached == whole) {
                break;
            }
        }
    }
}

TEST(AsioShutdown, TheTaskIsCancelledAndTheContextDestroyedBeforeTheAnswer)
{
    for (int steps = 0;; ++steps) {
        int reached = 0;
        {
            asio::io_context io;
            libnet::loop_of(io).set_turn_limit(1);
            asio::cancellation_signal signal;
            spawn(io, scenario(io, reached),
                  asio::bind_cancellation_slot(signal.slot(), [](std::exception_ptr, result<>) {}));
            for (int i = 0; i != steps; ++i) {
                io.run_one();
            }
            signal.emit(asio::cancellation_type::terminal);
            io.poll_one();
        }
        ASSERT_EQ(live_object::alive(), 0) << steps;
        if (reached == whole) {
            break;
        }
    }
}

}  // namespace
