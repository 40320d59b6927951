#include "support/live_object.hpp"
#include "support/run_on.hpp"

#include <libnet/asio.hpp>
#include <libnet/core/error.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

/// Asio's operations and awaitables inside tasks of libnet.
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using boost::system::system_error;
using libnet::checked;
using libnet::error;
using libnet::error_code;
using libnet::result;
using libnet::task;
using libnet::within;
using libnet::tests::live_object;
using libnet::tests::run_on;
using asio::local::stream_protocol;

/// An operation that completes with an error and any values, by way of the context.
template <class... Values>
auto completes_with(asio::io_context& io, error_code why, Values... values)
{
    return asio::async_initiate<decltype(asio::deferred), void(error_code, Values...)>(
        [&io](auto handler, error_code failed, Values... given) {
            asio::post(io, [handler = std::move(handler), failed,
                            values = std::tuple(std::move(given)...)]() mutable {
                std::apply([&](Values&... kept) { std::move(handler)(failed, std::move(kept)...); },
                           values);
            });
        },
        asio::deferred, why, std::move(values)...);
}

TEST(AsioAwait, AnOperationWithoutAValue)
{
    asio::io_context io;
    auto body = [&]() -> task<int> {
        asio::steady_timer timer(co_await libnet::this_executor(), 5ms);
        const auto start = std::chrono::steady_clock::now();
        const result<> waited = co_await timer.async_wait(asio::deferred);
        EXPECT_TRUE(waited);
        EXPECT_GE(std::chrono::steady_clock::now() - start, 5ms);
        timer.expires_after(1ms);
        co_await checked(timer.async_wait(asio::deferred));
        co_return 1;
    };
    EXPECT_EQ(*run_on(io, body()), 1);
}

TEST(AsioAwait, OperationsWithOneValueAndWithTwo)
{
    asio::io_context io;
    auto body = [&]() -> task<int> {
        const result<int> one = co_await completes_with(io, {}, 4);
        EXPECT_EQ(one.value(), 4);
        const result<std::tuple<int, std::string>> two =
            co_await completes_with(io, {}, 5, std::string(100, 'x'));
        EXPECT_EQ(std::get<1>(*two), std::string(100, 'x'));
        const auto named = completes_with(io, {}, 6);
        const result<int> three = co_await named;
        auto owner = co_await checked(completes_with(io, {}, std::string("text")));
        EXPECT_EQ(owner, "text");
        co_return *one + std::get<0>(*two) + *three;
    };
    EXPECT_EQ(*run_on(io, body()), 15);
}

TEST(AsioAwait, OperationsWithABool)
{
    asio::io_context io;
    auto body = [&]() -> task<bool> {
        EXPECT_FALSE((co_await completes_with(io, {}, false)).value());
        EXPECT_EQ((co_await completes_with(io, error::closed, false)).error(), error::closed);
        co_return co_await checked(completes_with(io, {}, true));
    };
    EXPECT_TRUE(*run_on(io, body()));
}

TEST(AsioAwait, OperationsThatFail)
{
    asio::io_context io;
    auto body = [&]() -> task<int> {
        const live_object local;
        EXPECT_EQ((co_await completes_with(io, error::too_slow)).error(), error::too_slow);
        EXPECT_EQ((co_await completes_with(io, error::too_slow, 1)).error(), error::too_slow);
        EXPECT_EQ((co_await completes_with(io, error::too_slow, 1, 2.0)).error(), error::too_slow);
        co_return co_await checked(completes_with(io, error::closed, 1));
    };
    EXPECT_EQ(run_on(io, body()).error(), error::closed);
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(AsioAwait, OperationsOnSockets)
{
    asio::io_context io;
    auto body = [&]() -> task<std::string> {
        stream_protocol::socket left(io);
        stream_protocol::socket right(io);
        asio::local::connect_pair(left, right);
        const std::string text = "hello";
        EXPECT_EQ(co_await checked(asio::async_write(left, asio::buffer(text), asio::deferred)),
                  5u);
        std::string got(5, ' ');
        EXPECT_EQ(co_await checked(asio::async_read(right, asio::buffer(got), asio::deferred)), 5u);
        left.close();
        const result<std::size_t> end =
            co_await right.async_read_some(asio::buffer(got), asio::deferred);
        EXPECT_EQ(end.error(), asio::error::eof);
        co_return got;
    };
    EXPECT_EQ(*run_on(io, body()), "hello");
}

TEST(AsioAwait, ADeadlineCancelsAnOperationAndIsTheReason)
{
    asio::io_context io;
    auto body = [&]() -> task<int> {
        asio::steady_timer timer(io, 1h);
        EXPECT_EQ((co_await within(5ms, timer.async_wait(asio::deferred))).error(), error::timeout);
        stream_protocol::socket left(io);
        stream_protocol::socket right(io);
        asio::local::connect_pair(left, right);
        char byte = 0;
        auto reads = [&]() -> task<std::size_t> {
            const auto n = co_await right.async_read_some(asio::buffer(&byte, 1), asio::deferred);
            EXPECT_EQ(n.error(), error::timeout);
            const auto again =
                co_await right.async_read_some(asio::buffer(&byte, 1), asio::deferred);
            EXPECT_EQ(again.error(), error::timeout) << "sticky: not even begun";
            co_return n;
        };
        EXPECT_EQ((co_await within(5ms, reads())).error(), error::timeout);
        // The socket is as good as before.
        co_await checked(asio::async_write(left, asio::buffer("x", 1), asio::deferred));
        co_await checked(right.async_read_some(asio::buffer(&byte, 1), asio::deferred));
        co_return byte;
    };
    EXPECT_EQ(*run_on(io, body()), 'x');
}

TEST(AsioAwait, AnAbortThatWeDidNotAskForKeepsItsName)
{
    asio::io_context io;
    auto body = [&]() -> task<int> {
        asio::steady_timer timer(io, 1h);
        asio::post(io, [&] { timer.cancel(); });
        const result<> waited = co_await within(1h, timer.async_wait(asio::deferred));
        EXPECT_EQ(waited.error(), asio::error::operation_aborted);
        EXPECT_NE(waited.error(), error::cancelled);
        co_return 1;
    };
    EXPECT_EQ(*run_on(io, body()), 1);
}

TEST(AsioAwait, AnOperationThatCannotBeCancelledKeepsItsValue)
{
    asio::io_context io;
    auto body = [&]() -> task<int> {
        // Posted work ignores cancellation; the deadline has struck when it answers.
        auto slow = asio::async_initiate<decltype(asio::deferred), void(error_code, int)>(
            [&io](auto handler) {
                auto timer = std::make_shared<asio::steady_timer>(io, 20ms);
                timer->async_wait([timer, handler = std::move(handler)](error_code) mutable {
                    std::move(handler)(error_code(), 9);
                });
            },
            asio::deferred);
        co_return co_await checked(within(2ms, std::move(slow)));
    };
    EXPECT_EQ(*run_on(io, body()), 9);
}

asio::awaitable<int> foreign_number(live_object kept, int n)
{
    const live_object local;
    asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
    co_await timer.async_wait(asio::use_awaitable);
    co_return n + kept.value();
}

asio::awaitable<void> foreign_nothing(bool& ran)
{
    ran = true;
    co_return;
}

asio::awaitable<int> foreign_thrower(bool wait)
{
    const live_object local;
    if (wait) {
        asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
        co_await timer.async_wait(asio::use_awaitable);
    }
    throw std::domain_error("of Asio's side");
    co_return 1;
}

asio::awaitable<void> foreign_forever()
{
    const live_object local;
    asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
    co_await timer.async_wait(asio::use_awaitable);
}

TEST(AsioAwait, AnAwaitableOfAValueAndOfNothing)
{
    asio::io_context io;
    auto body = [&]() -> task<int> {
        bool ran = false;
        const result<> nothing = co_await foreign_nothing(ran);
        EXPECT_TRUE(nothing && ran);
        co_await checked(foreign_nothing(ran));
        const result<int> n = co_await foreign_number(live_object(1), 2);
        co_return *n + co_await checked(foreign_number(live_object(3), 4));
    };
    EXPECT_EQ(*run_on(io, body()), 10);
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(AsioAwait, AnAwaitableThatThrows)
{
    asio::io_context io;
    for (const bool wait : {false, true}) {
        auto body = [&]() -> task<int> {
            int caught = 0;
            try {
                (void)co_await foreign_thrower(wait);
            } catch (const std::domain_error&) {
                ++caught;
            }
            try {
                (void)co_await checked(foreign_thrower(wait));
            } catch (const std::domain_error&) {
                ++caught;
            }
            co_return caught;
        };
        EXPECT_EQ(*run_on(io, body()), 2);
        EXPECT_EQ(live_object::alive(), 0);
    }
}

TEST(AsioAwait, ADeadlineCancelsAnAwaitableAndIsTheReason)
{
    asio::io_context io;
    auto body = [&]() -> task<int> {
        EXPECT_EQ((co_await within(5ms, foreign_forever())).error(), error::timeout);
        EXPECT_EQ(live_object::alive(), 0);
        EXPECT_EQ(*co_await within(1h, foreign_number(live_object(1), 2)), 3);
        co_return 1;
    };
    EXPECT_EQ(*run_on(io, body()), 1);
}

asio::awaitable<void> foreign_that_breaks_while_it_is_cancelled()
{
    asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
    try {
        co_await timer.async_wait(asio::use_awaitable);
    } catch (const system_error&) {
        throw std::domain_error("of cleaning up");
    }
}

TEST(AsioAwait, AnExceptionThatIsNoAbortIsNotLostWhenWeCancelled)
{
    asio::io_context io;
    auto body = [&]() -> task<int> {
        try {
            co_await within(5ms, foreign_that_breaks_while_it_is_cancelled());
        } catch (const std::domain_error&) {
            co_return 1;
        }
        co_return 0;
    };
    EXPECT_EQ(*run_on(io, body()), 1);
}

TEST(AsioAwait, AnAbortedExceptionThatWeDidNotAskForIsThrown)
{
    asio::io_context io;
    auto aborted = []() -> asio::awaitable<void> {
        throw system_error(asio::error::operation_aborted);
        co_return;
    };
    auto body = [&]() -> task<> { co_await aborted(); };
    EXPECT_THROW((void)run_on(io, body()), system_error);
}

TEST(AsioAwait, AShieldKeepsTheCancellationFromIt)
{
    asio::io_context io;
    asio::cancellation_signal signal;
    std::optional<result<int>> outcome;
    auto body = [&]() -> task<int> {
        asio::steady_timer timer(io, 10ms);
        asio::post(io, [&] { signal.emit(asio::cancellation_type::terminal); });
        EXPECT_TRUE(co_await libnet::shielded(1h, timer.async_wait(asio::deferred)));
        EXPECT_EQ((co_await timer.async_wait(asio::deferred)).error(), error::cancelled);
        EXPECT_EQ((co_await foreign_forever()).error(), error::cancelled);
        co_return 5;
    };
    libnet::spawn(io, body(),
                  asio::bind_cancellation_slot(
                      signal.slot(), [&](std::exception_ptr, result<int> r) { outcome = r; }));
    io.run();
    EXPECT_EQ(outcome->value(), 5);
}

TEST(AsioAwait, AnAwaitableThatAwaitsATaskOfOursThatAwaitsAnAwaitable)
{
    asio::io_context io;
    auto innermost = []() -> task<int> {
        co_return co_await checked(foreign_number(live_object(1), 2));
    };
    auto between = [&]() -> asio::awaitable<int> {
        const result<int> n = co_await libnet::spawn(co_await asio::this_coro::executor,
                                                     innermost(), asio::use_awaitable);
        co_return n.value() * 2;
    };
    auto body = [&]() -> task<int> { co_return co_await checked(between()); };
    EXPECT_EQ(*run_on(io, body()), 6);
    auto never = []() -> task<> { co_await checked(libnet::sleep_for(1h)); };
    auto between_for_ever = [&]() -> asio::awaitable<void> {
        const result<> ended = co_await libnet::spawn(co_await asio::this_coro::executor, never(),
                                                      asio::use_awaitable);
        EXPECT_EQ(ended.error(), error::cancelled);
        (void)ended.value();
    };
    auto limited = [&]() -> task<> { co_await checked(within(5ms, between_for_ever())); };
    // Through both bridges: our deadline, Asio's cancellation, our cancellation.
    EXPECT_THROW((void)run_on(io, limited()), system_error);
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(AsioAwait, AnOperationInAnotherContextAnswersHere)
{
    asio::io_context here;
    asio::io_context there;
    auto guard = asio::make_work_guard(there);
    std::thread other([&] { there.run(); });
    const auto own = std::this_thread::get_id();
    auto body = [&]() -> task<int> {
        for (int i = 0; i != 200; ++i) {
            asio::steady_timer timer(there, i % 2 * 50us);
            EXPECT_TRUE(co_await timer.async_wait(asio::deferred));
            EXPECT_TRUE(std::this_thread::get_id() == own);
        }
        co_return 1;
    };
    EXPECT_EQ(*run_on(here, body()), 1);
    guard.reset();
    other.join();
}

}  // namespace
