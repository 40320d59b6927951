#include "support/client_socket.hpp"
#include "support/echo_server.hpp"
#include "support/fault_injection.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

/// What a message costs in system calls, counted by strace. The counts of two runs are subtracted,
/// so that starting and ending do not count.
namespace {

using namespace integration;

using counts = std::map<std::string, long>;

/// A line of its summary:  % time  seconds  usecs/call  calls  [errors]  name
counts read_summary(const std::string& path)
{
    counts found;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        double share = 0;
        double seconds = 0;
        long each = 0;
        long calls = 0;
        std::string name;
        if (words >> share >> seconds >> each >> calls) {
            while (words >> name) {}
            found[name] = calls;
        }
    }
    return found;
}

struct conversation {
    counts calls;
    std::chrono::duration<double> lasted{};
};

/// Asks `rounds` times for `depth` messages at once; false if a reply differs.
bool ask(client_socket& client, int rounds, int depth, std::size_t size)
{
    std::string batch;
    for (int i = 0; i < depth; ++i) {
        batch += framed(std::string(size, 'x'));
    }
    for (int i = 0; i < rounds; ++i) {
        client.send(batch);
        if (client.read(batch.size()) != batch) {
            return false;
        }
    }
    return true;
}

/// An echo server that so many clients ask at the same time.
conversation converse(int rounds, int depth, std::size_t size, std::vector<std::string> flags,
                      int clients = 1)
{
    conversation found;
    const std::string path =
        testing::TempDir() + "libnet-calls-" + std::to_string(::getpid()) + std::to_string(rounds);
    std::remove(path.c_str());
    {
        flags.push_back("--quiet");
        echo_server server(flags, {}, {"strace", "-D", "-f", "-c", "-o", path});
        const auto began = std::chrono::steady_clock::now();
        std::vector<std::thread> others;
        std::atomic<int> whole = 0;
        const auto talk = [&] {
            client_socket client(server.port());
            whole += ask(client, rounds, depth, size) ? 1 : 0;
        };
        for (int i = 1; i < clients; ++i) {
            others.emplace_back(talk);
        }
        talk();
        for (std::thread& other : others) {
            other.join();
        }
        EXPECT_EQ(whole, clients) << "a reply differs";
        found.lasted = std::chrono::steady_clock::now() - began;
        EXPECT_EQ(server.stop(SIGTERM).code, 0);
    }
    // strace ends a little later.
    for (int tries = 0; tries < 500 && !found.calls.contains("total"); ++tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        found.calls = read_summary(path);
    }
    std::remove(path.c_str());
    return found;
}

class SystemCalls : public testing::Test {
protected:
    void SetUp() override
    {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        GTEST_SKIP() << "a sanitizer has system calls of its own";
#endif
        if (!may_inject_faults()) {
            GTEST_SKIP() << "strace is not installed, or may not trace here";
        }
    }
};

class SystemCallsOf : public SystemCalls,
                      public testing::WithParamInterface<std::vector<std::string>> {};

TEST_P(SystemCallsOf, AMessage)
{
    constexpr int rounds = 200;
    for (const int depth : {1, 16}) {
        SCOPED_TRACE(depth);
        conversation few = converse(rounds, depth, 64, GetParam());
        conversation many = converse(3 * rounds, depth, 64, GetParam());
        const auto more = [&](const std::string& name) {
            return static_cast<double>(many.calls[name] - few.calls[name]);
        };
        const auto each = [&](const std::string& name) { return more(name) / (2 * rounds); };
        // Whatever the depth: one write and one read. The client's batch may reach the server in two
        // pieces now and then.
        EXPECT_GE(each("sendmsg") + each("sendto"), 1.0);
        EXPECT_LE(each("sendmsg") + each("sendto"), 1.1);
        if (depth == 1) {  // a message, which comes in one piece
            EXPECT_EQ(more("sendmsg") + more("sendto"), 2 * rounds);
        }
        EXPECT_LE(each("recvmsg") + each("recvfrom"), 1.1);
        if (depth == 1) {  // none that finds nothing
            EXPECT_EQ(more("recvmsg") + more("recvfrom"), 2 * rounds);
        }
        // A turn of the loop: Asio's epoll, ours in it, and Asio waits for that anew.
        EXPECT_LE(each("epoll_wait"), 2.5);
        EXPECT_LE(each("epoll_ctl"), 1.1);
        for (const char* never : {"mmap", "brk", "write", "ioctl", "setsockopt", "fcntl"}) {
            EXPECT_LE(each(never), 0.01) << never;
        }
        // Threads that begin and end wait for each other, now more often, now less: tens of 400.
        EXPECT_LE(each("futex"), 0.1);
        // The alarm is set by the second and not by the message: once when the clock wakes, and once
        // by Asio, which knows of no timer meanwhile.
        EXPECT_LE(more("timerfd_settime"), 4 + 4 * many.lasted.count());
        EXPECT_LE(each("total"), 5.5) << "something else is called";
    }
}

/// So that what is sent meanwhile comes in one turn of its loop.
class asleep {
public:
    explicit asleep(const echo_server& server) : server_(server) { server_.signal(SIGSTOP); }
    asleep(const asleep&) = delete;
    asleep& operator=(const asleep&) = delete;
    ~asleep() { server_.signal(SIGCONT); }

private:
    const echo_server& server_;
};

// Waiting costs a turn, not a message: the more clients there are, the less of it falls to each.
TEST_F(SystemCalls, OfATurnAreSharedByItsMessages)
{
    constexpr int clients = 20;
    const auto calls_of = [](int rounds) {
        const std::string path = testing::TempDir() + "libnet-turns-" + std::to_string(::getpid());
        std::remove(path.c_str());
        {
            echo_server server({"--quiet"}, {}, {"strace", "-D", "-f", "-c", "-o", path});
            std::vector<client_socket> all;
            for (int i = 0; i < clients; ++i) {
                all.emplace_back(server.port());
            }
            for (int i = 0; i < rounds; ++i) {
                {
                    const asleep meanwhile(server);
                    for (client_socket& client : all) {
                        client.send(framed("hello"));
                    }
                }
                for (client_socket& client : all) {
                    EXPECT_EQ(client.read(9), framed("hello"));
                }
            }
            EXPECT_EQ(server.stop(SIGTERM).code, 0);
        }
        counts found;
        for (int tries = 0; tries < 500 && !found.contains("total"); ++tries) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            found = read_summary(path);
        }
        std::remove(path.c_str());
        return found;
    };
    constexpr int rounds = 10;
    counts few = calls_of(rounds);
    counts many = calls_of(3 * rounds);
    const auto each = [&](const char* name) {
        return static_cast<double>(many[name] - few[name]) / (2 * rounds * clients);
    };
    EXPECT_NEAR(each("recvfrom"), 1.0, 0.01);
    EXPECT_NEAR(each("sendto"), 1.0, 0.01);
    EXPECT_LE(each("epoll_ctl"), 0.2);
    EXPECT_LE(each("epoll_wait"), 0.4);
}

// A lock that two shards want at the same time is a call of futex. Threads that begin and end wait for each
// other, now more often, now less, and the more so on a machine with other work, but not once more for a message more.
TEST_P(SystemCallsOf, AMessageAreNoLocks)
{
    constexpr int rounds = 150;
    constexpr int clients = 8;
    conversation few = converse(rounds, 1, 64, GetParam(), clients);
    conversation many = converse(11 * rounds, 1, 64, GetParam(), clients);
    EXPECT_GE(many.calls["sendmsg"] + many.calls["sendto"], 11 * rounds * clients);
    EXPECT_LE(many.calls["futex"] - few.calls["futex"], 120) << "of 12,000 messages";
}

std::string name_of_flags(const testing::TestParamInfo<std::vector<std::string>>& info)
{
    return std::vector<std::string>{"OneLoop", "TwoShards", "TwoShardsThatListen"}.at(info.index);
}

using flags = std::vector<std::string>;

INSTANTIATE_TEST_SUITE_P(Loops, SystemCallsOf,
                         testing::Values(flags{}, flags{"--threads", "2"},
                                         flags{"--threads", "2", "--reuse-port"}),
                         name_of_flags);

}  // namespace
