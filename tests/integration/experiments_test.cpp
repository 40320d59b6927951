#include "support/client_socket.hpp"
#include "support/echo_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

/// The flags of the sample programs with which people try out slow readers and the kernel's knobs.
namespace {

using namespace integration;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using steady = std::chrono::steady_clock;

child_process::outcome run_client(const echo_server& server, std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), {TCP_ECHO_CLIENT, "--connect", server.where()});
    child_process client(arguments);
    return client.finish();
}

/// What the kernel says of the server's side of its connections.
std::string sockets_of(const echo_server& server)
{
    return shell("ss -tinmH state established 'sport = :" + std::to_string(server.port()) + "'")
        .output;
}

TEST(Experiments, OverAUnixSocket)
{
    const std::string path = "/tmp/libnet-experiment-" + std::to_string(::getpid());
    {
        echo_server server({"--listen", "unix:" + path});
        ASSERT_EQ(server.where(), "unix:" + path);
        const auto ended = run_client(server, {"hello"});
        EXPECT_EQ(ended.code, 0) << ended.errors;
        EXPECT_EQ(ended.output, "echo: hello\n");
        EXPECT_THAT(server.line("opened"), StartsWith("opened unix:" + path + " (process "));
        EXPECT_EQ(server.stop(SIGTERM).code, 0);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Experiments, AClientThatReadsSlowly)
{
    echo_server server;
    const auto began = steady::now();
    const auto ended = run_client(server, {"--read-delay", "150ms", "--count", "2", "hello"});
    EXPECT_GE(steady::now() - began, 300ms);
    EXPECT_EQ(ended.output, "echo: hello\necho: hello\n");
}

TEST(Experiments, AServerThatReadsSlowly)
{
    echo_server server({"--read-delay", "150ms"});
    const auto began = steady::now();
    EXPECT_EQ(run_client(server, {"--count", "2", "hello"}).code, 0);
    EXPECT_GE(steady::now() - began, 300ms);
}

TEST(Experiments, AClientThatNeverReadsIsGivenUp)
{
    // The commands of the tutorial, with less patience.
    echo_server server({"--framing", "line", "--send-timeout", "300ms", "--send-buffer", "64KiB"});
    const auto ended = run_client(server, {"--framing", "line", "--never-read", "--receive-buffer",
                                           "4KiB", "--count", "1000000", "hello"});
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, HasSubstr("the server ended the connection, as it should"));
    EXPECT_THAT(server.line("closed"), HasSubstr("did not take what was sent"));
}

TEST(Experiments, AClientThatNeverReadsSaysWhatItSent)
{
    echo_server server;
    const auto ended = run_client(server, {"--never-read", "--count", "3", "hello"});
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, HasSubstr("sent 3 messages and read none"));
}

TEST(Experiments, AServerThatNeverReads)
{
    echo_server server({"--never-read"});
    const auto ended = run_client(server, {"--timeout", "300ms", "hello"});
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, HasSubstr("no answer within 300ms"));
}

TEST(Experiments, SocketFlagsReachTheKernel)
{
    if (shell("command -v ss").code != 0) {
        GTEST_SKIP() << "ss is not installed";
    }
    echo_server server({"--congestion", "reno", "--send-buffer", "100KiB", "--receive-buffer",
                        "50KiB", "--no-delay", "off"});
    client_socket client(server.port());
    ASSERT_NE(server.line("opened"), "");
    EXPECT_THAT(sockets_of(server),
                AllOf(HasSubstr(" reno "), HasSubstr("tb204800"), HasSubstr("rb102400")));
}

TEST(Experiments, ACongestionControlThatThereIsNot)
{
    child_process server({TCP_ECHO_SERVER, "--listen", "127.0.0.1:0", "--congestion", "vegetable"});
    const auto ended = server.finish();
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, AllOf(HasSubstr("TCP_CONGESTION"), HasSubstr("No such file")));
}

}  // namespace
