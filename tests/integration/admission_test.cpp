#include "support/client_socket.hpp"
#include "support/echo_server.hpp"
#include "support/process_figures.hpp"
#include "support/served.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

/// Who is let in, with the real program and the kernel's backlog.
namespace {

using namespace integration;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using steady = std::chrono::steady_clock;

/// Whether the server hung up without a word, in order or with a reset.
bool is_refused(client_socket& client)
{
    const auto start = steady::now();
    return client.read_to_end().empty() && (client.ended() || client.error() == ECONNRESET) &&
           steady::now() - start < about(0ms);
}

TEST(Admission, TheSurplusWaitsUntilThereIsRoom)
{
    echo_server server({"--max-connections", "2", "--quiet"});
    client_socket first(server.port());
    client_socket second(server.port());
    ASSERT_TRUE(echoes(first));
    ASSERT_TRUE(echoes(second));
    client_socket third(server.port());
    ASSERT_TRUE(third.send(framed("waiting")));
    const auto worked = processor_time(server.id());
    EXPECT_EQ(third.read(1, 300ms), "");
    EXPECT_LT(processor_time(server.id()) - worked, 60ms) << "20 % of a core";
    first.close();
    const auto free = steady::now();
    EXPECT_EQ(third.read(11), framed("waiting"));
    EXPECT_LT(steady::now() - free, about(0ms));
}

TEST(Admission, TheSurplusIsRefused)
{
    echo_server server({"--max-connections", "1", "--surplus", "refuse"});
    client_socket first(server.port());
    ASSERT_TRUE(echoes(first));
    for (int i = 0; i < 5; ++i) {
        client_socket another(server.port());
        EXPECT_TRUE(is_refused(another));
    }
    EXPECT_THAT(server.line("refused"),
                MatchesRegex("refused 127\\.0\\.0\\.1:[0-9]+: a configured limit is reached "
                             "\\(max_connections\\)"));
    first.half_close();
    ASSERT_EQ(first.read_to_end(), "");
    first.close();
    ASSERT_THAT(server.line("closed"), Not(IsEmpty()));
    EXPECT_TRUE(echoes(server.port()));
    const auto ended = server.stop(SIGTERM);
    EXPECT_THAT(ended.output, HasSubstr("stopped after 2 connections"));
    EXPECT_THAT(ended.output, HasSubstr(", 5 refused"));
}

// A flood of clients is no flood of lines.
TEST(Admission, RefusalsAreToldOnceASecond)
{
    echo_server server({"--max-per-address", "1"});
    client_socket first(server.port());
    ASSERT_TRUE(echoes(first));
    const auto start = steady::now();
    std::size_t refused = 0;
    do {
        client_socket another(server.port());
        EXPECT_EQ(another.read_to_end(), "");
        ++refused;
    } while (steady::now() - start < 1200ms);
    ASSERT_GT(refused, 10U);
    first.close();
    const auto ended = server.stop(SIGTERM);
    std::size_t lines = 0;
    for (std::size_t at = 0; (at = ended.output.find("refused 127", at)) != std::string::npos;
         ++at) {
        ++lines;
    }
    EXPECT_GE(lines, 2U);
    EXPECT_LE(lines, 4U);
    EXPECT_THAT(ended.output, HasSubstr(" more before\n"));
    EXPECT_THAT(ended.output, HasSubstr(", " + std::to_string(refused) + " refused"));
}

TEST(Admission, AnAddressHasItsShare)
{
    echo_server server({"--max-per-address", "2", "--quiet"});
    client_socket first(server.port());
    client_socket second(server.port());
    ASSERT_TRUE(echoes(first));
    ASSERT_TRUE(echoes(second));
    client_socket third(server.port());
    EXPECT_TRUE(is_refused(third));
    client_socket neighbour(server.port(), 0, 2);
    EXPECT_TRUE(echoes(neighbour));
}

// On a socket for both families IPv4 addresses come mapped into IPv6: still they are many, not one /64.
TEST(Admission, AMappedAddressIsAnIpv4Address)
{
    echo_server server({"--listen", ":0", "--max-per-address", "1", "--quiet"});
    client_socket first(server.port());
    ASSERT_TRUE(echoes(first));
    client_socket second(server.port());
    EXPECT_TRUE(is_refused(second));
    client_socket neighbour(server.port(), 0, 2);
    EXPECT_TRUE(echoes(neighbour));
}

TEST(Admission, ClientsOfAUnixSocketHaveNoAddress)
{
    served local(echo, {.admission = {.max_connections = 3, .max_per_address = 1}},
                 "unix:@libnet-admission-" + std::to_string(::getpid()));
    std::vector<libnet::connection> clients;
    auto come = [&]() -> libnet::task<> {
        for (int i = 0; i < 3; ++i) {
            clients.push_back(co_await checked(libnet::connect(local.where())));
            co_await checked(clients.back().send("hello"));
            co_await checked(clients.back().receive());
        }
        EXPECT_EQ(local.server().stats().active, 3U);
        clients.clear();
    };
    EXPECT_EQ(libnet::run(come(), signals_alone), 0);
    EXPECT_EQ(local.server().stats().refused, 0U);
}

TEST(Admission, ARateIsKept)
{
    echo_server server({"--accept-rate", "20/s", "--quiet"});
    const auto start = steady::now();
    std::vector<client_socket> clients;
    for (int i = 0; i < 40; ++i) {
        clients.emplace_back(server.port());
    }
    for (client_socket& client : clients) {
        ASSERT_TRUE(echoes(client));
    }
    // Twenty at once, and then one every 50 ms.
    EXPECT_GE(steady::now() - start, 1s);
    EXPECT_LT(steady::now() - start, about(1s));
}

// The client has sent what nobody read: it still sees the message and then the end, no reset.
TEST(Admission, TheLastMessageArrives)
{
    served busy(echo, {.admission = {.max_connections = 0},
                       .surplus = libnet::surplus::refuse,
                       .refusal = "come back later"});
    client_socket client(busy.port());
    ASSERT_TRUE(client.send(std::string(300'000, 'x')));
    std::this_thread::sleep_for(100ms);
    ASSERT_TRUE(client.send("and more"));
    client.half_close();
    EXPECT_EQ(client.read_to_end(), framed("come back later"));
    EXPECT_TRUE(client.ended()) << client.error();
    EXPECT_EQ(busy.server().stats().refused, 1U);
}

TEST(Admission, LimitsAreRaisedWhileClientsWait)
{
    served limited(echo, {.admission = {.max_connections = 0}});
    client_socket client(limited.port());
    ASSERT_TRUE(client.send(framed("hello")));
    EXPECT_EQ(client.read(1, 100ms), "");
    limited.server().set_admission({});
    const auto raised = steady::now();
    EXPECT_EQ(client.read(9), framed("hello"));
    EXPECT_LT(steady::now() - raised, about(0ms));
}

// Again and again more clients than there are descriptors: each time they go, it accepts again.
TEST(Admission, WithoutDescriptorsItIsNeverDeaf)
{
    if (instrumented) {
        GTEST_SKIP() << "sanitizers need descriptors of their own when they check";
    }
    echo_server server({"--quiet"}, {.most_descriptors = 64});
    for (int cycle = 0; cycle < 3; ++cycle) {
        std::vector<client_socket> clients;
        for (int i = 0; i < 500; ++i) {
            clients.emplace_back(server.port());
        }
        ASSERT_TRUE(echoes(clients.front()));
        const auto worked = processor_time(server.id());
        std::this_thread::sleep_for(500ms);
        EXPECT_LT(processor_time(server.id()) - worked, 100ms) << "20 % of a core";
        clients.clear();
        const auto start = steady::now();
        EXPECT_TRUE(echoes(server.port()));
        EXPECT_LT(steady::now() - start, about(0ms));
    }
    EXPECT_THAT(server.stop(SIGTERM).errors, HasSubstr("Too many open files"));
}

// A surplus that is refused leaves descriptors to those who are in.
TEST(Admission, ARefusedFloodTakesNoDescriptors)
{
    if (instrumented) {
        GTEST_SKIP() << "sanitizers need descriptors of their own when they check";
    }
    echo_server server({"--quiet", "--max-connections", "40", "--surplus", "refuse"},
                       {.most_descriptors = 64});
    std::vector<client_socket> clients;
    for (int i = 0; i < 500; ++i) {
        clients.emplace_back(server.port());
    }
    EXPECT_TRUE(echoes(clients.front()));
    EXPECT_TRUE(is_refused(clients.back()));
    clients.clear();
    std::this_thread::sleep_for(100ms);
    EXPECT_TRUE(echoes(server.port()));
    const auto ended = server.stop(SIGTERM);
    EXPECT_THAT(ended.errors, IsEmpty());
    EXPECT_THAT(ended.output, HasSubstr(", 460 refused"));
}

// Errors in the middle of a full server: it goes on where it was.
TEST(Admission, ErrorsOfAcceptingChangeNothing)
{
    if (shell("strace -D -o /dev/null -e trace=none true").code != 0) {
        GTEST_SKIP() << "strace is not installed, or may not trace here";
    }
    for (const std::string error : {"EMFILE", "ECONNABORTED"}) {
        SCOPED_TRACE(error);
        echo_server server({"--max-connections", "1"}, {},
                           {"strace", "-D", "-f", "-o", "/dev/null", "-E",
                            "ASAN_OPTIONS=detect_leaks=0", "-e", "trace=accept4", "-e",
                            "inject=accept4:error=" + error + ":when=3..7"});
        client_socket first(server.port());
        ASSERT_TRUE(echoes(first));
        client_socket second(server.port());
        ASSERT_TRUE(second.send(framed("waiting")));
        EXPECT_EQ(second.read(1, 100ms), "");
        first.close();
        const auto free = steady::now();
        EXPECT_EQ(second.read(11), framed("waiting"));
        EXPECT_LT(steady::now() - free, about(1s));
        second.close();
        EXPECT_TRUE(echoes(server.port()));
    }
}

}  // namespace
