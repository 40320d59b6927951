#include "crowd.hpp"

#include "integration/support/echo_server.hpp"
#include "integration/support/process_figures.hpp"
#include "integration/support/rude_clients.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace {

using namespace soak;
using integration::descriptors_of;
using integration::in_time_wait;
using integration::resident_memory;

/// The clients end first, so it is their ports that rest afterwards, and the server could start again
/// at any time.
TEST(ManyConnections, AMillionComeAndGo)
{
    constexpr std::size_t count = 1'000'000;
    constexpr std::size_t of_each_address = 10'000;  // or their ports would run out
    integration::echo_server server({"--quiet"});
    ASSERT_TRUE(integration::echoes(server.port()));
    const std::size_t descriptors = descriptors_of(server.id());
    std::size_t failed = 0;
    std::size_t resting = 0;
    std::size_t most_descriptors = 0;
    std::size_t memory = 0;
    const auto start = steady::now();
    for (std::size_t i = 0; i < count; ++i) {
        const auto from = static_cast<unsigned>(2 + i / of_each_address);
        failed += integration::comes_and_goes(server.port(), from, i % 10 == 0) ? 0 : 1;
        if (i % (count / 20) == 0) {
            resting = std::max(resting, in_time_wait(server.port()));
            most_descriptors = std::max(most_descriptors, descriptors_of(server.id()));
        }
        if (i == count / 10) {
            memory = resident_memory(server.id());
        }
    }
    const auto took = steady::now() - start;
    EXPECT_TRUE(integration::echoes(server.port()));
    EXPECT_TRUE(integration::soon([&] { return descriptors_of(server.id()) <= descriptors; }));
    resting = std::max(resting, in_time_wait(server.port()));
    const std::size_t after = resident_memory(server.id());
    print(
        "%zu connects and closes in %.0f s: %zu failed, %zu sockets of the server's in TIME_WAIT, "
        "at most %zu descriptors, %.1f MiB before and %.1f MiB after",
        count, seconds(took), failed, resting, most_descriptors, mebibytes(memory),
        mebibytes(after));
    EXPECT_EQ(failed, 0U);
    EXPECT_EQ(resting, 0U);
    EXPECT_LT(after, memory + 1024 * 1024);
    const auto ended = server.stop(SIGTERM);
    EXPECT_EQ(ended.code, 0);
    EXPECT_THAT(ended.output,
                testing::HasSubstr("stopped after " + std::to_string(count + 2) + " connections"));
}

TEST(ManyConnections, ThoseThatAreIdleCostNearlyNothing)
{
    const std::size_t count = at_most(19'000);
    integration::echo_server server({"--quiet", "--max-connections", "20000"});
    const std::size_t before = resident_memory(server.id());
    std::vector<client_socket> clients;
    for (std::size_t i = 0; i < count; ++i) {
        clients.emplace_back(server.port(), 0, static_cast<unsigned>(2 + i % 10));
        ASSERT_TRUE(integration::echoes(clients.back())) << i;
    }
    std::this_thread::sleep_for(5s);  // they have given their buffers back
    const auto worked = integration::processor_time(server.id());
    std::this_thread::sleep_for(30s);
    const double share = seconds(integration::processor_time(server.id()) - worked) / 30;
    const std::size_t each = (resident_memory(server.id()) - before) / count;
    print("%zu idle connections: %.2f %% of a core, %zu bytes of memory each", count, share * 100,
          each);
    EXPECT_LT(share, 0.01);
    EXPECT_LT(each, 3500U);
    EXPECT_TRUE(integration::echoes(clients.front()));
    EXPECT_TRUE(integration::echoes(clients.back()));
}

}  // namespace
