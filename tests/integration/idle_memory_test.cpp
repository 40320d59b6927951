#include "support/client_socket.hpp"
#include "support/echo_server.hpp"
#include "support/process_figures.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

/// What connections cost that say nothing: the buffers in which they were served are the system's
/// again, and not holes in the heap.
namespace {

using namespace integration;
using namespace std::chrono_literals;

TEST(IdleMemory, BuffersOfIdleConnectionsAreTheSystemsAgain)
{
    if (instrumented) {
        GTEST_SKIP() << "memory under sanitizers says nothing";
    }
    constexpr std::size_t count =
        800;  // with the first hundred, below the usual limit of descriptors
    echo_server server({"--quiet", "--heartbeat", "30s", "--lifetime", "1h"});
    std::vector<client_socket> clients;
    for (int i = 0; i < 100; ++i) {
        clients.emplace_back(server.port());
        ASSERT_TRUE(echoes(clients.back()));
    }
    std::this_thread::sleep_for(2500ms);
    const std::size_t before = resident_memory(server.id());
    for (std::size_t i = 0; i < count; ++i) {
        clients.emplace_back(server.port());
        ASSERT_TRUE(clients.back().send(framed("hello")));
    }
    for (std::size_t i = clients.size() - count; i < clients.size(); ++i) {
        ASSERT_EQ(clients[i].read(9), framed("hello"));
    }
    const std::size_t active = (resident_memory(server.id()) - before) / count;
    std::this_thread::sleep_for(2500ms);
    const std::size_t idle = (resident_memory(server.id()) - before) / count;
    EXPECT_GT(active, 4096U) << "they had buffers";
    EXPECT_LT(idle, 3 * 1024U + 512U);
}

}  // namespace
