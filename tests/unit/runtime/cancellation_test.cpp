#include "support/live_object.hpp"

#include <libnet/asio.hpp>
#include <libnet/core/error.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/session/connection.hpp>
#include <libnet/testing/simulation.hpp>
#include <libnet/testing/stream_pair.hpp>

#include <boost/asio/executor_work_guard.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

/// An echo session and its client, stopped at every point where they can be suspended: from their
/// own thread, by the end of everything, and from another thread.
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using libnet::checked;
using libnet::connection;
using libnet::error;
using libnet::result;
using libnet::task;
using libnet::testing::pipe_options;
using libnet::testing::simulation;
using libnet::tests::live_object;

constexpr int messages = 4;

task<> echo(connection& peer)
{
    const live_object local;
    while (auto frame = co_await peer.receive()) {
        const live_object each;
        co_await checked(peer.send(*frame));
    }
}

task<> serve(connection peer)
{
    const live_object local;
    co_await libnet::within(1min, echo(peer));
    (void)co_await libnet::shielded(2s, peer.close());
}

task<> ask(connection peer, int& answered)
{
    const live_object local;
    for (int i = 0; i != messages; ++i) {
        const std::string text(static_cast<std::size_t>(1 + 40 * i), static_cast<char>('a' + i));
        co_await checked(peer.send(text));
        const libnet::bytes reply = co_await checked(libnet::within(5s, peer.receive()));
        EXPECT_EQ(libnet::to_string(reply), text);
        ++answered;
    }
    co_await checked(peer.close());
}

/// Small pipes, so that writers wait for readers as well.
const pipe_options narrow{.capacity = 16, .largest_read = 7, .immediate_writes = false};

struct scene {
    explicit scene(pipe_options pipes) : sim(std::make_unique<simulation>())
    {
        auto [client, peer] = sim->connect({}, {}, pipes, pipes);
        sim->start(serve(std::move(peer)));
        sim->start(ask(std::move(client), answered));
    }

    /// False if there were fewer steps.
    bool go(int steps)
    {
        for (int i = 0; i != steps; ++i) {
            if (!sim->step()) {
                return false;
            }
        }
        return true;
    }

    std::unique_ptr<simulation> sim;
    int answered = 0;
};

TEST(Cancellation, LeavesAnUndisturbedSessionAlone)
{
    for (const pipe_options& pipes : {pipe_options{}, narrow}) {
        scene s(pipes);
        s.sim->settle();
        EXPECT_EQ(s.sim->running(), 0u);
        EXPECT_EQ(s.answered, messages);
        EXPECT_TRUE(*s.sim->outcome(0));
        EXPECT_TRUE(*s.sim->outcome(1));
        s.sim.reset();
        EXPECT_EQ(live_object::alive(), 0);
    }
}

TEST(Cancellation, EndsASessionAtEveryStep)
{
    for (const pipe_options& pipes : {pipe_options{}, narrow}) {
        for (int steps = 0;; ++steps) {
            scene s(pipes);
            const bool under_way = s.go(steps);
            s.sim->cancel();
            s.sim->advance(1min);
            ASSERT_EQ(s.sim->running(), 0u) << "cancelled after step " << steps;
            ASSERT_EQ(live_object::alive(), 0) << "cancelled after step " << steps;
            if (!under_way) {
                ASSERT_EQ(s.answered, messages);
                ASSERT_GT(steps, 20);
                break;
            }
        }
    }
}

TEST(Cancellation, EndsASessionAtEveryStepAndThenStepByStep)
{
    for (int steps = 0;; ++steps) {
        scene s(narrow);
        const bool under_way = s.go(steps);
        s.sim->cancel();
        while (s.sim->step()) {}
        ASSERT_EQ(s.sim->running(), 0u) << "cancelled after step " << steps;
        ASSERT_EQ(live_object::alive(), 0) << "cancelled after step " << steps;
        if (!under_way) {
            break;
        }
    }
}

TEST(Cancellation, TheEndOfEverythingLeavesNothingBehindAtAnyStep)
{
    for (const pipe_options& pipes : {pipe_options{}, narrow}) {
        for (int steps = 0;; ++steps) {
            scene s(pipes);
            const bool under_way = s.go(steps);
            s.sim.reset();
            ASSERT_EQ(live_object::alive(), 0) << "destroyed after step " << steps;
            if (!under_way) {
                break;
            }
        }
    }
}

TEST(Cancellation, TheEndOfEverythingAfterACancellationLeavesNothingBehindAtAnyStep)
{
    for (int after = 0; after != 8; ++after) {
        for (int steps = 0;; ++steps) {
            scene s(narrow);
            const bool under_way = s.go(steps);
            s.sim->cancel();
            (void)s.go(after);
            s.sim.reset();
            ASSERT_EQ(live_object::alive(), 0) << "destroyed " << after << " after step " << steps;
            if (!under_way) {
                break;
            }
        }
    }
}

TEST(Cancellation, AHandleCancelsAtEveryStep)
{
    for (const bool of_the_server : {true, false}) {
        for (int steps = 0;; ++steps) {
            simulation sim;
            int answered = 0;
            auto [client, peer] = sim.connect({}, {}, narrow, narrow);
            const auto handle = of_the_server ? peer.handle() : client.handle();
            sim.start(serve(std::move(peer)));
            sim.start(ask(std::move(client), answered));
            bool under_way = true;
            for (int i = 0; i != steps && under_way; ++i) {
                under_way = sim.step();
            }
            handle.cancel();
            sim.advance(1min);
            ASSERT_EQ(sim.running(), 0u) << "cancelled after step " << steps;
            ASSERT_EQ(live_object::alive(), 0) << "cancelled after step " << steps;
            EXPECT_FALSE(handle.alive());
            handle.cancel();
            if (!under_way) {
                break;
            }
        }
    }
}

TEST(Cancellation, AHandleOutlivesItsLoop)
{
    auto sim = std::make_unique<simulation>();
    auto [client, peer] = sim->connect();
    const auto handle = peer.handle();
    int answered = 0;
    sim->start(serve(std::move(peer)));
    sim->start(ask(std::move(client), answered));
    (void)sim->step();
    sim.reset();
    handle.cancel();
    handle.close();
    EXPECT_EQ(handle.send("late").error(), error::closed);
    EXPECT_FALSE(handle.alive());
}

/// The same over a context that another thread runs.
class elsewhere {
public:
    elsewhere() : guard_(asio::make_work_guard(io)), runner_([this] { io.run(); }) {}
    ~elsewhere()
    {
        guard_.reset();
        io.stop();
        runner_.join();
    }

    asio::io_context io{1};

private:
    asio::executor_work_guard<asio::io_context::executor_type> guard_;
    std::thread runner_;
};

/// Busy for a time that differs from round to round, far below that of the whole scenario.
void dawdle(int round)
{
    const auto end = std::chrono::steady_clock::now() + round * 3us;
    while (std::chrono::steady_clock::now() < end) {}
}

/// What the runner's thread and the test share about one round.
struct shared_round {
    std::atomic<int> ended{0};
    std::atomic<bool> begun{false};
    std::optional<libnet::connection_handle> handle;
    asio::cancellation_signal stop_server;
    asio::cancellation_signal stop_client;
    int answered = 0;
};

void begin(asio::io_context& io, std::shared_ptr<shared_round> round)
{
    asio::post(io, [&io, round] {
        libnet::testing::stream_pair pair(libnet::loop_of(io), narrow, narrow);
        connection peer(pair.take_right());
        connection client(pair.take_left());
        round->handle.emplace(peer.handle());
        libnet::spawn(io, serve(std::move(peer)),
                      asio::bind_cancellation_slot(
                          round->stop_server.slot(),
                          [round](std::exception_ptr, result<>) { ++round->ended; }));
        libnet::spawn(io, ask(std::move(client), round->answered),
                      asio::bind_cancellation_slot(
                          round->stop_client.slot(),
                          [round](std::exception_ptr, result<>) { ++round->ended; }));
        round->begun = true;
    });
}

void wait_until(const std::atomic<bool>& flag)
{
    while (!flag) {
        std::this_thread::yield();
    }
}

TEST(Cancellation, EndsASessionFromAnotherThread)
{
    {
        elsewhere there;
        const auto box = libnet::loop_of(there.io).remote();
        for (int n = 0; n != 150; ++n) {
            auto round = std::make_shared<shared_round>();
            begin(there.io, round);
            wait_until(round->begun);
            dawdle(n % 50);
            switch (n % 3) {
            case 0: round->handle->cancel(); break;
            case 1:
                asio::post(there.io, [round] {
                    round->stop_server.emit(asio::cancellation_type::terminal);
                    round->stop_client.emit(asio::cancellation_type::terminal);
                });
                break;
            default:
                box->post([round] { round->stop_server.emit(asio::cancellation_type::terminal); });
                round->handle->cancel();
                round->handle->close();
                break;
            }
            while (round->ended != 2) {
                std::this_thread::yield();
            }
        }
    }
    EXPECT_EQ(live_object::alive(), 0);
}

TEST(Cancellation, SendsAndCancelsFromAnotherThreadWhileTheLoopEnds)
{
    for (int n = 0; n != 60; ++n) {
        auto round = std::make_shared<shared_round>();
        std::atomic<bool> stop = false;
        std::thread other;
        {
            elsewhere there;
            begin(there.io, round);
            wait_until(round->begun);
            other = std::thread([&stop, handle = *round->handle, n] {
                for (int i = 0; !stop; ++i) {
                    (void)handle.send("from elsewhere");
                    if (i == n) {
                        handle.cancel();
                    }
                    (void)handle.alive();
                }
            });
            dawdle(n);
        }
        stop = true;
        other.join();
    }
    EXPECT_EQ(live_object::alive(), 0);
}

}  // namespace
