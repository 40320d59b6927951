#include "support/child_process.hpp"
#include "support/echo_server.hpp"
#include "support/required_programs.hpp"
#include "support/tls_programs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

/// netbench against the sample servers.
namespace {

using namespace integration;
using testing::ContainsRegex;
using testing::HasSubstr;

constexpr auto long_enough = 3 * patience;

/// A short measurement with few connections, unless `flags` say otherwise.
std::vector<std::string> bench(const std::string& where, const std::vector<std::string>& flags)
{
    std::vector<std::string> words{NETBENCH, "--connect", where};
    const std::vector<std::vector<std::string>> unless_given{
        {"--connections", "4"}, {"--duration", "300ms"}, {"--warm-up", "100ms"}};
    for (const auto& flag : unless_given) {
        if (std::find(flags.begin(), flags.end(), flag.front()) == flags.end()) {
            words = joined(words, flag);
        }
    }
    return joined(words, flags);
}

child_process::outcome run(const std::string& where, const std::vector<std::string>& flags = {})
{
    return child_process(bench(where, flags)).finish(long_enough);
}

/// A number out of its JSON.
double number(const std::string& json, const std::string& name)
{
    const std::size_t at = json.find('"' + name + "\":");
    return at == std::string::npos ? -1 : std::strtod(json.c_str() + at + name.size() + 3, nullptr);
}

std::string read_all(const std::string& path)
{
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// A file of this test, removed with it.
struct file_of_ours {
    std::string path =
        "/tmp/netbench_test." + std::to_string(::getpid()) + '.' + std::to_string(++made());
    ~file_of_ours() { ::unlink(path.c_str()); }

    static int& made()
    {
        static int count = 0;
        return count;
    }
};

void expect_clean(const child_process::outcome& ended)
{
    EXPECT_EQ(ended.code, 0) << ended.output << ended.errors;
    EXPECT_THAT(ended.output, HasSubstr("errors      none"));
    EXPECT_THAT(ended.output, ContainsRegex("echoed      [1-9]"));
    EXPECT_THAT(ended.output, HasSubstr("p99.9"));
    EXPECT_THAT(ended.errors, HasSubstr("messages/s, 0 errors"));
}

TEST(Netbench, MeasuresEveryFraming)
{
    for (const char* framing : {"length4", "length2", "varint", "line", "raw"}) {
        SCOPED_TRACE(framing);
        echo_server server({"--quiet", "--framing", framing});
        expect_clean(run(server.where(), {"--framing", framing, "--depth", "8", "--size", "100"}));
    }
}

TEST(Netbench, MeasuresUdp)
{
    echo_server server({"--quiet"}, {}, {}, UDP_ECHO_SERVER);
    const auto ended = run(server.where(), {"--udp", "--depth", "4"});
    EXPECT_THAT(ended.output, HasSubstr("udp "));
    EXPECT_THAT(ended.output, ContainsRegex("echoed      [1-9]"));
    EXPECT_EQ(ended.code, 0) << ended.output << ended.errors;
}

TEST(Netbench, MeasuresUnixSockets)
{
    const file_of_ours socket;
    echo_server server({"--quiet", "--listen", "unix:" + socket.path});
    expect_clean(run(server.where()));
}

using NetbenchTls = WithCertificates;

TEST_F(NetbenchTls, MeasuresTls)
{
    tls_echo_server server(joined({"--quiet"}, showing("server")));
    expect_clean(run("localhost:" + std::to_string(server.port()),
                     joined({"--tls", "--depth", "4"}, trusting_the_authority())));
}

TEST(Netbench, MessagesOfSomeSizeGoDeepWithoutADeadlock)
{
    echo_server server({"--quiet"});
    expect_clean(run(server.where(), {"--size", "256KiB", "--depth", "16"}));
}

TEST(Netbench, SeveralProcessesMeasureTogether)
{
    echo_server server({"--quiet"});
    const auto ended = run(server.where(), {"--connections", "5", "--processes", "3", "--json",
                                            "--server-pid", std::to_string(server.id())});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(number(ended.output, "connects"), 5);
    EXPECT_EQ(number(ended.output, "connections"), 5);
    EXPECT_EQ(number(ended.output, "processes"), 3);
    EXPECT_GT(number(ended.output, "messages"), 0);
    EXPECT_GT(number(ended.output, "server_cpu_ns_per_message"), 0);
    EXPECT_GT(number(ended.output, "own_cpu_seconds"), 0);
    EXPECT_GT(number(ended.output, "p99.9"), number(ended.output, "min"));
}

TEST(Netbench, RunsOfSeveralMachinesAreMerged)
{
    REQUIRE_PROGRAM("python3")
    echo_server server({"--quiet"});
    const file_of_ours files[2];
    double messages = 0;
    for (const file_of_ours& f : files) {
        const auto ended = run(server.where(), {"--json"});
        ASSERT_EQ(ended.code, 0) << ended.errors;
        messages += number(ended.output, "messages");
        std::ofstream(f.path) << ended.output;
    }
    const auto merged = child_process({NETBENCH, "--merge", files[0].path, files[1].path, "--json"})
                            .finish(long_enough);
    EXPECT_EQ(merged.code, 0) << merged.errors;
    EXPECT_EQ(number(merged.output, "messages"), messages);
    EXPECT_EQ(number(merged.output, "connections"), 8);
    const auto parsed = shell(
        "python3 -c 'import json, sys; print(json.load(sys.stdin)[\"messages\"])'", merged.output);
    EXPECT_EQ(std::stod(parsed.output), messages);

    std::ofstream(files[1].path) << "{\"netbench\": 1}";
    const auto refused =
        child_process({NETBENCH, "--merge", files[0].path, files[1].path}).finish(long_enough);
    EXPECT_EQ(refused.code, 1);
    EXPECT_THAT(refused.errors, HasSubstr(files[1].path + ": no results of netbench --json"));
}

TEST(Netbench, DrawsAPageThatNeedsNoNetwork)
{
    REQUIRE_PROGRAM("python3")
    echo_server server({"--quiet"});
    const file_of_ours page;
    ASSERT_EQ(run(server.where(), {"--html", page.path}).code, 0);
    const std::string html = read_all(page.path);
    EXPECT_THAT(html, HasSubstr("Messages in each second"));
    EXPECT_THAT(html, HasSubstr("Latency by percentile"));
    EXPECT_THAT(html, testing::Not(HasSubstr("http")));
    const std::size_t begin = html.find("<svg");
    const std::size_t end = html.find("</svg>");
    ASSERT_NE(end, std::string::npos);
    const auto parsed = shell("python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.stdin)'",
                              html.substr(begin, end + 6 - begin));
    EXPECT_EQ(parsed.code, 0) << parsed.errors;
}

// The server stands still for 400 ms. With a rate the messages that should have been sent meanwhile
// count, so that a good part of all was late; without one a single message per connection was.
TEST(Netbench, WithARateAPauseOfTheServerIsSeen)
{
    echo_server server({"--quiet"});
    const auto with_a_pause = [&](const std::vector<std::string>& flags) {
        child_process running(bench(
            server.where(), joined({"--duration", "1s", "--warm-up", "1ms", "--json"}, flags)));
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        server.signal(SIGSTOP);
        std::this_thread::sleep_for(std::chrono::milliseconds(400));
        server.signal(SIGCONT);
        return running.finish(long_enough);
    };
    const auto open = with_a_pause({"--rate", "1000"});
    EXPECT_EQ(open.code, 0) << open.errors;
    EXPECT_GT(number(open.output, "p90"), 100'000) << open.output;
    EXPECT_GT(number(open.output, "messages"), 900);
    const auto closed = with_a_pause({});
    EXPECT_EQ(closed.code, 0) << closed.errors;
    EXPECT_LT(number(closed.output, "p90"), 100'000) << closed.output;
    EXPECT_GT(number(closed.output, "max"), 300'000);
}

TEST(Netbench, KeepsTheRateAndTheDepthThatItIsGiven)
{
    echo_server server({"--quiet"});
    const auto ended =
        run(server.where(), {"--rate", "500", "--depth", "2", "--duration", "1s", "--json"});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_GT(number(ended.output, "messages"), 400);
    EXPECT_LE(number(ended.output, "messages"), 510);
}

TEST(Netbench, OpensConnectionsAtTheirRateAndReplacesThem)
{
    echo_server server({"--quiet"});
    const auto began = std::chrono::steady_clock::now();
    const auto ended =
        run(server.where(), {"--connect-rate", "10", "--per-connection", "3", "--json"});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(700));
    EXPECT_GT(number(ended.output, "connects"), 4);
    EXPECT_GE(3 * number(ended.output, "connects"), number(ended.output, "messages"));
}

TEST(Netbench, SaysThatNobodyListens)
{
    for (const char* processes : {"1", "2"}) {
        const auto ended = run("127.0.0.1:1", {"--processes", processes});
        EXPECT_EQ(ended.code, 1);
        EXPECT_THAT(ended.errors,
                    HasSubstr("cannot reach 127.0.0.1:1: connecting: Connection refused"));
    }
}

TEST(Netbench, CountsWhatGoesWrongByKind)
{
    echo_server server({"--quiet"});
    child_process running(bench(server.where(), {"--duration", "1s"}));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    server.stop(SIGKILL);
    const auto ended = running.finish(long_enough);
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.output, ContainsRegex("[1-9][0-9]* x connecting: Connection refused"));
    EXPECT_THAT(ended.output, ContainsRegex("[1-4] x receiving: "));
}

// The queue of what should have been sent does not grow for ever.
TEST(Netbench, GivesUpWhatCannotBeSent)
{
    echo_server server({"--quiet"});
    child_process running(
        bench(server.where(), {"--duration", "1s", "--rate", "500", "--timeout", "200ms"}));
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    server.stop(SIGKILL);
    const auto ended = running.finish(long_enough);
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.output, ContainsRegex("[1-9][0-9]+ x sending: not sent in time"));
}

// It accepts and never answers.
TEST(Netbench, GivesUpASilentServer)
{
    echo_server server({"--quiet", "--framing", "line"});
    const auto ended = run(server.where(), {"--timeout", "200ms", "--duration", "500ms"});
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.output, ContainsRegex("[1-9][0-9]* x receiving: no echo in time"));
}

// It echoes something, but not what was sent.
TEST(Netbench, FindsOutAWrongEcho)
{
    REQUIRE_PROGRAM("socat")
    REQUIRE_PROGRAM("python3")
    const file_of_ours socket;
    const file_of_ours program;
    std::ofstream(program.path) << "import os\n"
                                   "while data := os.read(0, 65536):\n"
                                   "    os.write(1, data.swapcase())\n";
    child_process other(
        {"socat", "UNIX-LISTEN:" + socket.path + ",fork", "EXEC:python3 " + program.path});
    for (int i = 0; i < 200 && ::access(socket.path.c_str(), F_OK) != 0; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    const auto ended = run("unix:" + socket.path, {"--framing", "raw", "--connections", "1",
                                                   "--duration", "3s"});  // until Python has begun
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.output, ContainsRegex("[1-9][0-9]* x another message came back"));
}

TEST(Netbench, EndsWithWhatItHasWhenItIsInterrupted)
{
    echo_server server({"--quiet"});
    for (const char* processes : {"1", "2"}) {
        child_process running(
            bench(server.where(), {"--duration", "60s", "--processes", processes}));
        EXPECT_NE(running.error_line("netbench: 1 s"), "");
        // Ctrl+C reaches all of the terminal's processes.
        shell("kill -INT " + std::to_string(running.id()) + " $(pgrep -P " +
              std::to_string(running.id()) + ")");
        const auto ended = running.finish(long_enough);
        EXPECT_EQ(ended.code, 0) << ended.output << ended.errors;
        EXPECT_THAT(ended.output, ContainsRegex("echoed      [1-9]"));
    }
}

TEST(Netbench, SaysWhatIsWrongWithItsFlags)
{
    const std::vector<std::vector<std::string>> wrong{
        {"--udp", "--size", "8"},
        {"--udp", "--tls"},
        {"--connections", "0"},
        {"--processes", "9", "--connections", "2"},
        {"--rate", "0"},
        {"--duration", "never"},
        {"--framing", "length2", "--size", "65536"},
        {"--per-connection", "3", "--rate", "3"},
        {"--ca", "/etc/hostname"},
        {"--merge", "/nowhere"},
        {"--merge", "/etc/hostname", "--connections", "3"},
        {"--udp", "--connect", "unix:/tmp/x"},
    };
    for (const auto& flags : wrong) {
        const auto ended = child_process(joined({NETBENCH}, flags)).finish();
        EXPECT_EQ(ended.code, 2) << testing::PrintToString(flags) << ended.errors;
        EXPECT_THAT(ended.errors, HasSubstr("--help"));
    }
    const auto nobody = child_process({NETBENCH, "--server-pid", "999999999"}).finish();
    EXPECT_EQ(nobody.code, 1);
    EXPECT_THAT(nobody.errors, HasSubstr("there is no process 999999999"));
}

}  // namespace
