#include "support/live_object.hpp"

#include <libnet/asio.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <boost/asio/executor_work_guard.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using libnet::loop;
using libnet::loop_of;
using libnet::result;
using libnet::task;
using libnet::detail::work_node;
using libnet::tests::live_object;

/// Writes its name when it runs, and may do something then.
struct noted : work_node {
    noted(char n, std::string& l) : name(n), log(&l)
    {
        run = [](work_node& node) {
            auto& self = static_cast<noted&>(node);
            *self.log += self.name;
            if (self.then) {
                self.then();
            }
        };
    }
    char name;
    std::string* log;
    std::function<void()> then;
};

TEST(Loop, IsMadeOnceForAContext)
{
    asio::io_context one, two;
    EXPECT_EQ(&loop_of(one), &loop_of(one));
    EXPECT_NE(&loop_of(one), &loop_of(two));
    EXPECT_EQ(&libnet::context_of(loop_of(one)), &one);
}

TEST(Loop, RunsReadyWorkInOrderBeforeTheTurnEnds)
{
    asio::io_context io;
    loop& home = loop_of(io);
    std::string log;
    noted a('a', log), b('b', log), c('c', log);
    a.then = [&] { home.ready(c); };
    {
        const loop::turn outer(home);
        {
            const loop::turn inner(home);
            home.ready(a);
            home.ready(b);
        }
        EXPECT_EQ(log, "") << "only the outermost turn works off";
    }
    EXPECT_EQ(log, "abc");
    EXPECT_EQ(io.poll(), 0u) << "no wake was needed";
}

TEST(Loop, DefersWorkToALaterTurn)
{
    asio::io_context io;
    loop& home = loop_of(io);
    std::string log;
    noted a('a', log), b('b', log), c('c', log);
    {
        const loop::turn this_turn(home);
        home.defer(a);
        home.ready(b);
        home.defer(c);
    }
    EXPECT_EQ(log, "b");
    EXPECT_EQ(io.poll(), 1u);
    EXPECT_EQ(log, "bac");
}

TEST(Loop, WorkThatDefersItselfLetsTheContextTurn)
{
    asio::io_context io;
    loop& home = loop_of(io);
    std::string log;
    noted a('a', log);
    a.then = [&] {
        if (log.size() < 6) {
            home.defer(a);
        }
    };
    home.defer(a);
    asio::post(io, [&] { log += '1'; });
    EXPECT_EQ(io.poll(), 6u);
    EXPECT_EQ(log, "a1aaaa");
}

TEST(Loop, WakesOnceForAnyAmountOfWork)
{
    asio::io_context io;
    loop& home = loop_of(io);
    std::string log;
    noted a('a', log), b('b', log), c('c', log);
    home.ready(a);
    home.defer(b);
    home.ready(c);
    EXPECT_EQ(log, "") << "outside of a turn nothing runs inside the call";
    EXPECT_EQ(io.poll(), 1u);
    EXPECT_EQ(log, "acb");
    io.restart();
    EXPECT_EQ(io.poll(), 0u);
}

TEST(Loop, WorkThatIsUnlinkedDoesNotRun)
{
    asio::io_context io;
    loop& home = loop_of(io);
    std::string log;
    noted a('a', log);
    {
        noted b('b', log), c('c', log);
        home.ready(a);
        home.ready(b);
        home.defer(c);
    }
    a.unlink();
    io.poll();
    EXPECT_EQ(log, "");
}

TEST(Loop, ATurnDoesNoMoreThanItsLimit)
{
    asio::io_context io;
    loop& home = loop_of(io);
    home.set_turn_limit(2);
    std::string log;
    std::vector<std::unique_ptr<noted>> work;
    {
        const loop::turn this_turn(home);
        for (char name = 'a'; name != 'h'; ++name) {
            work.push_back(std::make_unique<noted>(name, log));
            home.ready(*work.back());
        }
    }
    EXPECT_EQ(log, "ab");
    EXPECT_EQ(io.poll_one(), 1u);
    EXPECT_EQ(log, "abcd");
    EXPECT_EQ(io.poll(), 2u);
    EXPECT_EQ(log, "abcdefg");
}

TEST(Loop, DoesNotWakeUpWhileNothingIsDue)
{
    asio::io_context io;
    const auto guard = asio::make_work_guard(io);
    auto body = []() -> task<> {
        for (int i = 0; i != 100; ++i) {  // armed and left again
            co_await libnet::within(1h, libnet::yield());
        }
        co_await libnet::within(1h, libnet::sleep_for(2h));
    };
    libnet::spawn(io, body(), [](std::exception_ptr, result<>) {});
    io.poll();
    EXPECT_EQ(io.run_for(200ms), 0u);
}

TEST(Loop, SleepsInRealTimeNeverTooShort)
{
    asio::io_context io;
    int slept = 0;
    auto body = [&](libnet::duration wait) -> task<> {
        const auto start = std::chrono::steady_clock::now();
        co_await libnet::sleep_for(wait);
        EXPECT_GE(std::chrono::steady_clock::now() - start, wait);
        ++slept;
    };
    for (int i = 0; i != 40; ++i) {
        libnet::spawn(io, body(i * 1700us), [](std::exception_ptr, result<>) {});
    }
    io.run();
    EXPECT_EQ(slept, 40);
}

TEST(Mailbox, TakesLettersFromAnotherThreadInOrder)
{
    asio::io_context io;
    auto guard = asio::make_work_guard(io);
    const auto box = loop_of(io).remote();
    const auto reader = std::this_thread::get_id();
    std::vector<int> read;
    std::thread writer([&] {
        for (int i = 0; i != 1000; ++i) {
            EXPECT_TRUE(box->post([&, i] {
                EXPECT_TRUE(std::this_thread::get_id() == reader);
                read.push_back(i);
            }));
        }
        EXPECT_TRUE(box->post([&] { guard.reset(); }));
    });
    io.run();
    writer.join();
    ASSERT_EQ(read.size(), 1000u);
    EXPECT_TRUE(std::is_sorted(read.begin(), read.end()));
}

TEST(Mailbox, RefusesLettersAfterTheLoopsEndAndDestroysTheUnread)
{
    auto io = std::make_unique<asio::io_context>();
    const auto box = loop_of(*io).remote();
    EXPECT_TRUE(box->post([kept = live_object()] { ADD_FAILURE() << "nobody ran the loop"; }));
    EXPECT_EQ(live_object::alive(), 1);
    io.reset();
    EXPECT_EQ(live_object::alive(), 0);
    EXPECT_FALSE(box->post([kept = live_object()] {}));
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Mailbox, ALetterMayWriteLettersAndKeepTheBox)
{
    asio::io_context io;
    const auto box = loop_of(io).remote();
    int read = 0;
    box->post([&, box] {
        ++read;
        box->post([&, box] { ++read; });
    });
    io.run();
    EXPECT_EQ(read, 2);
    EXPECT_TRUE(box->post([box] {})) << "a box in its own unread letter is no cycle that stays";
}

TEST(Mailbox, IsSafeWhileTheLoopEndsInAnotherThread)
{
    for (int round = 0; round != 50; ++round) {
        auto io = std::make_unique<asio::io_context>();
        const auto box = loop_of(*io).remote();
        std::atomic<bool> begun = false;
        std::thread writer([&] {
            while (box->post([kept = live_object()] {})) {
                begun = true;
            }
        });
        while (!begun) {
            std::this_thread::yield();
        }
        for (int i = 0; i != round; ++i) {
            io->restart();
            io->poll_one();
        }
        io.reset();
        writer.join();
        EXPECT_EQ(live_object::alive(), 0);
    }
}

TEST(Loop, DestroysAllFramesAtItsEndWhateverTheyWaitFor)
{
    for (int steps = 0; steps != 40; ++steps) {
        {
            asio::io_context io;
            auto child = [](live_object kept, int depth, auto& self) -> task<> {
                const live_object local(kept.value());
                co_await libnet::yield();
                if (depth != 0) {
                    co_await libnet::within(1h, self(live_object(), depth - 1, self));
                }
                co_await libnet::sleep_for(1h);
            };
            auto many = [&](libnet::group& g) -> task<> {
                for (int i = 0; i != 4; ++i) {
                    g.start(child(live_object(), i, child));
                }
                co_await libnet::checked(g.join());
            };
            auto body = [&]() -> task<> { co_await libnet::checked(libnet::with_group(many)); };
            libnet::spawn(io, body(), [kept = live_object()](std::exception_ptr, result<>) {});
            loop_of(io).set_turn_limit(1);
            for (int i = 0; i != steps; ++i) {
                io.poll_one();
            }
        }
        ASSERT_EQ(live_object::alive(), 0) << steps;
    }
}

TEST(Loop, WakesThatDestructorsCauseAtTheEndAreForgotten)
{
    asio::cancellation_signal other;
    struct on_death {
        asio::cancellation_signal* signal;
        ~on_death() { signal->emit(asio::cancellation_type::terminal); }
    };
    {
        asio::io_context io;
        auto waits = []() -> task<> {
            const live_object local;
            (void)co_await libnet::sleep_for(1h);
            ADD_FAILURE() << "resumed during the end";
        };
        auto dies = [&]() -> task<> {
            const on_death local{&other};
            (void)co_await libnet::sleep_for(1h);
        };
        for (const bool first : {true, false}) {
            if (first) {
                libnet::spawn(io, dies(), [](std::exception_ptr, result<>) {});
            } else {
                libnet::spawn(io, waits(),
                              asio::bind_cancellation_slot(other.slot(),
                                                           [](std::exception_ptr, result<>) {}));
            }
        }
        io.poll();
    }
    EXPECT_EQ(live_object::alive(), 0);
    other.emit(asio::cancellation_type::terminal);  // after the end: nobody is there
}

TEST(Loop, RunsWhatWasLeftForItsEnd)
{
    std::string log;
    noted a('a', log), b('b', log);
    {
        asio::io_context io;
        loop_of(io).at_shutdown(a);
        loop_of(io).at_shutdown(b);
        b.unlink();
        io.poll();
        EXPECT_EQ(log, "");
    }
    EXPECT_EQ(log, "a");
}

}  // namespace
