#include "support/client_socket.hpp"
#include "support/echo_server.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>

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

/// An echo server that is asked `rounds` times for `depth` messages at once.
counts calls_of(int rounds, int depth, std::size_t size)
{
    const std::string path =
        testing::TempDir() + "libnet-calls-" + std::to_string(::getpid()) + std::to_string(rounds);
    std::remove(path.c_str());
    {
        echo_server server({"--quiet"}, {}, {"strace", "-D", "-f", "-c", "-o", path});
        client_socket client(server.port());
        std::string batch;
        for (int i = 0; i < depth; ++i) {
            batch += framed(std::string(size, 'x'));
        }
        for (int i = 0; i < rounds; ++i) {
            client.send(batch);
            if (client.read(batch.size()) != batch) {
                ADD_FAILURE() << "a reply differs";
                return {};
            }
        }
        client.close();
        EXPECT_EQ(server.stop(SIGTERM).code, 0);
    }
    counts found;
    for (int tries = 0; tries < 500 && !found.contains("total"); ++tries) {  // strace ends later
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        found = read_summary(path);
    }
    std::remove(path.c_str());
    return found;
}

TEST(SystemCalls, OfAMessage)
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
        counts few = calls_of(rounds, depth, 64);
        counts many = calls_of(3 * rounds, depth, 64);
        const auto each = [&](const std::string& name) {
            return static_cast<double>(many[name] - few[name]) / (2 * rounds);
        };
        // Whatever the depth: one write, one read, and one that finds nothing more. The client's
        // batch may reach the server in two pieces now and then.
        EXPECT_GE(each("sendmsg") + each("sendto"), 1.0);
        EXPECT_LE(each("sendmsg") + each("sendto"), 1.1);
        EXPECT_LE(each("recvmsg") + each("recvfrom"), 2.2);
        EXPECT_LE(each("epoll_wait"), 3.3);
        for (const char* never : {"epoll_ctl", "timerfd_settime", "futex", "mmap", "brk", "write",
                                  "ioctl", "setsockopt", "fcntl"}) {
            EXPECT_LE(each(never), 0.01) << never;
        }
        EXPECT_LE(each("total"), 6.6) << "something else is called";
    }
}

}  // namespace
