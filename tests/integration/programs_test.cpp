#include "support/client_socket.hpp"
#include "support/echo_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

/// tcp_echo_server and tcp_echo_client as people and scripts use them.
namespace {

using namespace integration;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

child_process::outcome run_client(const echo_server& server, std::vector<std::string> arguments,
                                  const std::string& input = {})
{
    arguments.insert(arguments.begin(), {TCP_ECHO_CLIENT, "--connect", server.where()});
    child_process client(arguments);
    client.write(input);
    return client.finish();
}

struct wrong_usage {
    std::string name;
    std::vector<std::string> command;
    std::string hint;
};

void PrintTo(const wrong_usage& w, std::ostream* out)
{
    *out << w.name;
}

class WrongUsage : public testing::TestWithParam<wrong_usage> {};

TEST_P(WrongUsage, IsExplainedAndEndsWithTwo)
{
    child_process program(GetParam().command);
    const auto ended = program.finish();
    EXPECT_EQ(ended.code, 2);
    EXPECT_THAT(ended.output, IsEmpty());
    EXPECT_THAT(ended.errors, AllOf(HasSubstr(GetParam().hint), HasSubstr("--help")));
}

const std::string server_program = TCP_ECHO_SERVER;
const std::string client_program = TCP_ECHO_CLIENT;

INSTANTIATE_TEST_SUITE_P(
    Of, WrongUsage,
    testing::Values(
        wrong_usage{"ServerUnknownFlag", {server_program, "--port", "1"}, "--port"},
        wrong_usage{"ServerNoEndpoint", {server_program, "--listen", "9000"}, "127.0.0.1:9000"},
        wrong_usage{"ServerPortTooLarge", {server_program, "--listen", "a:65536"}, "'a:65536'"},
        wrong_usage{
            "ServerFraming", {server_program, "--framing", "length8"}, "length2, varint, line"},
        wrong_usage{"ServerNoSize", {server_program, "--max-frame", "64KB"}, "64KiB"},
        wrong_usage{"ServerSizeZero", {server_program, "--max-frame", "0"}, "at least one byte"},
        wrong_usage{"ServerNegativeSize", {server_program, "--max-frame=-1"}, "at least one byte"},
        wrong_usage{"ServerTimeWithoutUnit", {server_program, "--idle-timeout", "5"}, "5min"},
        wrong_usage{"ServerRateWithoutSize", {server_program, "--min-rate", "fast"}, "10KiB/5s"},
        wrong_usage{"ServerRatePerNothing", {server_program, "--min-rate", "1KiB/0s"}, "10KiB/5s"},
        wrong_usage{"ServerBudgetZero", {server_program, "--memory-budget", "0"}, "64KiB"},
        wrong_usage{"ServerHeartbeatWithoutMessages",
                    {server_program, "--framing", "raw", "--heartbeat", "30s"},
                    "--framing raw has no empty messages"},
        wrong_usage{"ServerTimeZero", {server_program, "--idle-timeout", "0s"}, "never"},
        wrong_usage{"ServerTimeTooLong", {server_program, "--idle-timeout", "1e30h"}, "5min"},
        wrong_usage{"ClientUnknownFlag", {client_program, "--again", "x"}, "--again"},
        wrong_usage{"ClientCountZero", {client_program, "--count", "0", "x"}, "--count"},
        wrong_usage{"ClientNoFile", {client_program, "--file", "/does/not/exist"}, "--file"},
        wrong_usage{
            "ClientFileAndMessage", {client_program, "--file", "/proc/self/exe", "x"}, "--file"},
        wrong_usage{"ServerNoConnections", {server_program, "--max-connections", "0"}, "unlimited"},
        wrong_usage{"ServerHalfAConnection", {server_program, "--max-per-address", "1.5"}, "10"},
        wrong_usage{"ServerRatePerMinute", {server_program, "--accept-rate", "5/min"}, "100/s"},
        wrong_usage{"ServerSurplus", {server_program, "--surplus", "drop"}, "wait or refuse"},
        wrong_usage{"ServerProxyProtocol", {server_program, "--proxy-protocol", "v2"}, "required"},
        wrong_usage{
            "ServerTrustsNobody", {server_program, "--proxy-protocol", "required"}, "--trusted"},
        wrong_usage{"ServerTrusted",
                    {server_program, "--proxy-protocol", "required", "--trusted", "balancer"},
                    "10.0.0.0/24"},
        wrong_usage{"ServerTrustedForNothing",
                    {server_program, "--trusted", "10.0.0.1"},
                    "--proxy-protocol"},
        wrong_usage{"ClientSendProxy", {client_program, "--send-proxy", "v3", "x"}, "v1 or v2"},
        wrong_usage{"ClientProxyClient",
                    {client_program, "--send-proxy", "v1", "--proxy-client", "here:1", "x"},
                    "203.0.113.7:4711"},
        wrong_usage{"ServerNoDelay", {server_program, "--no-delay", "maybe"}, "on or off"},
        wrong_usage{"ClientCongestion",
                    {client_program, "--congestion", "a-name-that-is-too-long", "x"},
                    "15 characters"},
        wrong_usage{"ClientBuffer", {client_program, "--send-buffer", "big", "x"}, "64KiB"},
        wrong_usage{"ClientTime", {client_program, "--timeout", "soon", "x"}, "500ms"}),
    [](const auto& i) { return i.param.name; });

TEST(Programs, HelpNamesEveryFlag)
{
    child_process server({server_program, "--help"});
    const auto of_server = server.finish();
    EXPECT_EQ(of_server.code, 0);
    for (const char* flag :
         {"--listen", "--framing", "--max-frame", "--first-frame-timeout", "--frame-timeout",
          "--min-rate", "--send-timeout", "--idle-timeout", "--lifetime", "--heartbeat",
          "--memory-budget", "--max-connections", "--max-per-address", "--accept-rate", "--surplus",
          "--quiet", "--proxy-protocol", "--trusted"}) {
        EXPECT_THAT(of_server.output, HasSubstr(flag));
    }
    child_process client({client_program, "--help"});
    const auto of_client = client.finish();
    EXPECT_EQ(of_client.code, 0);
    for (const char* flag : {"--connect", "--framing", "--timeout", "--file", "--count",
                             "--heartbeat", "--send-proxy", "--proxy-client"}) {
        EXPECT_THAT(of_client.output, HasSubstr(flag));
    }
}

TEST(Programs, ServerLogsEachConnection)
{
    echo_server server({"--max-frame", "64KiB", "--idle-timeout", "never"});
    EXPECT_EQ(run_client(server, {"hello"}).code, 0);
    const std::string opened = server.line("opened");
    EXPECT_THAT(opened, MatchesRegex("opened 127\\.0\\.0\\.1:[0-9]+"));
    EXPECT_EQ(server.line("closed"),
              "closed " + opened.substr(7) +
                  ": closed in order (1 message, 9 bytes received, 9 bytes sent) Pi");
}

TEST(Programs, ServerKnowsTheClientBehindABalancer)
{
    for (const char* listen : {"127.0.0.1:0", "unix:@libnet_behind_a_balancer"}) {
        echo_server server({"--listen", listen, "--proxy-protocol", "required", "--trusted", "::1",
                            "--trusted", "127.0.0.0/8", "--trusted", "unix"});
        for (const char* version : {"v1", "v2"}) {
            const auto ended = run_client(
                server, {"--send-proxy", version, "--proxy-client", "203.0.113.7:4711", "hello"});
            EXPECT_EQ(ended.code, 0) << ended.errors;
            EXPECT_THAT(server.line("opened"), HasSubstr("opened 203.0.113.7:4711, through "));
            EXPECT_EQ(run_client(server, {"--send-proxy", version, "hello"}).code, 0);
            EXPECT_THAT(server.line("opened"), HasSubstr(", through "));
        }
    }
}

TEST(Programs, ServerSaysWhatIsWrongWithTheHeaderOfABalancer)
{
    echo_server server({"--proxy-protocol", "required", "--trusted", "127.0.0.1"});
    EXPECT_EQ(run_client(server, {"hello"}).code, 1);
    EXPECT_THAT(server.line("closed"), HasSubstr("does not begin with a PROXY header"));
    client_socket wrong(server.port());
    EXPECT_TRUE(wrong.send("PROXY TCP4 localhost 127.0.0.1 1 2\r\n"));
    EXPECT_EQ(wrong.read_to_end(), "");
    EXPECT_THAT(server.line("closed"), HasSubstr("an address that is none of its protocol"));
    client_socket stranger(server.port(), 0, 2);
    EXPECT_THAT(server.line("closed"), HasSubstr("not among those that are trusted"));
}

TEST(Programs, QuietServerPrintsTheRest)
{
    echo_server server({"--quiet"});
    EXPECT_EQ(run_client(server, {"hello"}).code, 0);
    const auto ended = server.stop(SIGTERM);
    EXPECT_EQ(ended.code, 0);
    EXPECT_EQ(ended.output, "listening on " + server.where() +
                                "\nstopped after 1 connection, 1 message, 9 bytes received, "
                                "9 bytes sent\n");
}

TEST(Programs, PortInUse)
{
    echo_server server;
    child_process second({server_program, "--listen", server.where()});
    const auto ended = second.finish();
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.output, IsEmpty());
    EXPECT_EQ(ended.errors, "tcp_echo_server: cannot listen on " + server.where() +
                                ": Address already in use [system:98]\n");
}

TEST(Programs, ClientSendsItsArguments)
{
    echo_server server;
    const auto ended = run_client(server, {"hello", "", "Grüße, 世界", "--count", "2"});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "echo: hello\necho: hello\necho: \necho: \n"
                            "echo: Grüße, 世界\necho: Grüße, 世界\n");
}

TEST(Programs, AHeartbeatTellsABusyClientFromADeadOne)
{
    echo_server server({"--heartbeat", "1s", "--idle-timeout", "never"});
    const auto busy = run_client(server, {"--heartbeat", "1s", "--read-delay", "5s", "hello"});
    EXPECT_EQ(busy.code, 0) << busy.errors;
    EXPECT_EQ(busy.output, "echo: hello\n");
    EXPECT_THAT(server.line("closed"), HasSubstr("closed in order"));

    run_client(server, {"--read-delay", "5s", "hello"});  // knows nothing of heartbeats
    EXPECT_THAT(server.line("closed"), HasSubstr("no sign of life from the peer"));
}

TEST(Programs, ClientSendsLinesOfItsInputOneByOne)
{
    echo_server server({"--framing", "line"});
    child_process client({client_program, "--connect", server.where(), "--framing", "line"});
    client.write("one\n");
    EXPECT_EQ(client.line("echo: "), "echo: one");  // before the next one is there
    client.write("\nlast, without an end");
    const auto ended = client.finish();
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "echo: one\necho: \necho: last, without an end\n");
}

class EveryFraming : public testing::TestWithParam<const char*> {};

TEST_P(EveryFraming, ClientSendsAFile)
{
    const std::string framing = GetParam();
    echo_server server({"--framing", framing, "--max-frame", "4MiB"});
    const std::string path = testing::TempDir() + "libnet_" + framing + std::to_string(server.id());
    const std::string content(framing == "length2" ? 65535 : 3'000'000, 'x');
    std::ofstream(path) << content;
    const auto ended = run_client(server, {"--framing", framing, "--file", path});
    std::remove(path.c_str());
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "echo: " + content + "\n");
}

INSTANTIATE_TEST_SUITE_P(Is, EveryFraming,
                         testing::Values("length4", "length2", "varint", "line", "raw"),
                         [](const auto& i) { return std::string(i.param); });

TEST(Programs, ClientSaysThatNobodyListens)
{
    std::string where;
    {
        echo_server gone;
        where = gone.where();
    }
    child_process client({client_program, "--connect", where, "hello"});
    const auto ended = client.finish();
    EXPECT_EQ(ended.code, 1);
    EXPECT_EQ(ended.errors, "tcp_echo_client: cannot connect to " + where +
                                ": nobody listens there; start tcp_echo_server, or see "
                                "--connect\n");
}

TEST(Programs, ClientSaysThatTheFramingCannotCarryTheMessage)
{
    echo_server server;
    const auto line = run_client(server, {"--framing", "line", "two\nlines"});
    EXPECT_EQ(line.code, 1);
    EXPECT_THAT(line.errors, AllOf(HasSubstr(server.where()), HasSubstr("end of a line"),
                                   HasSubstr("another --framing")));
    const auto length = run_client(server, {"--framing", "length2", std::string(65536, 'x')});
    EXPECT_EQ(length.code, 1);
    EXPECT_THAT(length.errors, HasSubstr("sending message 1 (65536 bytes): length2 carries 65535"));
}

TEST(Programs, ClientSaysThatTheServerRefusedTheMessage)
{
    echo_server server({"--max-frame", "1KiB"});
    const auto ended = run_client(server, {"fits", std::string(5000, 'x')});
    EXPECT_EQ(ended.code, 1);
    EXPECT_EQ(ended.output, "echo: fits\n");
    EXPECT_THAT(ended.errors,
                AllOf(HasSubstr("reply to message 2 (5000 bytes)"), HasSubstr("--max-frame")));
}

// A server that does not answer in full: --timeout bounds the exchange as a whole.
TEST(Programs, ClientGivesUpInTime)
{
    echo_server server;
    const auto start = std::chrono::steady_clock::now();
    const auto ended = run_client(server, {"--framing", "length2", "--timeout", "400ms", "hello"});
    EXPECT_LT(std::chrono::steady_clock::now() - start, about(std::chrono::milliseconds(900)));
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, AllOf(HasSubstr("waiting for the reply to message 1"),
                                    HasSubstr("within 400ms"), HasSubstr("--timeout")));
}

TEST(Programs, ClientNoticesAWrongReply)
{
    const auto have = shell("command -v socat");
    if (have.code != 0) {
        GTEST_SKIP() << "socat is not installed";
    }
    child_process liar({"socat", "-d", "-d", "-ls", "TCP-LISTEN:0,bind=127.0.0.1",
                        "SYSTEM:read line; echo another"});
    // socat tells its port in its log alone, so ask the kernel.
    std::string port;
    for (int i = 0; i < 200 && port.empty(); ++i) {
        port = shell("ss -Hltnp 2>/dev/null | grep 'pid=" + std::to_string(liar.id()) +
                     ",' | sed 's/.*127.0.0.1:\\([0-9]*\\) .*/\\1/'")
                   .output;
    }
    if (port.empty()) {
        GTEST_SKIP() << "no port of socat found";
    }
    port.pop_back();
    child_process client(
        {client_program, "--connect", "127.0.0.1:" + port, "--framing", "line", "hello"});
    const auto ended = client.finish();
    EXPECT_EQ(ended.code, 1);
    EXPECT_EQ(ended.output, "echo: another\n");
    EXPECT_THAT(ended.errors, HasSubstr("not what was sent"));
}

TEST(Programs, ClientIsEndedByASignalAtOnce)
{
    echo_server server;
    child_process client({client_program, "--connect", server.where()});
    ASSERT_FALSE(server.line("opened").empty());
    client.signal(SIGINT);
    for (int i = 0; i < 1000 && ::kill(client.id(), 0) == 0; ++i) {
        if (client.line("", std::chrono::milliseconds(1)).empty()) {
            break;
        }
    }
    EXPECT_EQ(client.finish().code, 128 + SIGINT);
}

}  // namespace
