#include "crowd.hpp"

#include "integration/support/echo_server.hpp"
#include "integration/support/other_host.hpp"
#include "integration/support/served.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <system_error>

/// A peer whose machine has gone without a word, with the times that are the defaults.
namespace {

using namespace soak;

libnet::server_options never_idle()
{
    libnet::server_options options;
    options.connection.idle_timeout = libnet::never;
    options.connection.first_frame_timeout = libnet::never;
    return options;
}

void expect_the_kernels_word(const libnet::session_report& report)
{
    EXPECT_TRUE(report.reason == std::errc::timed_out ||
                report.reason == std::errc::host_unreachable)
        << report.text();
}

TEST(HalfOpen, IsNoticedAfterAMinuteAndAHalf)
{
    const integration::other_host host;
    if (!host) {
        GTEST_SKIP() << "making network namespaces is not allowed here";
    }
    const auto talk = [](libnet::connection& peer) -> libnet::task<> {
        for (;;) {
            co_await checked(peer.send("are you there?"));
            co_await checked(libnet::sleep_for(100ms));
        }
    };
    integration::echo_server beating({"--listen", host.here(), "--heartbeat", "30s"});
    integration::served silent(integration::echo, never_idle(), host.here());
    integration::served talkative(talk, never_idle(), host.here());
    client_socket first = host.connect(beating.port());
    client_socket second = host.connect(silent.port());
    client_socket third = host.connect(talkative.port());
    ASSERT_EQ(third.read(18), framed("are you there?"));
    ASSERT_TRUE(integration::echoes(first));
    ASSERT_TRUE(integration::echoes(second));
    const auto start = steady::now();
    ASSERT_TRUE(host.vanish());

    std::array<double, 3> after{};
    std::string line;
    std::optional<libnet::session_report> of_silent;
    std::optional<libnet::session_report> of_talkative;
    while (steady::now() - start < 100s && (line.empty() || !of_silent || !of_talkative)) {
        const double now = seconds(steady::now() - start);
        if (line.empty() && !(line = beating.process().line("closed", 10ms)).empty()) {
            after[0] = now;
        }
        if (!of_silent && (of_silent = silent.report(10ms))) {
            after[1] = now;
        }
        if (!of_talkative && (of_talkative = talkative.report(10ms))) {
            after[2] = now;
        }
    }
    print(
        "a peer that vanished: noticed by the heartbeat after %.1f s, by keep-alive after %.1f s, "
        "by the user timeout after %.1f s",
        after[0], after[1], after[2]);
    EXPECT_NEAR(after[0], 90, 2);
    // The kernel's timers of a minute are up to two seconds late by themselves, at 250 ticks a second.
    EXPECT_NEAR(after[1], 91, 3);
    EXPECT_NEAR(after[2], 91, 3);
    EXPECT_THAT(line, testing::HasSubstr("no sign of life from the peer"));
    ASSERT_TRUE(of_silent && of_talkative);
    expect_the_kernels_word(*of_silent);
    expect_the_kernels_word(*of_talkative);
}

}  // namespace
