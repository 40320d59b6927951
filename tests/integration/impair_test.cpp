#include "support/echo_server.hpp"
#include "support/required_programs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

/// A bad line between real programs.
namespace {

using namespace integration;
using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

/// impair on a free port, which prints the same line as the servers.
struct line_to : echo_server {
    line_to(const std::string& target, std::vector<std::string> flags)
        : echo_server(with(target, std::move(flags)), {}, {}, IMPAIR)
    {
    }

    static std::vector<std::string> with(const std::string& target, std::vector<std::string> flags)
    {
        flags.insert(flags.end(), {"--connect", target});
        return flags;
    }
};

child_process::outcome ask(const echo_server& where, std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), {TCP_ECHO_CLIENT, "--connect", where.where()});
    return child_process(arguments).finish();
}

TEST(Impair, LetsAStreamThroughWhole)
{
    REQUIRE_PROGRAM("nc")
    echo_server server({"--framing", "raw"});
    line_to line(server.where(), {"--loss", "1%", "--jitter", "2ms"});
    std::string block(1'000'000, '\0');
    std::uint32_t state = 1;
    for (char& c : block) {
        state = state * 1664525 + 1013904223;
        c = static_cast<char>(state >> 24);
    }
    const auto nc = shell("nc -N 127.0.0.1 " + std::to_string(line.port()), block);
    EXPECT_EQ(nc.output, block);
    const auto ended = line.stop(SIGTERM);
    EXPECT_EQ(ended.code, 0);
    EXPECT_THAT(ended.output, HasSubstr("stopped after 1 connection\nthere: "));
    EXPECT_THAT(ended.output, HasSubstr(" packets, 1000000 bytes"));
}

TEST(Impair, Delays)
{
    echo_server server;
    line_to line(server.where(), {"--delay", "80ms", "--direction", "there"});
    const auto began = steady_clock::now();
    EXPECT_EQ(ask(line, {"hello", "again"}).code, 0);
    EXPECT_GE(steady_clock::now() - began, 160ms);
}

TEST(Impair, LimitsTheRate)
{
    echo_server server;
    line_to line(server.where(), {"--rate", "100KiB", "--direction", "back"});
    const auto began = steady_clock::now();
    EXPECT_EQ(ask(line, {std::string(50'000, 'x')}).code, 0);
    EXPECT_GE(steady_clock::now() - began, 480ms);
}

TEST(Impair, CutsConnections)
{
    echo_server server;
    line_to line(server.where(), {"--cut-after", "20"});
    const auto cut = ask(line, {"one", "two", "three", "four"});
    EXPECT_EQ(cut.code, 1);
    EXPECT_THAT(cut.output, StartsWith("echo: one\necho: two\n"));
    EXPECT_THAT(line.stop(SIGTERM).output, HasSubstr("stopped after 1 connection, 1 cut\n"));
}

TEST(Impair, LeavesConnectionsHalfOpen)
{
    echo_server server;
    line_to line(server.where(), {"--half-open-after", "10"});
    const auto silent = ask(line, {"--timeout", "300ms", "one", "two"});
    EXPECT_EQ(silent.code, 1);
    EXPECT_EQ(silent.output, "echo: one\n");
    const auto ended = line.stop(SIGTERM);
    EXPECT_THAT(ended.output, AllOf(HasSubstr("into silence"), testing::Not(HasSubstr("cut"))));
}

TEST(Impair, GoesOnWithoutAServer)
{
    line_to line("127.0.0.1:1", {});
    EXPECT_EQ(ask(line, {"hello"}).code, 1);
    EXPECT_THAT(line.stop(SIGTERM).output, HasSubstr("1 without reaching the server"));
}

/// A UDP socket of the loopback interface.
class datagrams {
public:
    datagrams() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in any = loopback(0);
        ::bind(socket_, reinterpret_cast<sockaddr*>(&any), sizeof any);
    }
    datagrams(const datagrams&) = delete;
    datagrams& operator=(const datagrams&) = delete;
    ~datagrams() { ::close(socket_); }

    std::uint16_t port() const
    {
        sockaddr_in own{};
        socklen_t size = sizeof own;
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&own), &size);
        return ntohs(own.sin_port);
    }

    void send(std::uint16_t port, const std::string& text) const
    {
        const sockaddr_in to = loopback(port);
        ::sendto(socket_, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                 sizeof to);
    }

    /// The next one; empty if nothing comes for so long.
    std::string receive(std::chrono::milliseconds limit, std::uint16_t* from = nullptr) const
    {
        pollfd waiting{socket_, POLLIN, 0};
        if (::poll(&waiting, 1, static_cast<int>(limit.count())) != 1) {
            return {};
        }
        std::string text(2000, '\0');
        sockaddr_in sender{};
        socklen_t size = sizeof sender;
        const auto count = ::recvfrom(socket_, text.data(), text.size(), 0,
                                      reinterpret_cast<sockaddr*>(&sender), &size);
        text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
        if (from != nullptr) {
            *from = ntohs(sender.sin_port);
        }
        return text;
    }

private:
    static sockaddr_in loopback(std::uint16_t port)
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        return address;
    }

    int socket_;
};

/// What of so many numbered datagrams comes through, in the order in which it comes.
std::vector<int> through(const std::vector<std::string>& flags, int count)
{
    datagrams server;
    datagrams client;
    std::vector<std::string> all = {"--udp"};
    all.insert(all.end(), flags.begin(), flags.end());
    line_to line("127.0.0.1:" + std::to_string(server.port()), all);
    std::vector<int> received;
    const auto take = [&](std::chrono::milliseconds limit) {
        const std::string text = server.receive(limit);
        if (text.empty()) {
            return false;
        }
        received.push_back(std::stoi(text));
        return true;
    };
    for (int i = 0; i < count; ++i) {
        client.send(line.port(), std::to_string(i));
        if (i % 20 == 19) {  // no more than the kernel's buffers hold, also if the line is held up
            const bool is_behind = static_cast<double>(received.size()) + 100 < 0.7 * i;
            while (take(is_behind ? 200ms : 2ms)) {}
        }
    }
    while (take(500ms)) {}
    return received;
}

TEST(ImpairUdp, LetsEverythingThroughAndBack)
{
    datagrams server;
    datagrams client;
    line_to line("127.0.0.1:" + std::to_string(server.port()), {"--udp"});
    client.send(line.port(), "hello");
    std::uint16_t from = 0;
    EXPECT_EQ(server.receive(patience, &from), "hello");
    EXPECT_NE(from, line.port()) << "each client has a port of its own";
    server.send(from, "and back");
    EXPECT_EQ(client.receive(patience, &from), "and back");
    EXPECT_EQ(from, line.port());
    const auto ended = line.stop(SIGTERM);
    EXPECT_EQ(ended.code, 0);
    EXPECT_THAT(ended.output, HasSubstr("stopped after 1 peer\nthere: 1 packet, 5 bytes\n"
                                        "back: 1 packet, 8 bytes\n"));
}

TEST(ImpairUdp, LosesAsManyAsItIsTold)
{
    constexpr int count = 2000;
    const auto received = through({"--loss", "20%"}, count);
    EXPECT_NEAR(static_cast<double>(received.size()), 0.8 * count, 80);
    EXPECT_TRUE(std::is_sorted(received.begin(), received.end()));
}

TEST(ImpairUdp, LosesTheSameForOneSeed)
{
    const auto first = through({"--burst", "2%/5", "--seed", "7"}, 500);
    EXPECT_EQ(first, through({"--burst", "2%/5", "--seed", "7"}, 500));
    EXPECT_NE(first, through({"--burst", "2%/5", "--seed", "8"}, 500));
}

TEST(ImpairUdp, DuplicatesAndReorders)
{
    constexpr int count = 1000;
    auto received = through({"--duplicate", "10%", "--reorder", "5%"}, count);
    EXPECT_NEAR(static_cast<double>(received.size()), 1.1 * count, 40);
    EXPECT_FALSE(std::is_sorted(received.begin(), received.end()));
    std::sort(received.begin(), received.end());
    received.erase(std::unique(received.begin(), received.end()), received.end());
    EXPECT_EQ(received.size(), static_cast<std::size_t>(count)) << "nothing is missing";
}

struct wrong_usage {
    std::string name;
    std::vector<std::string> arguments;
    std::string hint;
};

void PrintTo(const wrong_usage& w, std::ostream* out)
{
    *out << w.name;
}

class WrongUsageOfImpair : public testing::TestWithParam<wrong_usage> {};

TEST_P(WrongUsageOfImpair, IsExplainedAndEndsWithTwo)
{
    std::vector<std::string> command = GetParam().arguments;
    command.insert(command.begin(), IMPAIR);
    const auto ended = child_process(command).finish();
    EXPECT_EQ(ended.code, 2);
    EXPECT_THAT(ended.output, IsEmpty());
    EXPECT_THAT(ended.errors, AllOf(HasSubstr(GetParam().hint), HasSubstr("--help")));
}

INSTANTIATE_TEST_SUITE_P(
    Of, WrongUsageOfImpair,
    testing::Values(wrong_usage{"Chance", {"--loss", "2"}, "0.5%"},
                    wrong_usage{"ChanceAboveAll", {"--udp", "--corrupt", "101%"}, "at most 100%"},
                    wrong_usage{"Burst", {"--burst", "1%"}, "1%/4"},
                    wrong_usage{"BurstShorterThanOne", {"--burst", "1%/0.5"}, "1%/4"},
                    wrong_usage{"Time", {"--delay", "50"}, "500ms"},
                    wrong_usage{"Rate", {"--rate", "fast"}, "1KiB"},
                    wrong_usage{"Direction", {"--direction", "left"}, "there"},
                    wrong_usage{"ReorderedStream", {"--reorder", "1%"}, "use --udp"},
                    wrong_usage{"DuplicatedStream", {"--tcp", "--duplicate", "1%"}, "use --udp"},
                    wrong_usage{"Both", {"--tcp", "--udp"}, "--udp"},
                    wrong_usage{"UnixDatagrams",
                                {"--udp", "--listen", "unix:/tmp/x"},
                                "no datagrams over unix"}),
    [](const auto& i) { return i.param.name; });

}  // namespace
