#include "support/client_socket.hpp"
#include "support/served.hpp"

#include <libnet/libnet.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// What other threads may do with servers and connections, and what exceptions and signals may not.
namespace {

using namespace integration;
using namespace libnet::literals;
using libnet::connection;
using libnet::connection_handle;
using libnet::error;
using libnet::task;
using testing::HasSubstr;
using steady = std::chrono::steady_clock;

// Gives the handle of the connection that a server opened to the test's thread.
class handle_of_next {
public:
    libnet::server::session receiving()
    {
        return [this](connection& peer) -> task<> {
            {
                const std::lock_guard lock(mutex_);
                handle_ = peer.handle();
                changed_.notify_all();
            }
            return echo(peer);
        };
    }

    connection_handle take()
    {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, patience, [&] { return handle_.has_value(); });
        return handle_.value();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<connection_handle> handle_;
};

TEST(Threads, ServerIsStoppedByAnother)
{
    served server(echo);
    client_socket client(server.port());
    const std::string frame = framed("hello");
    ASSERT_TRUE(client.send(frame));
    ASSERT_EQ(client.read(frame.size()), frame);
    server.server().stop();
    server.server().stop();
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_TRUE(client.ended());
    client.close();
    EXPECT_TRUE(server.ended(about(0ms)));
    EXPECT_EQ(server.server().stats().accepted, 1u);
    EXPECT_EQ(server.server().stats().active, 0u);
    EXPECT_EQ(server.server().stats().messages_received, 1u);
    server.server().stop();
}

TEST(Threads, ServerIsStoppedWhileItStarts)
{
    for (int i = 0; i < 50; ++i) {
        libnet::server server("127.0.0.1:0", echo);
        std::thread runs([&] { libnet::run(server.run(), signals_alone); });
        server.stop();
        runs.join();
    }
}

TEST(Threads, HandleSends)
{
    handle_of_next next;
    served server(next.receiving());
    client_socket client(server.port());
    const connection_handle handle = next.take();
    std::vector<std::thread> senders;
    for (int t = 0; t < 4; ++t) {
        senders.emplace_back([&handle, t] {
            for (int i = 0; i < 100; ++i) {
                EXPECT_TRUE(handle.send(std::string(10, static_cast<char>('a' + t))));
            }
        });
    }
    for (std::thread& sender : senders) {
        sender.join();
    }
    const std::string got = client.read(400 * 14);
    ASSERT_EQ(got.size(), 400u * 14);
    int of_sender[4] = {};
    for (std::size_t i = 0; i < got.size(); i += 14) {
        const char letter = got[i + 4];
        ASSERT_EQ(got.substr(i, 14), framed(std::string(10, letter)));
        ++of_sender[letter - 'a'];
    }
    EXPECT_THAT(of_sender, testing::Each(100));
    EXPECT_TRUE(handle.alive());
}

// Nobody reads: what handles have queued is bounded, and they say so.
TEST(Threads, HandleIsHeldBackByAPeerThatDoesNotRead)
{
    handle_of_next next;
    served server(next.receiving());
    client_socket client(server.port(), 4096);
    const connection_handle handle = next.take();
    const std::string block(10'000, 'x');
    std::size_t taken = 0;
    libnet::result<> last;
    while (taken < (64u << 20) && (last = handle.send(block))) {
        taken += block.size();
    }
    ASSERT_TRUE(last.has_error());
    EXPECT_EQ(last.error(), error::peer_not_reading);
    const std::string all = client.read(taken / block.size() * (block.size() + 4), 2s);
    EXPECT_EQ(all.size(), taken / block.size() * (block.size() + 4)) << "what was taken is sent";
}

TEST(Threads, HandleCloses)
{
    handle_of_next next;
    served server(next.receiving());
    client_socket client(server.port());
    const connection_handle handle = next.take();
    EXPECT_TRUE(handle.send("goodbye"));
    handle.close();
    EXPECT_EQ(client.read_to_end(), framed("goodbye"));
    EXPECT_TRUE(client.ended());
    client.close();
    const auto report = server.report();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->reason, error::closed);
    EXPECT_FALSE(handle.alive());
    EXPECT_EQ(handle.send("too late").error(), error::closed);
    handle.close();
    handle.cancel();
}

TEST(Threads, HandleCancels)
{
    handle_of_next next;
    served server(next.receiving());
    client_socket client(server.port());
    next.take().cancel();
    EXPECT_EQ(client.read_to_end(), "");
    client.close();
    const auto report = server.report();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->reason, error::cancelled);
}

TEST(Threads, HandleOutlivesItsServer)
{
    handle_of_next next;
    std::optional<connection_handle> handle;
    {
        served server(next.receiving());
        client_socket client(server.port());
        handle = next.take();
        server.server().stop();
    }
    EXPECT_FALSE(handle->alive());
    EXPECT_EQ(handle->send("too late").error(), error::closed);
    handle->cancel();
    handle->close();
}

// Threads that send, close and cancel while clients come and go.
TEST(Threads, HandlesRaceWithTheEnd)
{
    std::mutex mutex;
    std::vector<connection_handle> handles;
    const auto session = [&](connection& peer) -> task<> {
        {
            const std::lock_guard lock(mutex);
            handles.push_back(peer.handle());
        }
        return echo(peer);
    };
    served server(session);
    std::atomic<bool> done = false;
    std::vector<std::thread> racers;
    for (int t = 0; t < 3; ++t) {
        racers.emplace_back([&, t] {
            while (!done) {
                std::vector<connection_handle> now;
                {
                    const std::lock_guard lock(mutex);
                    now = handles;
                }
                for (const connection_handle& handle : now) {
                    (void)handle.send("something");
                    if (t == 1) {
                        handle.close();
                    } else if (t == 2) {
                        handle.cancel();
                    }
                }
                std::this_thread::sleep_for(100us);
            }
        });
    }
    for (int i = 0; i < 200; ++i) {
        client_socket client(server.port());
        client.send(framed("hello"));
        if (i % 3 == 0) {
            client.reset();
        }
        const std::lock_guard lock(mutex);
        if (handles.size() > 20) {
            handles.erase(handles.begin(), handles.begin() + 10);
        }
    }
    done = true;
    for (std::thread& racer : racers) {
        racer.join();
    }
}

TEST(Sessions, ExceptionEndsItsConnectionOnly)
{
    const auto session = [](connection& peer) -> task<> {
        while (auto frame = co_await peer.receive()) {
            if (libnet::as_text(*frame) == "throw") {
                throw std::runtime_error("no such thing");
            }
            co_await peer.send(*frame);
        }
    };
    served server(session);
    client_socket good(server.port());
    client_socket bad(server.port());
    const std::string hello = framed("hello");
    ASSERT_TRUE(good.send(hello));
    ASSERT_EQ(good.read(hello.size()), hello);
    ASSERT_TRUE(bad.send(hello + framed("throw")));
    EXPECT_EQ(bad.read_to_end(), hello) << "what it had sent is delivered";
    EXPECT_TRUE(bad.ended());
    bad.close();
    const auto report = server.report();
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->exception);
    EXPECT_THAT(report->text(), HasSubstr("no such thing"));
    ASSERT_TRUE(good.send(hello));
    EXPECT_EQ(good.read(hello.size()), hello);
}

// This program has SIGPIPE's default action: it would end here.
TEST(Sessions, WritingToAPeerThatHasGoneRaisesNoSigpipe)
{
    ASSERT_NE(std::signal(SIGPIPE, SIG_DFL), SIG_ERR);
    const auto talkative = [](connection& peer) -> task<> {
        const std::string small(100, 'x');
        const std::string large(100'000, 'x');
        for (int i = 0; !peer.ended(); ++i) {
            co_await peer.send(i % 2 == 0 ? small : large);
            co_await libnet::yield();
        }
    };
    served server(talkative);
    for (int i = 0; i < 20; ++i) {
        client_socket peer(server.port());
        EXPECT_EQ(peer.read(1000).size(), 1000u);
        peer.reset();
        const auto report = server.report();
        ASSERT_TRUE(report);
        EXPECT_TRUE(report->reason == boost::system::errc::connection_reset ||
                    report->reason == boost::system::errc::broken_pipe)
            << report->reason.message();
    }
}

TEST(Sessions, PeerThatTakesNothingTimesOut)
{
    libnet::server_options options;
    options.connection.send_timeout = 500ms;
    const auto talkative = [](connection& peer) -> task<> {
        const std::string block(50'000, 'x');
        while (co_await peer.send(block)) {}
    };
    served server(talkative, options);
    client_socket client(server.port(), 4096);
    const auto report = server.report(about(1500ms));
    ASSERT_TRUE(report);
    EXPECT_EQ(report->reason, error::send_timeout);
    EXPECT_EQ(report->reason, libnet::condition::timeout);
}

TEST(Sessions, SlowFrameTimesOut)
{
    libnet::server_options options;
    options.connection.frame_timeout = 500ms;
    served server(echo, options);
    client_socket client(server.port());
    const std::string frame = framed("a byte now and then");
    const auto start = steady::now();
    for (const char byte : frame) {
        if (!client.send({&byte, 1}) || !client.read(1, 100ms).empty() || client.ended()) {
            break;
        }
    }
    EXPECT_LT(steady::now() - start, about(500ms));
    client.close();
    const auto report = server.report();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->reason, error::frame_timeout);
}

}  // namespace
