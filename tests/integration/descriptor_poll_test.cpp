#include "support/asio_sockets.hpp"

#include <libnet/asio.hpp>
#include <libnet/asio/adopt.hpp>
#include <libnet/libnet.hpp>
#include <libnet/transport/descriptor.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

/// How a loop waits for its sockets: what epoll tells only once must not be missed, and what it has told
/// must not be told to somebody who has gone.
namespace {

using namespace integration;
using namespace libnet;
using asio::ip::tcp;

/// What a stream tells, in the hands of a test.
class teller final : public stream_events {
public:
    teller() { retain(); }

    void on_read(const error_code& failed, std::size_t count) override
    {
        ++reads;
        why = failed;
        text.append(reinterpret_cast<const char*>(room.data()), count);
        if (then) {
            then();
        }
    }
    void on_write(const error_code&, std::size_t) override {}

    void read() { transport->read_some(room, *this); }

    std::unique_ptr<stream> transport;
    std::array<std::byte, 64> room{};
    int reads = 0;
    std::string text;
    error_code why;
    std::function<void()> then;
};

/// The near end, with a stream, of a connection over loopback; the far end is a descriptor.
struct near_end {
    explicit near_end(asio::io_context& context) : ends(context), told(new teller)
    {
        told->transport = adopt_descriptor(loop_of(context), ends.ours.release());
    }
    near_end(near_end&& other) noexcept
        : ends(std::move(other.ends)), told(std::exchange(other.told, nullptr))
    {
    }
    ~near_end()
    {
        if (told != nullptr) {
            told->then = nullptr;
            told->transport.reset();
            told->release();
        }
    }

    int far() { return ends.theirs.native_handle(); }
    void say(const std::string& words, int flags = 0)
    {
        EXPECT_EQ(::send(far(), words.data(), words.size(), flags | MSG_NOSIGNAL),
                  static_cast<ssize_t>(words.size()));
    }

    tcp_ends ends;
    teller* told;
};

void wait_until_there(int descriptor, short events = POLLIN)
{
    pollfd asked{descriptor, events, 0};
    EXPECT_EQ(::poll(&asked, 1, 5000), 1);
}

bool run_until(asio::io_context& context, const std::function<bool()>& done)
{
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done() && std::chrono::steady_clock::now() < limit) {
        context.restart();
        context.run_one_for(std::chrono::milliseconds(100));
    }
    return done();
}

TEST(DescriptorPoll, TheEndBehindBytesThatCameWithIt)
{
    asio::io_context context(1);
    near_end one(context);
    one.told->read();
    context.poll();
    one.say("last words");
    one.ends.theirs.shutdown(tcp::socket::shutdown_send);
    wait_until_there(one.told->transport->native_handle(), POLLRDHUP);
    EXPECT_TRUE(run_until(context, [&] { return one.told->reads == 1; }));
    EXPECT_EQ(one.told->text, "last words");
    one.told->read();
    EXPECT_TRUE(run_until(context, [&] { return one.told->reads == 2; }));
    EXPECT_EQ(one.told->why, error::closed);
}

TEST(DescriptorPoll, TheEndThatComesWhileNobodyReads)
{
    asio::io_context context(1);
    near_end one(context);
    one.say("last words");
    one.told->read();
    EXPECT_TRUE(run_until(context, [&] { return one.told->reads == 1; }));
    one.ends.theirs.close();
    wait_until_there(one.told->transport->native_handle(), POLLRDHUP);
    one.told->read();
    EXPECT_TRUE(run_until(context, [&] { return one.told->reads == 2; }));
    EXPECT_EQ(one.told->why, error::closed);
}

// A read ends where the urgent byte stands, so it comes up short though more is there.
TEST(DescriptorPoll, WhatStandsBehindUrgentData)
{
    asio::io_context context(1);
    near_end one(context);
    one.told->read();
    context.poll();
    one.say("before");
    one.say("!", MSG_OOB);
    one.say("behind");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    one.told->then = [&] { one.told->read(); };
    EXPECT_TRUE(run_until(context, [&] { return one.told->text.size() == 12; })) << one.told->text;
    EXPECT_EQ(one.told->text, "beforebehind");
    one.say("and later");
    EXPECT_TRUE(run_until(context, [&] { return one.told->text.size() == 21; })) << one.told->text;
}

TEST(DescriptorPoll, MoreThanThereIsRoomFor)
{
    asio::io_context context(1);
    near_end one(context);
    one.told->then = [&] { one.told->read(); };
    one.told->read();
    one.say(std::string(1000, 'x'));  // the room is 64 bytes
    EXPECT_TRUE(run_until(context, [&] { return one.told->text.size() == 1000; }));
    one.say(std::string(64, 'y'));  // exactly the room
    EXPECT_TRUE(run_until(context, [&] { return one.told->text.size() == 1064; }));
    one.say("z");
    EXPECT_TRUE(run_until(context, [&] { return one.told->text.size() == 1065; }));
}

// Epoll tells of 128 in a turn.
TEST(DescriptorPoll, MoreThanOneTurnTellsOf)
{
    asio::io_context context(1);
    std::vector<near_end> all;
    for (int i = 0; i < 300; ++i) {
        all.emplace_back(context);
        all.back().told->read();
    }
    context.poll();
    for (near_end& one : all) {
        one.say("hello");
    }
    EXPECT_TRUE(run_until(context, [&] {
        return std::ranges::all_of(all, [](const near_end& one) { return one.told->reads == 1; });
    }));
}

TEST(DescriptorPoll, OneThatGoesBeforeItsTurnIsNotTold)
{
    asio::io_context context(1);
    std::vector<near_end> all;
    for (int i = 0; i < 20; ++i) {
        all.emplace_back(context);
    }
    int told = 0;
    for (near_end& one : all) {
        one.told->then = [&] {
            ++told;
            for (near_end& other : all) {
                if (other.told->reads == 0) {
                    other.told->then = nullptr;
                    other.told->transport.reset();
                }
            }
        };
        one.told->read();
    }
    context.poll();
    for (near_end& one : all) {
        one.say("hello");
    }
    for (near_end& one : all) {
        wait_until_there(one.told->transport->native_handle());
    }
    EXPECT_TRUE(run_until(context, [&] { return told != 0; }));
    context.restart();
    context.poll();
    EXPECT_EQ(told, 1);
    EXPECT_EQ(std::ranges::count_if(all, [](const near_end& one) { return one.told->reads != 0; }),
              1);
}

TEST(DescriptorPoll, NothingIsLostBehindAnException)
{
    asio::io_context context(1);
    std::vector<near_end> all;
    for (int i = 0; i < 5; ++i) {
        all.emplace_back(context);
        all.back().told->then = [] { throw std::runtime_error("of a user's"); };
        all.back().told->read();
    }
    context.poll();
    for (near_end& one : all) {
        one.say("hello");
    }
    for (near_end& one : all) {
        wait_until_there(one.told->transport->native_handle());
    }
    int thrown = 0;
    while (thrown < 5) {
        context.restart();
        try {
            if (context.run_one_for(std::chrono::seconds(5)) == 0) {
                break;
            }
        } catch (const std::runtime_error&) {
            ++thrown;
        }
    }
    EXPECT_EQ(thrown, 5);
    for (const near_end& one : all) {
        EXPECT_EQ(one.told->reads, 1);
    }
}

TEST(DescriptorPoll, AContextInWhichNobodyWaitsEnds)
{
    asio::io_context context(1);
    near_end one(context);
    near_end other(context);
    one.told->read();
    other.told->read();
    EXPECT_EQ(context.run_for(std::chrono::milliseconds(100)), 0U) << "it waits for both";
    asio::post(context, [&] {
        const loop::turn this_turn(loop_of(context));
        one.told->transport->cancel_read();
        other.told->transport->close();
    });
    context.restart();
    const auto began = std::chrono::steady_clock::now();
    context.run_for(std::chrono::seconds(10));
    EXPECT_TRUE(context.stopped());
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
    EXPECT_EQ(one.told->why, error::cancelled);
    EXPECT_EQ(other.told->why, error::cancelled);

    one.told->read();  // and waits again
    one.say("hello");
    context.restart();
    context.run_for(std::chrono::seconds(10));
    EXPECT_EQ(one.told->text, "hello");
    EXPECT_TRUE(context.stopped());
}

TEST(DescriptorPoll, AStreamThatOutlivesItsContext)
{
    std::unique_ptr<stream> left;
    auto* told = new teller;
    int far = -1;
    {
        asio::io_context context(1);
        tcp_ends ends(context);
        far = ::dup(ends.theirs.native_handle());
        told->transport = adopt_descriptor(loop_of(context), ends.ours.release());
        told->read();
        context.poll();
    }
    told->transport->close();  // nobody is told any more, and nothing is touched that has gone
    EXPECT_EQ(told->reads, 0);
    char end;
    EXPECT_EQ(::recv(far, &end, 1, 0), 0);
    ::close(far);
    told->transport.reset();
    told->release();
}

// A descriptor that somebody else has, too, would be told of for ever.
TEST(DescriptorPoll, OneThatIsOpenElsewhereToo)
{
    asio::io_context context(1);
    std::optional<near_end> one(context);
    one->told->read();
    context.poll();
    const int elsewhere = ::dup(one->told->transport->native_handle());
    const int far = ::dup(one->far());
    one.reset();
    ASSERT_EQ(::send(far, "hello", 5, MSG_NOSIGNAL), 5);
    wait_until_there(elsewhere);
    context.restart();
    context.run_for(std::chrono::milliseconds(50));
    EXPECT_TRUE(context.stopped());
    ::close(elsewhere);
    ::close(far);
}

}  // namespace
