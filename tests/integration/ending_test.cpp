#include "support/client_socket.hpp"
#include "support/echo_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

/// How connections and servers end: by the peer, by time, by a signal.
namespace {

using namespace integration;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using steady = std::chrono::steady_clock;

TEST(Ending, ResetPeerEndsItsConnectionOnly)
{
    echo_server server;
    client_socket good(server.port());
    client_socket peer(server.port());
    ASSERT_TRUE(echoes(good));
    ASSERT_TRUE(echoes(peer));
    peer.reset();
    EXPECT_THAT(server.line("closed"), HasSubstr("Connection reset by peer (1 message,"));
    EXPECT_TRUE(echoes(good));
}

// Writes into a connection that the peer has reset.
TEST(Ending, ResetWhileTheServerWrites)
{
    echo_server server;
    client_socket good(server.port());
    ASSERT_TRUE(echoes(good));
    for (int i = 0; i < 5; ++i) {
        client_socket peer(server.port(), 4096);
        const std::string block = framed(std::string(100'000, 'x'));
        while (peer.send(block, 100ms)) {  // until the server waits for room to write
        }
        peer.reset();
        EXPECT_THAT(server.line("closed"), testing::AnyOf(HasSubstr("Connection reset by peer"),
                                                          HasSubstr("Broken pipe")));
    }
    EXPECT_TRUE(echoes(good));
    EXPECT_EQ(server.stop(SIGTERM).code, 0);
}

TEST(Ending, ClientKilledInTheMiddleOfAFrame)
{
    echo_server server;
    const std::string script = "exec 3<>/dev/tcp/127.0.0.1/" + std::to_string(server.port()) +
                               "; printf '\\0\\0\\1\\0half a frame' >&3; echo sent; exec sleep 60";
    child_process client({"bash", "-c", script});
    ASSERT_EQ(client.line("sent"), "sent");
    ASSERT_THAT(server.line("opened"), StartsWith("opened 127.0.0.1:"));
    std::this_thread::sleep_for(50ms);
    client.signal(SIGKILL);
    EXPECT_THAT(server.line("closed"), HasSubstr("the stream ended in the middle of a frame"));
    EXPECT_TRUE(echoes(server.port()));
}

TEST(Ending, IdleTimeout)
{
    echo_server server({"--idle-timeout", "1s"});
    client_socket client(server.port());
    std::this_thread::sleep_for(600ms);
    ASSERT_TRUE(echoes(client));  // from here on it counts anew
    const auto start = steady::now();
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_TRUE(client.ended());
    EXPECT_GE(steady::now() - start, 980ms);
    EXPECT_LT(steady::now() - start, about(1s));
    client.close();
    EXPECT_THAT(server.line("closed"),
                HasSubstr("nothing was sent or received for too long (1 message"));
}

class Signal : public testing::TestWithParam<int> {};

TEST_P(Signal, EndsTheServerInOrder)
{
    echo_server server;
    client_socket busy(server.port());
    client_socket idle(server.port());
    ASSERT_TRUE(echoes(busy, "one"));
    ASSERT_TRUE(echoes(busy, "three"));
    server.process().signal(GetParam());
    EXPECT_EQ(busy.read_to_end(), "");
    EXPECT_TRUE(busy.ended());
    EXPECT_EQ(idle.read_to_end(), "");
    EXPECT_TRUE(idle.ended());
    busy.close();
    idle.close();
    const auto start = steady::now();
    const auto ended = server.process().finish();
    EXPECT_EQ(ended.code, 0);
    EXPECT_LT(steady::now() - start, about(0ms));
    EXPECT_THAT(ended.output,
                EndsWith("stopped after 2 connections, 2 messages, 16 bytes received, "
                         "16 bytes sent\n"));
    client_socket late(server.port());
    EXPECT_EQ(late.error(), ECONNREFUSED);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Signal, testing::Values(SIGINT, SIGTERM), [](const auto& i) {
    return std::string(i.param == SIGINT ? "Interrupt" : "Terminate");
});

// A client that does not end its side holds the server up for a bounded time: a second, in which its
// last request may come, and the close timeout.
TEST(Ending, SilentClientDelaysTheEndABoundedTime)
{
    echo_server server;
    client_socket client(server.port());
    ASSERT_TRUE(echoes(client));
    const auto start = steady::now();
    EXPECT_EQ(server.stop(SIGTERM).code, 0);
    EXPECT_LT(steady::now() - start, about(1s + 3s));
}

// Requests that the server has read and not answered, since the client did not read: they are
// answered while it drains.
TEST(Ending, BufferedRequestsAreAnsweredAfterTheSignal)
{
    echo_server server;
    client_socket client(server.port(), 4096);
    const std::string block = framed(std::string(1000, 'x'));
    std::size_t sent = 0;
    while (client.send(block, 300ms)) {
        sent += block.size();
    }
    server.process().signal(SIGTERM);
    std::this_thread::sleep_for(100ms);
    const std::string answered = client.read_to_end();
    EXPECT_TRUE(client.ended()) << client.error();
    client.close();
    const auto ended = server.process().finish();
    EXPECT_EQ(ended.code, 0);
    EXPECT_EQ(answered.size() % block.size(), 0u) << "no answer is cut off";
    EXPECT_GE(answered.size(), 256u * 1024) << "of " << sent;
    const std::string answers = std::to_string(answered.size() / block.size());
    EXPECT_THAT(ended.output, HasSubstr("stopped after 1 connection, " + answers + " messages"));
}

// A frame that has begun when the signal comes may still be finished, and is answered.
TEST(Ending, FrameUnderWayIsFinishedAfterTheSignal)
{
    echo_server server;
    client_socket client(server.port());
    const std::string frame = framed("a message in two parts");
    ASSERT_TRUE(echoes(client));
    ASSERT_TRUE(client.send(frame.substr(0, 10)));
    std::this_thread::sleep_for(100ms);
    server.process().signal(SIGTERM);
    std::this_thread::sleep_for(100ms);
    ASSERT_TRUE(client.send(frame.substr(10)));
    EXPECT_EQ(client.read_to_end(), frame);
    EXPECT_TRUE(client.ended());
    client.close();
    EXPECT_EQ(server.process().finish().code, 0);
}

TEST(Ending, SecondSignalEndsAtOnce)
{
    echo_server server;
    client_socket client(server.port());
    ASSERT_TRUE(client.send(std::string("\0\0\0\5x", 5)));  // a frame under way holds it up
    std::this_thread::sleep_for(100ms);
    server.process().signal(SIGINT);
    std::this_thread::sleep_for(200ms);
    const auto start = steady::now();
    EXPECT_EQ(server.stop(SIGINT).code, 128 + SIGINT);
    EXPECT_LT(steady::now() - start, about(0ms));
}

// Nobody reads its output any more: that is no reason to hang up on clients.
TEST(Ending, ServerOutlivesItsReader)
{
    const std::string script = std::string("exec ") + TCP_ECHO_SERVER + " --listen 127.0.0.1:0";
    child_process both({"bash", "-c",
                        "exec 3< <(" + script +
                            "); pid=$!; read -u 3 line; echo \"$line\"; exec 3<&-; read wait;"
                            "kill -TERM $pid; wait $pid; echo ended $?"});
    const std::string line = both.line("listening on ");
    ASSERT_FALSE(line.empty());
    const auto port = static_cast<std::uint16_t>(std::stoi(line.substr(line.rfind(':') + 1)));
    EXPECT_TRUE(echoes(port));
    EXPECT_TRUE(echoes(port));
    EXPECT_THAT(both.finish().output, EndsWith("ended 0\n"));
}

}  // namespace
