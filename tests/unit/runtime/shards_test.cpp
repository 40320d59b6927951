#include "support/on_shards.hpp"

#include <libnet/core/error.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/shards.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using libnet::checked;
using libnet::error;
using libnet::result;
using libnet::shards;
using libnet::task;
using libnet::within;
using libnet::tests::run_beside_shards;
using libnet::tests::run_on;
using libnet::tests::sleep_for_ever;

TEST(Shards, AreAsManyAsAreAskedFor)
{
    EXPECT_EQ(shards({.threads = 3}).size(), 3u);
    EXPECT_EQ(shards().size(), libnet::usable_processors());
}

TEST(Shards, AreThreadsOfTheirOwn)
{
    shards all({.threads = 3});
    EXPECT_EQ(all.here(), std::nullopt);
    auto body = [&]() -> task<> {
        std::set<std::thread::id> threads{std::this_thread::get_id()};
        for (std::size_t i = 0; i < 3; ++i) {
            for (int again = 0; again < 2; ++again) {
                const auto where = co_await checked(all.on(i, [&all] { return all.here(); }));
                EXPECT_EQ(where, i);
            }
            threads.insert(co_await checked(all.on(i, [] { return std::this_thread::get_id(); })));
        }
        EXPECT_EQ(threads.size(), 4u);
        const shards others({.threads = 1});
        const auto of_others =
            co_await checked(all.on(0, [&others] { return others.here().has_value(); }));
        EXPECT_FALSE(of_others);
    };
    EXPECT_TRUE(run_beside_shards(body()));
}

#if defined(__linux__)
TEST(Shards, ArePinnedOnDemand)
{
    const auto allowed = libnet::detail::allowed_processors();
    shards all({.threads = allowed.size() + 1, .place = libnet::shards_options::placement::pinned});
    auto body = [&]() -> task<> {
        for (std::size_t i = 0; i < all.size(); ++i) {
            const auto own = co_await checked(all.on(i, libnet::detail::allowed_processors));
            EXPECT_EQ(own, std::vector{allowed[i % allowed.size()]});
        }
    };
    EXPECT_TRUE(run_beside_shards(body()));
    EXPECT_EQ(libnet::detail::allowed_processors(), allowed) << "of this thread";
}
#endif

TEST(Shards, AnswerWhatTheWorkReturns)
{
    shards all({.threads = 2});
    auto body = [&]() -> task<> {
        const int plain = co_await checked(all.on(0, [] { return 7; }));
        EXPECT_EQ(plain, 7);
        const result<> nothing = co_await all.on(1, [] {});
        EXPECT_TRUE(nothing);
        const auto of_task = [](std::string text, int times) -> task<std::string> {
            co_await checked(libnet::sleep_for(1ms));
            std::string all_of_it;
            while (times-- > 0) {
                all_of_it += text;
            }
            co_return all_of_it;
        };
        const std::string text = co_await checked(all.on(1, of_task, std::string(20, 'a'), 3));
        EXPECT_EQ(text, std::string(60, 'a'));
        const auto moved = co_await checked(all.on(
            0, [](std::unique_ptr<int> p) { return p; }, std::make_unique<int>(5)));
        EXPECT_EQ(*moved, 5);
    };
    EXPECT_TRUE(run_beside_shards(body()));
}

TEST(Shards, AnErrorOfTheWorkIsTheAwaits)
{
    shards all({.threads = 1});
    auto body = [&]() -> task<> {
        const result<int> failed =
            co_await all.on(0, []() -> result<int> { return error::too_slow; });
        EXPECT_EQ(failed.error(), error::too_slow);
        const auto of_task = []() -> task<> { co_await libnet::fail(error::limit_reached); };
        const result<> refused = co_await all.on(0, of_task);
        EXPECT_EQ(refused.error(), error::limit_reached);
    };
    EXPECT_TRUE(run_beside_shards(body()));
}

TEST(Shards, RethrowWhatTheWorkThrows)
{
    shards all({.threads = 1});
    auto body = [&](auto work) -> task<std::string> {
        try {
            (void)co_await all.on(0, work);
        } catch (const std::runtime_error& thrown) {
            co_return thrown.what();
        }
        co_return "nothing";
    };
    asio::io_context io;
    EXPECT_EQ(*run_on(io, body([]() -> int { throw std::runtime_error("a function"); })),
              "a function");
    const auto of_task = []() -> task<> {
        co_await libnet::yield();
        throw std::runtime_error("a task");
    };
    EXPECT_EQ(*run_on(io, body(of_task)), "a task");
}

TEST(Shards, KnowWhichThereAre)
{
    shards all({.threads = 2});
    EXPECT_THROW((void)all.on(2, [] {}), std::out_of_range);
    EXPECT_THROW((void)all.post(2, [] {}), std::out_of_range);
}

TEST(Shards, BeginInTheOrderInWhichWorkWasSent)
{
    std::vector<int> order;
    {
        shards all({.threads = 1});
        for (int i = 0; i < 1000; ++i) {
            EXPECT_TRUE(all.post(0, [&order, i] { order.push_back(i); }));
        }
    }
    ASSERT_EQ(order.size(), 1000u) << "none is lost at the end";
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

// Each asks the others, side by side, through their own mailboxes.
TEST(Shards, AskEachOther)
{
    shards all({.threads = 3});
    std::atomic<int> answers = 0;
    const auto ask = [&](std::size_t self) -> task<> {
        for (int i = 0; i < 200; ++i) {
            const std::size_t other = (self + static_cast<std::size_t>(i)) % 3;
            const auto square = [](int n) { return n * n; };
            const int squared = co_await checked(all.on(other, square, i));
            EXPECT_EQ(squared, i * i);
            EXPECT_EQ(all.here(), self);
            ++answers;
        }
    };
    EXPECT_TRUE(run_beside_shards(all.on_each(ask)));
    EXPECT_EQ(answers, 600);
}

// What a task is made of is destroyed on the thread where it ran, and its answer where it is awaited.
TEST(Shards, DestroyEverythingWhereItLived)
{
    struct tracked {
        explicit tracked(std::thread::id& where) : died(&where) {}
        tracked(tracked&& other) noexcept : died(std::exchange(other.died, nullptr)) {}
        tracked& operator=(tracked&&) = delete;
        ~tracked()
        {
            if (died != nullptr) {
                *died = std::this_thread::get_id();
            }
        }
        std::thread::id* died;
    };
    shards all({.threads = 1});
    std::thread::id argument;
    std::thread::id local;
    std::thread::id answer;
    auto body = [&]() -> task<> {
        const auto shards_thread =
            co_await checked(all.on(0, [] { return std::this_thread::get_id(); }));
        const auto work = [&](tracked) -> task<tracked> {
            tracked here(local);
            co_await checked(libnet::yield());
            co_return tracked(answer);
        };
        {
            const auto got = co_await checked(all.on(0, work, tracked(argument)));
            EXPECT_NE(got.died, nullptr);
        }
        EXPECT_EQ(argument, shards_thread);
        EXPECT_EQ(local, shards_thread);
        EXPECT_EQ(answer, std::this_thread::get_id());
    };
    EXPECT_TRUE(run_beside_shards(body()));
}

TEST(Shards, ADeadlineCancelsTheWork)
{
    shards all({.threads = 1});
    std::promise<bool> cancelled;
    auto body = [&]() -> task<> {
        const auto work = [&]() -> task<> {
            const auto slept = co_await libnet::sleep_until(libnet::end_of_time);
            cancelled.set_value(slept.error() == error::cancelled);
        };
        const auto late = co_await within(5ms, all.on(0, work));
        EXPECT_EQ(late.error(), error::timeout);
    };
    EXPECT_TRUE(run_beside_shards(body()));
    EXPECT_TRUE(cancelled.get_future().get());
}

// The deadline holds, though the shard is busy; and what has not begun by then never does.
TEST(Shards, ADeadlineHoldsWhileAShardIsBlocked)
{
    shards all({.threads = 1});
    std::promise<void> go_on;
    std::atomic<bool> begun = false;
    all.post(0, [&] { go_on.get_future().get(); });
    auto body = [&]() -> task<> {
        const auto late = co_await within(5ms, all.on(0, [&] { begun = true; }));
        EXPECT_EQ(late.error(), error::timeout);
        go_on.set_value();
        co_await checked(all.on(0, [] {}));
    };
    EXPECT_TRUE(run_beside_shards(body()));
    EXPECT_FALSE(begun);
}

TEST(Shards, ACancelledTaskSendsNothing)
{
    shards all({.threads = 1});
    std::atomic<bool> begun = false;
    auto body = [&]() -> task<> {
        auto child = [&]() -> task<> {
            const auto never_sent = co_await all.on(0, [&] { begun = true; });
            EXPECT_EQ(never_sent.error(), error::cancelled);
            const auto neither = co_await all.on_each([&](std::size_t) -> task<> {
                begun = true;
                co_return;
            });
            EXPECT_EQ(neither.error(), error::cancelled);
        };
        auto cancelled = [&](libnet::group& g) -> task<> {
            g.cancel();
            g.start(child());
            co_await g.join();
        };
        (void)co_await libnet::with_group(cancelled);
        co_await checked(all.on(0, [] {}));
    };
    EXPECT_TRUE(run_beside_shards(body()));
    EXPECT_FALSE(begun);
}

TEST(Shards, OnEachEndsWithTheFirstFailureWhenAllHaveEnded)
{
    shards all({.threads = 3});
    std::atomic<int> begun = 0;
    std::atomic<int> ended = 0;
    const auto one_fails = [&](std::size_t i) -> task<> {
        while (i == 1 && begun != 2) {  // what is cancelled before it has begun never begins
            co_await checked(libnet::sleep_for(1ms));
        }
        if (i == 1) {
            co_await libnet::fail(error::limit_reached);
        }
        ++begun;
        const auto slept = co_await libnet::sleep_until(libnet::end_of_time);
        EXPECT_EQ(slept.error(), error::cancelled);
        (void)co_await libnet::shielded(1s, libnet::sleep_for(10ms));  // takes its time
        ++ended;
    };
    EXPECT_EQ(run_beside_shards(all.on_each(one_fails)).error(), error::limit_reached);
    EXPECT_EQ(ended, 2);
}

TEST(Shards, OnEachThrowsWhatOneThrew)
{
    shards all({.threads = 2});
    const auto one_throws = [](std::size_t i) -> task<> {
        if (i == 0) {
            throw std::runtime_error("on purpose");
        }
        co_await checked(sleep_for_ever());
    };
    EXPECT_THROW((void)run_beside_shards(all.on_each(one_throws)), std::runtime_error);
}

TEST(Shards, OnEachThatIsCancelledReturnsWhenAllHaveEnded)
{
    shards all({.threads = 2});
    std::atomic<int> begun = 0;
    std::atomic<int> ended = 0;
    auto body = [&]() -> task<> {
        const auto slow_to_leave = [&](std::size_t) -> task<> {
            ++begun;
            (void)co_await sleep_for_ever();
            (void)co_await libnet::shielded(1s, libnet::sleep_for(10ms));
            ++ended;
        };
        const auto late = co_await within(5ms, all.on_each(slow_to_leave));
        EXPECT_EQ(late.error(), error::timeout);
        EXPECT_EQ(ended, begun);
    };
    EXPECT_TRUE(run_beside_shards(body()));
}

}  // namespace
