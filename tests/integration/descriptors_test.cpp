#include "support/client_socket.hpp"
#include "support/echo_server.hpp"
#include "support/process_figures.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <csignal>
#include <fcntl.h>

/// The server's descriptors: when there are none left, and whether they stay its own.
namespace {

using namespace integration;
using namespace std::chrono_literals;
using testing::HasSubstr;
using steady = std::chrono::steady_clock;

// The undefined behaviour sanitizer looks at virtual tables by means of a pipe: without descriptors it
// takes every object for a broken one.
#define REQUIRE_NO_SANITIZER()                                                                     \
    if (instrumented) {                                                                            \
        GTEST_SKIP() << "sanitizers need descriptors of their own when they check";                \
    }

TEST(Descriptors, ServerRecoversWhenTheyComeFree)
{
    REQUIRE_NO_SANITIZER()
    echo_server server({"--quiet"}, {.most_descriptors = 64});
    std::vector<client_socket> clients;
    for (int i = 0; i < 500; ++i) {
        clients.emplace_back(server.port());
    }
    std::this_thread::sleep_for(300ms);  // it has met the limit by now

    const auto worked = processor_time(server.id());
    std::this_thread::sleep_for(1500ms);
    EXPECT_LT(processor_time(server.id()) - worked, 300ms) << "more than 20 % of a core";

    // The first ones were accepted and are served; the last ones wait in the backlog.
    EXPECT_TRUE(echoes(clients.front()));
    client_socket last = std::move(clients.back());
    ASSERT_TRUE(last.send(framed("waiting")));
    EXPECT_EQ(last.read(1, 0ms), "");

    clients.clear();
    const auto free = steady::now();
    EXPECT_EQ(last.read(11), framed("waiting"));
    EXPECT_LT(steady::now() - free, about(0ms));
    last.close();

    const auto ended = server.stop(SIGTERM);
    EXPECT_EQ(ended.code, 0);
    EXPECT_THAT(ended.errors, HasSubstr("cannot accept connections: Too many open files"));
}

// As long as descriptors are short, each one that comes free is used at once.
TEST(Descriptors, FreedOneIsTakenAtOnce)
{
    REQUIRE_NO_SANITIZER()
    echo_server server({"--quiet"}, {.most_descriptors = 20});
    std::vector<client_socket> clients;
    for (int i = 0; i < 40; ++i) {
        clients.emplace_back(server.port());
        clients.back().send(framed("x"));
    }
    std::this_thread::sleep_for(1s);  // the pauses have grown
    for (client_socket& client : clients) {
        const auto start = steady::now();
        ASSERT_EQ(client.read(5), framed("x"));
        EXPECT_LT(steady::now() - start, about(0ms));
        client.close();
    }
}

class AcceptFails : public testing::TestWithParam<const char*> {};

// strace lets the first five calls fail; -D makes the server, not strace, the test's own child.
TEST_P(AcceptFails, AndTheServerGoesOn)
{
    if (shell("strace -D -o /dev/null -e trace=none true").code != 0) {
        GTEST_SKIP() << "strace is not installed, or may not trace here";
    }
    const std::string inject = std::string("inject=accept4:error=") + GetParam() + ":when=1..5";
    echo_server server({}, {},
                       {"strace", "-D", "-f", "-o", "/dev/null", "-E",
                        "ASAN_OPTIONS=detect_leaks=0", "-e", "trace=accept4", "-e", inject});
    ASSERT_FALSE(server.where().empty()) << server.process().finish().errors;
    const auto start = steady::now();
    const auto worked = processor_time(server.id());
    EXPECT_TRUE(echoes(server.port()));
    EXPECT_TRUE(echoes(server.port()));
    const auto took = steady::now() - start;
    EXPECT_LT(took, about(1s));
    if (!instrumented) {
        EXPECT_LT(processor_time(server.id()) - worked, took / 5 + 50ms) << "20 % of a core";
    }
    EXPECT_EQ(server.stop(SIGTERM).code, 0);
}

INSTANTIATE_TEST_SUITE_P(With, AcceptFails,
                         testing::Values("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "ECONNABORTED",
                                         "EPROTO", "EINTR", "EPERM", "ENETDOWN", "ECONNRESET"),
                         [](const auto& i) { return std::string(i.param); });

// A program that the server's owner starts must inherit none of them.
TEST(Descriptors, AllAreCloseOnExec)
{
    echo_server server;
    client_socket first(server.port());
    client_socket second(server.port());
    ASSERT_TRUE(echoes(first));
    ASSERT_TRUE(echoes(second));
    const std::string process = "/proc/" + std::to_string(server.id());
    int sockets = 0;
    int own = 0;
    for (const auto& entry : std::filesystem::directory_iterator(process + "/fd")) {
        const std::string number = entry.path().filename();
        if (std::stoi(number) <= 2) {
            continue;  // those it was given
        }
        const std::string target = std::filesystem::read_symlink(entry.path());
        std::ifstream info(process + "/fdinfo/" + number);
        unsigned flags = 0;
        for (std::string word; info >> word;) {
            if (word == "flags:") {
                info >> std::oct >> flags;
                break;
            }
        }
        EXPECT_NE(flags & O_CLOEXEC, 0u) << number << " -> " << target;
        sockets += target.starts_with("socket:") ? 1 : 0;
        ++own;
    }
    EXPECT_EQ(sockets, 3) << "one that listens, two connections";
    EXPECT_GT(own, sockets) << "the event loop has some, too";
}

}  // namespace
