#include "support/echo_server.hpp"
#include "support/other_host.hpp"
#include "support/served.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

/// A peer whose machine has gone without a word: who notices, and when. Idle time has no limit here.
namespace {

using namespace integration;
using namespace std::chrono_literals;
using testing::HasSubstr;
using steady = std::chrono::steady_clock;

#define REQUIRE_ANOTHER_HOST(name)                                                                 \
    const other_host name;                                                                         \
    if (!name) {                                                                                   \
        GTEST_SKIP() << "making network namespaces is not allowed here";                           \
    }

/// The kernel asks after a second of silence, and gives up after three.
libnet::server_options soon_noticed_by_the_kernel()
{
    using std::chrono::seconds;
    libnet::server_options options;
    options.connection.idle_timeout = libnet::never;
    options.connection.first_frame_timeout = libnet::never;
    options.socket.keep_alive = {.after = seconds(1), .interval = seconds(1), .probes = 2};
    options.socket.user_timeout = 3s;
    return options;
}

TEST(HalfOpen, AHeartbeatNoticesIt)
{
    REQUIRE_ANOTHER_HOST(host)
    echo_server server({"--listen", host.here(), "--heartbeat", "1s"});
    client_socket client = host.connect(server.port());
    ASSERT_TRUE(echoes(client));
    const auto start = steady::now();
    ASSERT_TRUE(host.vanish());
    EXPECT_THAT(server.line("closed"), HasSubstr("no sign of life from the peer"));
    EXPECT_GE(steady::now() - start, 1s);
    EXPECT_LT(steady::now() - start, about(4s));
}

void expect_the_kernels_word(served& server, steady::time_point start)
{
    const auto report = server.report();
    ASSERT_TRUE(report);
    EXPECT_GE(steady::now() - start, 1s);
    EXPECT_LT(steady::now() - start, about(4s));
    // Which of the two depends on whether a router, here our own machine, has said something.
    EXPECT_TRUE(report->reason == std::errc::timed_out ||
                report->reason == std::errc::host_unreachable)
        << report->text();
    EXPECT_EQ(report->ending.who, libnet::connection_ending::party::network);
}

TEST(HalfOpen, KeepAliveNoticesASilentOne)
{
    REQUIRE_ANOTHER_HOST(host)
    served server(echo, soon_noticed_by_the_kernel(), host.here());
    client_socket client = host.connect(server.port());
    ASSERT_TRUE(echoes(client));
    const auto start = steady::now();
    ASSERT_TRUE(host.vanish());
    expect_the_kernels_word(server, start);
}

TEST(HalfOpen, TheUserTimeoutNoticesOneThatIsTalkedTo)
{
    REQUIRE_ANOTHER_HOST(host)
    const auto talk = [](libnet::connection& peer) -> libnet::task<> {
        for (;;) {
            co_await checked(peer.send("are you there?"));
            co_await checked(libnet::sleep_for(100ms));
        }
    };
    served server(talk, soon_noticed_by_the_kernel(), host.here());
    client_socket client = host.connect(server.port());
    ASSERT_EQ(client.read(18), framed("are you there?"));
    const auto start = steady::now();
    ASSERT_TRUE(host.vanish());
    expect_the_kernels_word(server, start);
}

}  // namespace
