#include "support/client_socket.hpp"
#include "support/echo_server.hpp"
#include "support/process_figures.hpp"
#include "support/rude_clients.hpp"
#include "support/served.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include <csignal>
#include <unistd.h>

/// What clients of the open internet do to a server, on purpose or not; in small numbers. How it ends
/// for each, and that everybody else is served meanwhile.
namespace {

using namespace integration;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

TEST(Survival, SlowClientsAreCutInTimeAndHonestOnesAnswered)
{
    echo_server server({"--quiet", "--first-frame-timeout", "1s", "--frame-timeout", "2s"});
    std::vector<client_socket> silent;
    std::vector<client_socket> halfway;
    const auto start = steady::now();
    for (int i = 0; i < 100; ++i) {
        silent.emplace_back(server.port());
        halfway.emplace_back(server.port());
        ASSERT_TRUE(halfway.back().send(framed("never whole").substr(0, 6)));
    }
    client_socket honest(server.port());
    bool dripped = false;
    while (steady::now() - start < 3500ms) {
        EXPECT_TRUE(echoes(honest));
        if (!dripped && steady::now() - start > 1500ms) {
            dripped = halfway.front().send(".");  // a byte earns nothing
        }
        std::this_thread::sleep_for(10ms);
    }
    for (client_socket& client : silent) {
        EXPECT_EQ(client.read(1, 0ms), "");
        EXPECT_TRUE(client.ended());
    }
    for (client_socket& client : halfway) {
        EXPECT_EQ(client.read(1, 0ms), "");
        EXPECT_TRUE(client.ended() || client.error() == ECONNRESET);
    }
}

TEST(Survival, EachIsCutWithinASecondOfItsDeadline)
{
    echo_server server({"--quiet", "--first-frame-timeout", "1s", "--min-rate", "1KiB/1s"});
    const auto start = steady::now();
    client_socket silent(server.port());
    EXPECT_EQ(silent.read_to_end(), "");
    EXPECT_GE(steady::now() - start, 980ms);
    EXPECT_LT(steady::now() - start, about(1s));
}

TEST(Survival, StalledReadersHoldTheirMarkAndNoMore)
{
    if (instrumented) {
        GTEST_SKIP() << "memory under sanitizers says nothing";
    }
    constexpr std::size_t count = 100;
    constexpr std::size_t frame = 8 * 1024;
    constexpr std::size_t mark = 256 * 1024;
    libnet::server_options options;
    options.connection.high_water_mark = mark;
    const std::size_t grown = memory_of_stalled_readers(count, frame, options, 500ms);
    EXPECT_GT(grown, count * mark / 2) << "nobody was stalled";
    EXPECT_LT(grown, count * (mark + frame) * 11 / 10);
}

TEST(Survival, ABudgetHoldsAgainstStalledReadersAndSlowSenders)
{
    if (instrumented) {
        GTEST_SKIP() << "memory under sanitizers says nothing";
    }
    constexpr std::size_t budget = 8 * 1024 * 1024;
    echo_server server({"--quiet", "--send-timeout", "never", "--memory-budget", "8MiB"});
    ASSERT_TRUE(echoes(server.port()));
    const std::size_t before = resident_memory(server.id());
    std::vector<client_socket> greedy;
    const std::string message = framed(std::string(8 * 1024, 'x'));
    const std::string unfinished = framed(std::string(1'000'000, 'x')).substr(0, 400'000);
    for (int i = 0; i < 60; ++i) {
        greedy.emplace_back(server.port(), 4096);
        for (int k = 0; k < 1024 && greedy.back().send(message, 5ms); ++k) {}
        greedy.emplace_back(server.port());
        (void)greedy.back().send(unfinished, 5ms);
        ASSERT_LT(resident_memory(server.id()), before + budget * 14 / 10);
    }
    EXPECT_TRUE(echoes(server.port()));
}

TEST(Survival, ResetsFromEveryStateLeaveNothingBehind)
{
    echo_server server({"--quiet"});
    ASSERT_TRUE(echoes(server.port()));
    ASSERT_TRUE(soon([&] { return descriptors_of(server.id()) < 100; }));
    const std::size_t before = descriptors_of(server.id());
    for (int i = 0; i < 200; ++i) {
        EXPECT_TRUE(reset_from_every_state(server.port()));
    }
    EXPECT_TRUE(soon([&] { return descriptors_of(server.id()) <= before; }));
    EXPECT_TRUE(echoes(server.port()));
    const auto ended = server.stop(SIGTERM);
    EXPECT_EQ(ended.code, 0);
    EXPECT_THAT(ended.output, testing::HasSubstr("stopped after 1002 connections"));
}

TEST(Survival, ThousandsComeAndGoAndItIsTheirPortsThatRest)
{
    echo_server server({"--quiet"});
    ASSERT_TRUE(echoes(server.port()));
    const std::size_t before = descriptors_of(server.id());
    for (int i = 0; i < 3000; ++i) {
        ASSERT_TRUE(comes_and_goes(server.port(), 2, i % 10 == 0)) << i;
    }
    EXPECT_TRUE(soon([&] { return descriptors_of(server.id()) <= before; }));
    EXPECT_EQ(in_time_wait(server.port()), 0U);
    const auto ended = server.stop(SIGTERM);
    EXPECT_EQ(ended.code, 0);
    EXPECT_THAT(ended.output, testing::HasSubstr("stopped after 3001 connections"));
}

TEST(Survival, AStoppedProcessCutsNobodyWhenItGoesOn)
{
    echo_server server({"--quiet", "--idle-timeout", "2s"});
    std::vector<client_socket> clients;
    for (int i = 0; i < 20; ++i) {
        clients.emplace_back(server.port());
        ASSERT_TRUE(echoes(clients.back()));
    }
    server.signal(SIGSTOP);
    std::this_thread::sleep_for(5s);
    server.signal(SIGCONT);
    std::this_thread::sleep_for(300ms);
    for (client_socket& client : clients) {
        EXPECT_TRUE(echoes(client));
    }
    // And time goes on: whoever is idle from here on is cut.
    const auto start = steady::now();
    EXPECT_EQ(clients.front().read_to_end(), "");
    EXPECT_GE(steady::now() - start, 1900ms);
    EXPECT_LT(steady::now() - start, about(2s));
}

}  // namespace
