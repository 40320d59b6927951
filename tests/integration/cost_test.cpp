#include "support/client_socket.hpp"
#include "support/echo_server.hpp"

#include <gtest/gtest.h>

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

/// An echo server that is asked `rounds` times for `depth` messages at once.
conversation converse(int rounds, int depth, std::size_t size, std::vector<std::string> flags)
{
    conversation found;
    const std::string path =
        testing::TempDir() + "libnet-calls-" + std::to_string(::getpid()) + std::to_string(rounds);
    std::remove(path.c_str());
    {
        flags.push_back("--quiet");
        echo_server server(flags, {}, {"strace", "-D", "-f", "-c", "-o", path});
        client_socket client(server.port());
        std::string batch;
        for (int i = 0; i < depth; ++i) {
            batch += framed(std::string(size, 'x'));
        }
        const auto began = std::chrono::steady_clock::now();
        for (int i = 0; i < rounds; ++i) {
            client.send(batch);
            if (client.read(batch.size()) != batch) {
                ADD_FAILURE() << "a reply differs";
                return found;
            }
        }
        found.lasted = std::chrono::steady_clock::now() - began;
        client.close();
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

class SystemCalls : public testing::TestWithParam<std::vector<std::string>> {};

TEST_P(SystemCalls, OfAMessage)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer has system calls of its own";
#endif
    if (shell("strace -D -o /dev/null -e trace=none true").code != 0) {
        GTEST_SKIP() << "strace is not installed, or may not trace here";
    }
    constexpr int rounds = 200;
    for (const int depth : {1, 16}) {
        SCOPED_TRACE(depth);
        conversation few = converse(rounds, depth, 64, GetParam());
        conversation many = converse(3 * rounds, depth, 64, GetParam());
        const auto more = [&](const std::string& name) {
            return static_cast<double>(many.calls[name] - few.calls[name]);
        };
        const auto each = [&](const std::string& name) { return more(name) / (2 * rounds); };
        // Whatever the depth: one write, one read, and one that finds nothing more. The client's
        // batch may reach the server in two pieces now and then.
        EXPECT_GE(each("sendmsg") + each("sendto"), 1.0);
        EXPECT_LE(each("sendmsg") + each("sendto"), 1.1);
        if (depth == 1) {  // a message, which comes in one piece
            EXPECT_EQ(more("sendmsg") + more("sendto"), 2 * rounds);
        }
        EXPECT_LE(each("recvmsg") + each("recvfrom"), 2.2);
        EXPECT_LE(each("epoll_wait"), 3.3);
        for (const char* never :
             {"epoll_ctl", "mmap", "brk", "write", "ioctl", "setsockopt", "fcntl"}) {
            EXPECT_LE(each(never), 0.01) << never;
        }
        // Threads that begin and end wait for each other, now more often, now less: tens of 400.
        EXPECT_LE(each("futex"), 0.1);
        // The alarm is set by the second and not by the message: once when the clock wakes, and once
        // by Asio, which knows of no timer meanwhile.
        EXPECT_LE(more("timerfd_settime"), 4 + 4 * many.lasted.count());
        EXPECT_LE(each("total"), 6.6) << "something else is called";
    }
}

std::string name_of_flags(const testing::TestParamInfo<std::vector<std::string>>& info)
{
    return std::vector<std::string>{"OneLoop", "TwoShards", "TwoShardsThatListen"}.at(info.index);
}

using flags = std::vector<std::string>;

// Over shards no message takes a lock that somebody else has: no futex.
INSTANTIATE_TEST_SUITE_P(Of, SystemCalls,
                         testing::Values(flags{}, flags{"--threads", "2"},
                                         flags{"--threads", "2", "--reuse-port"}),
                         name_of_flags);

}  // namespace
