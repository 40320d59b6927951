#include "support/busy_pool.hpp"
#include "support/live_object.hpp"
#include "support/run_on.hpp"

#include <libnet/core/error.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/offload.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using libnet::checked;
using libnet::error;
using libnet::offload;
using libnet::result;
using libnet::task;
using libnet::thread_pool;
using libnet::within;
using libnet::tests::gate;
using libnet::tests::live_object;
using libnet::tests::run_on;

TEST(ThreadPool, DropsItsQueueWhenItIsDestroyedAndFinishesWhatRuns)
{
    gate door;
    auto pool = std::make_unique<thread_pool>(libnet::thread_pool_options{.threads = 1});
    asio::io_context io;
    std::string log;
    auto runs = [&]() -> task<> {
        const auto work = door.waiting();
        log += (co_await offload(*pool, work)) ? "ended " : "failed ";
    };
    auto waits = [&]() -> task<> {
        const auto work = [kept = live_object()] { ADD_FAILURE() << "the pool was destroyed"; };
        const result<> dropped = co_await offload(*pool, work);
        log += dropped.error() == error::cancelled ? "dropped " : "? ";
    };
    libnet::spawn(io, runs(), [](std::exception_ptr, result<>) {});
    io.poll();
    libnet::spawn(io, waits(), [](std::exception_ptr, result<>) {});
    io.poll();
    door.wait_until_begun();
    std::thread opens([&] {
        std::this_thread::sleep_for(5ms);
        door.open();
    });
    pool.reset();
    opens.join();
    EXPECT_EQ(live_object::alive(), 1) << "the task's own";
    io.run();
    EXPECT_EQ(log, "dropped ended ");
}

TEST(ThreadPool, IsDestroyedInAnotherThreadWhileTasksGiveUp)
{
    for (int round = 0; round != 20; ++round) {
        auto pool = std::make_unique<thread_pool>(libnet::thread_pool_options{.threads = 1});
        asio::io_context io;
        auto one = [&](int i) -> task<> {
            const auto work = [kept = live_object()] { std::this_thread::sleep_for(10us); };
            const result<> ended = co_await within(i * 10us, offload(*pool, work));
            EXPECT_TRUE(ended || ended.error() == error::cancelled ||
                        ended.error() == error::timeout);
        };
        for (int i = 0; i != 100; ++i) {
            libnet::spawn(io, one(i), [](std::exception_ptr, result<>) {});
        }
        io.poll_one();  // all have begun
        std::thread destroys([&] { pool.reset(); });
        io.run();
        destroys.join();
        EXPECT_EQ(live_object::alive(), 0);
    }
}

TEST(ThreadPool, ATaskOfAPoolThatIsNoMoreIsCancelled)
{
    asio::io_context io;
    auto pool = std::make_unique<thread_pool>();
    auto late = offload(*pool, [] { ADD_FAILURE() << "the pool was destroyed"; });
    pool.reset();
    EXPECT_EQ(run_on(io, std::move(late)).error(), error::cancelled);
}

TEST(ThreadPool, StartsThreadsWhenThereIsWorkForThem)
{
    thread_pool pool({.threads = 3});
    asio::io_context io;
    gate doors[3];
    auto one = [&](gate& door) -> task<> {
        const auto work = door.waiting();
        co_await checked(offload(pool, work));
    };
    auto body = [&](libnet::group& g) -> task<> {
        for (gate& door : doors) {
            g.start(one(door));
        }
        const auto all_begun = [&] { return pool.running() == 3; };
        while (!all_begun()) {
            co_await checked(libnet::sleep_for(1ms));
        }
        for (gate& door : doors) {
            door.open();
        }
        co_await checked(g.join());
    };
    auto all = [&]() -> task<> { co_await checked(libnet::with_group(body)); };
    EXPECT_TRUE(run_on(io, all()));
    EXPECT_EQ(pool.running(), 0U);
}

TEST(ThreadPool, NeedsAThread)
{
    EXPECT_THROW(thread_pool({.threads = 0}), std::invalid_argument);
    EXPECT_GE(libnet::thread_pool_options().threads, 2U);
    EXPECT_EQ(&thread_pool::shared(), &thread_pool::shared());
}

}  // namespace
