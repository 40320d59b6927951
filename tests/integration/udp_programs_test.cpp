#include "support/child_process.hpp"
#include "support/echo_server.hpp"
#include "support/required_programs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

/// udp_echo_server and udp_echo_client, with each other and with programs that others wrote.
namespace {

using namespace integration;
using testing::HasSubstr;
using testing::StartsWith;

struct udp_echo_server : echo_server {
    explicit udp_echo_server(const std::vector<std::string>& flags = {},
                             const std::vector<std::string>& started_by = {})
        : echo_server(flags, {}, started_by, UDP_ECHO_SERVER)
    {
    }
};

child_process::outcome client(const std::string& where, std::vector<std::string> flags)
{
    flags.insert(flags.begin(), {UDP_ECHO_CLIENT, "--connect", where});
    return child_process(flags).finish(3 * patience);
}

TEST(UdpPrograms, AnswerEveryDatagramThatTheKernelDidNotDrop)
{
    for (const char* how : {"--quiet", "--per-peer", "--plain"}) {
        SCOPED_TRACE(how);
        udp_echo_server server({how});
        const auto ended = client(server.where(), {"--count", "2000", "--rate", "20000"});
        const auto stopped = server.stop(SIGTERM);
        EXPECT_EQ(stopped.code, 0) << stopped.errors;
        // On a machine that is busy the kernel may drop some, and then says so.
        if (stopped.output.find(", 0 dropped") != std::string::npos && ended.code != 0) {
            ADD_FAILURE() << ended.output << stopped.output;
        }
        EXPECT_THAT(ended.output, HasSubstr("2000 datagrams, "));
        EXPECT_THAT(ended.output, HasSubstr("0 duplicates"));
        EXPECT_THAT(ended.output, HasSubstr("p50"));
    }
}

TEST(UdpPrograms, RequestsAreAnswered)
{
    udp_echo_server server({"--per-peer", "--cookie"});
    const auto ended =
        client(server.where(), {"--count", "500", "--retry", "5", "--timeout", "10s"});
    EXPECT_EQ(ended.code, 0) << ended.output << ended.errors;
    EXPECT_THAT(ended.output, StartsWith("500 requests, 500 answered, 0 given up"));
    EXPECT_THAT(server.line("opened"), HasSubstr("(proven)"));
    EXPECT_THAT(server.stop(SIGINT).output, HasSubstr("1 peer"));
}

// One datagram in five is lost in each direction, and one in ten comes twice.
TEST(UdpPrograms, EveryRequestIsAnsweredOverABadLine)
{
    udp_echo_server server({"--quiet"});
    echo_server line({"--udp", "--listen", "127.0.0.1:0", "--connect", server.where(), "--loss",
                      "20%", "--duplicate", "10%"},
                     {}, {}, IMPAIR);
    const auto ended =
        client(line.where(), {"--count", "300", "--retry", "30", "--timeout", "20s"});
    EXPECT_EQ(ended.code, 0) << ended.output << ended.errors;
    EXPECT_THAT(ended.output, StartsWith("300 requests, 300 answered, 0 given up"));
    EXPECT_THAT(ended.output, testing::Not(HasSubstr(" 0 duplicates")));
    EXPECT_THAT(ended.output, testing::Not(HasSubstr(" 0 sent again")));
}

// A line on which nearly everything is lost: each request is answered or named.
TEST(UdpPrograms, RequestsThatAreGivenUpAreNamed)
{
    udp_echo_server server({"--quiet"});
    echo_server line({"--udp", "--listen", "127.0.0.1:0", "--connect", server.where(), "--loss",
                      "60%", "--seed", "1"},
                     {}, {}, IMPAIR);
    const auto ended = client(line.where(), {"--count", "30", "--retry", "1", "--timeout", "1s"});
    EXPECT_EQ(ended.code, 1) << ended.output << ended.errors;
    const auto number_before = [&](const std::string& word) {
        const auto end = ended.output.find(word);
        const auto begin = ended.output.rfind(' ', end - 2);
        return std::stoul(ended.output.substr(begin + 1, end - begin - 1));
    };
    const auto given_up = number_before(" given up (");
    EXPECT_EQ(number_before(" answered") + given_up, 30U);
    ASSERT_THAT(ended.output, HasSubstr("\ngiven up: "));
    const std::string names = ended.output.substr(ended.output.find("\ngiven up: "));
    const auto named = std::count(names.begin(), names.begin() + names.find('\n', 1), ',') + 1U;
    EXPECT_EQ(named, std::min<std::size_t>(given_up, 20));
    EXPECT_EQ(names.find(" and ") != std::string::npos, given_up > 20);
}

TEST(UdpPrograms, ForgetsASilentPeer)
{
    udp_echo_server server({"--per-peer", "--idle-timeout", "100ms"});
    client(server.where(), {"--count", "1"});
    EXPECT_THAT(server.line("closed"), HasSubstr("1 datagram, 64 bytes received, 64 bytes sent"));
}

TEST(UdpPrograms, SayThatNobodyListens)
{
    for (const char* retries : {"0", "3"}) {
        const auto ended = client("127.0.0.1:1", {"--retry", retries});
        EXPECT_EQ(ended.code, 1);
        EXPECT_THAT(ended.errors, HasSubstr("start udp_echo_server"));
    }
}

TEST(UdpPrograms, RefuseWhatMakesNoSense)
{
    EXPECT_EQ(client("127.0.0.1:1", {"--size", "15"}).code, 2);
    EXPECT_EQ(client("127.0.0.1:1", {"--count", "0"}).code, 2);
    EXPECT_EQ(client("nonsense", {}).code, 2);
    const auto server = child_process({UDP_ECHO_SERVER, "--cookie"}).finish();
    EXPECT_EQ(server.code, 2);
    EXPECT_THAT(server.errors, HasSubstr("--per-peer"));
    for (const auto& ended : {child_process({UDP_ECHO_SERVER, "--listen", "unix:/tmp/x"}).finish(),
                              client("unix:/tmp/x", {})}) {
        EXPECT_EQ(ended.code, 2);
        EXPECT_THAT(ended.errors, HasSubstr("no datagrams over unix"));
    }
    for (const auto& ended : {child_process({UDP_ECHO_SERVER, "--listen", "nonsense"}).finish(),
                              client("nonsense", {})}) {
        EXPECT_EQ(ended.code, 2);
        EXPECT_THAT(ended.errors, testing::AllOf(HasSubstr("is not HOST:PORT"),
                                                 testing::Not(HasSubstr("unix:"))));
    }
}

TEST(UdpInterop, Netcat)
{
    REQUIRE_PROGRAM("nc")
    udp_echo_server server;
    const auto nc = shell("nc -u -w 1 127.0.0.1 " + std::to_string(server.port()), "hello\n");
    EXPECT_EQ(nc.output, "hello\n");
}

TEST(UdpInterop, Socat)
{
    REQUIRE_PROGRAM("socat")
    for (const char* listen : {"127.0.0.1:0", "[::1]:0"}) {
        udp_echo_server server({"--listen", listen});
        if (server.where().empty()) {
            continue;  // no IPv6 here
        }
        const auto socat = shell("socat -t 1 - UDP:" + server.where(), "hello\n");
        EXPECT_EQ(socat.output, "hello\n");
    }
}

constexpr const char* python_client = R"(
import socket, sys
port = int(sys.argv[1])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.connect(('127.0.0.1', port))
for size in (0, 1, 64, 1500, 65507):
    m = b'x' * size
    s.send(m)
    assert s.recv(70000) == m, size
# One that asks and does not wait: its port is closed when the answer comes.
for i in range(50):
    gone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    gone.sendto(b'anybody?', ('127.0.0.1', port))
    gone.close()
s.send(b'still there?')
assert s.recv(70000) == b'still there?'
print('all')
)";

TEST(UdpInterop, PythonAndPeersThatAreGone)
{
    REQUIRE_PROGRAM("python3")
    for (const std::vector<std::string>& flags :
         std::vector<std::vector<std::string>>{{}, {"--per-peer"}, {"--listen", ":0"}}) {
        udp_echo_server server(flags);
        child_process python({"python3", "-c", python_client, std::to_string(server.port())});
        const auto ended = python.finish(2 * patience);
        EXPECT_EQ(ended.output, "all\n") << ended.errors;
        EXPECT_EQ(server.stop(SIGTERM).code, 0);
    }
}

}  // namespace
