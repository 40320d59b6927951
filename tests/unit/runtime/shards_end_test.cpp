#include "support/allocations.hpp"
#include "support/live_object.hpp"
#include "support/on_shards.hpp"

#include <libnet/core/error.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/shards.hpp>
#include <libnet/runtime/timer.hpp>

#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include <sys/resource.h>

/// How shards end, and what becomes of those who wait for them.
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using libnet::checked;
using libnet::error;
using libnet::result;
using libnet::shards;
using libnet::task;
using libnet::tests::live_object;
using libnet::tests::run_beside_shards;
using libnet::tests::run_on;
using libnet::tests::sleep_for_ever;

TEST(ShardsEnd, CancelWhatRunsThere)
{
    asio::io_context io;
    auto all = std::make_unique<shards>(libnet::shards_options{.threads = 1});
    std::promise<void> begun;
    auto body = [&]() -> task<> {
        const auto work = [&]() -> task<> {
            begun.set_value();
            const auto slept = co_await libnet::sleep_until(libnet::end_of_time);
            EXPECT_EQ(slept.error(), error::cancelled);
            co_await libnet::fail(slept.error());
        };
        const auto ended = co_await all->on(0, work);
        EXPECT_EQ(ended.error(), error::cancelled);
    };
    std::thread ends([&] {
        begun.get_future().get();
        all.reset();
    });
    EXPECT_TRUE(run_on(io, body()));
    ends.join();
}

// Everything that was sent is answered, wherever the end finds it: in the mailbox, begun, or done.
TEST(ShardsEnd, AnswerEverybody)
{
    int whole = 0;
    int cancelled = 0;
    for (int round = 0; round < 20; ++round) {
        std::optional<shards> all(std::in_place, libnet::shards_options{.threads = 2});
        std::promise<void> sent;
        auto body = [&]() -> task<> {
            const auto work = [](std::chrono::microseconds lasting) -> task<> {
                std::this_thread::sleep_for(10us);  // what comes later waits in the mailbox
                co_await checked(libnet::sleep_for(lasting));
            };
            auto many = [&](libnet::group& g) -> task<> {
                auto one = [&](std::size_t i) -> task<> {
                    const auto ended =
                        co_await all->on(i % 2, work, std::chrono::microseconds(i * 100));
                    EXPECT_TRUE(ended || ended.error() == error::cancelled);
                    ++(ended ? whole : cancelled);
                };
                for (std::size_t i = 0; i < 20; ++i) {
                    g.start(one(i));
                }
                co_await checked(libnet::yield());
                sent.set_value();
                co_await checked(g.join());
            };
            co_await checked(libnet::with_group(many));
        };
        std::thread ends([&] {
            sent.get_future().get();
            std::this_thread::sleep_for(std::chrono::microseconds(200 * round));
            all.reset();
        });
        EXPECT_TRUE(run_beside_shards(body()));
        ends.join();
    }
    EXPECT_EQ(whole + cancelled, 20 * 20);
    EXPECT_NE(cancelled, 0);
}

// An exception that leaves the loop of a shard, as one of a handler of Asio's that the user wrote.
TEST(ShardsEnd, ByAnExceptionThatIsThrownToThoseWhoWaitForIt)
{
    shards all({.threads = 2});
    const int alive = live_object::alive();
    const auto one_shard_breaks = [&](std::size_t i) -> task<> {
        const live_object kept;
        if (i == 0) {
            asio::post(co_await libnet::this_executor(),
                       [] { throw std::runtime_error("a handler"); });
        }
        co_await checked(sleep_for_ever());
    };
    try {
        (void)run_beside_shards(all.on_each(one_shard_breaks));
        ADD_FAILURE() << "nothing was thrown";
    } catch (const std::runtime_error& thrown) {
        EXPECT_STREQ(thrown.what(), "a handler");
    }
    EXPECT_EQ(live_object::alive(), alive) << "what lived there was destroyed";
    auto later = [&]() -> task<> {
        const auto refused = co_await all.on(0, [] {});
        EXPECT_EQ(refused.error(), error::cancelled);
        co_await checked(all.on(1, [] {}));  // the other goes on
    };
    EXPECT_TRUE(run_beside_shards(later()));
    EXPECT_FALSE(all.post(0, [] {}));
}

TEST(ShardsEnd, WithTheProgramWhereWhatWasPostedThrows)
{
    EXPECT_DEATH(
        {
            shards all({.threads = 1});
            all.post(0, [] { throw std::runtime_error("on purpose"); });
        },
        "");
}

// Whoever sends fails, or what is sent answers: nobody waits for ever.
TEST(ShardsWithoutMemory, ToSendTellTheCaller)
{
    shards all({.threads = 1});
    auto body = [&]() -> task<> {
        co_await checked(all.on(0, [] {}));
        for (std::size_t n = 0;; ++n) {
            bool threw = false;
            std::optional<libnet::tests::failing_allocation> shortage(n);
            try {
                const result<int> answer = co_await all.on(0, [] { return 5; });
                shortage.reset();
                EXPECT_EQ(answer.value(), 5);
            } catch (const std::bad_alloc&) {
                threw = true;
            }
            shortage.reset();
            if (!threw) {
                EXPECT_GT(n, 3u);
                break;
            }
        }
    };
    EXPECT_TRUE(run_beside_shards(body()));
}

TEST(ShardsWithoutMemory, ToBeginTellTheCaller)
{
    shards all({.threads = 1});
    std::optional<libnet::tests::failing_allocation> shortage;
    const auto end_shortage = [&]() -> task<> {
        for (;;) {
            try {
                co_await checked(all.on(0, [&shortage] { shortage.reset(); }));
                co_return;
            } catch (const std::bad_alloc&) {  // it had lain ahead still
            }
        }
    };
    auto body = [&]() -> task<> {
        for (std::size_t n = 0; n < 12; ++n) {
            co_await checked(all.on(0, [&shortage, n] { shortage.emplace(n); }));
            try {
                const auto work = []() -> task<std::string> {
                    co_await checked(libnet::yield());
                    co_return std::string(1000, 'x');
                };
                const auto answer = co_await all.on(0, work);
                EXPECT_EQ(answer.value().size(), 1000u);
            } catch (const std::bad_alloc&) {
            }
            co_await end_shortage();
        }
    };
    EXPECT_TRUE(run_beside_shards(body()));
}

TEST(ShardsStart, OrSayWhichCouldNot)
{
#if defined(LIBNET_ASIO_ADDRESS_SANITIZER) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer needs descriptors of its own";
#else
    // Without descriptors a loop cannot be made.
    std::thread([] {
        struct rlimit before {};
        ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
        struct rlimit few = before;
        few.rlim_cur = 12;
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
        try {
            const shards all({.threads = 50});
            ADD_FAILURE() << "all have started";
        } catch (const boost::system::system_error& refused) {
            EXPECT_NE(std::string(refused.what()).find("cannot start shard "), std::string::npos)
                << refused.what();
            EXPECT_NE(std::string(refused.what()).find(" of 50"), std::string::npos);
            EXPECT_EQ(refused.code(), boost::system::errc::too_many_files_open);
        }
        ::setrlimit(RLIMIT_NOFILE, &before);
    }).join();
#endif
}

}  // namespace
