#include "crowd.hpp"

#include "integration/support/echo_server.hpp"
#include "integration/support/process_figures.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace {

using namespace soak;

/// A hundred times more clients than there are descriptors: each time they go, it accepts again.
TEST(Descriptors, WithoutThemItIsNeverDeafAndNeverBusy)
{
    constexpr int cycles = 100;
    integration::echo_server server({"--quiet"}, {.most_descriptors = 64});
    steady::duration slowest{};
    double busiest = 0;
    for (int cycle = 0; cycle < cycles; ++cycle) {
        SCOPED_TRACE(cycle);
        std::vector<client_socket> clients;
        for (int i = 0; i < 500; ++i) {
            clients.emplace_back(server.port());
        }
        ASSERT_TRUE(integration::echoes(clients.front()));
        const auto worked = integration::processor_time(server.id());
        std::this_thread::sleep_for(1s);
        busiest = std::max(busiest, seconds(integration::processor_time(server.id()) - worked));
        clients.clear();
        const auto start = steady::now();
        client_socket next(server.port());
        ASSERT_TRUE(integration::echoes(next))
            << next.error() << " after " << seconds(steady::now() - start) << " s";
        server.process().line("", 1ms);  // takes its complaints, or it would wait for us one day
        slowest = std::max<steady::duration>(slowest, steady::now() - start);
    }
    print(
        "64 descriptors, 500 clients, %d cycles: accepts again after %.3f s at most; %.0f %% of a "
        "core meanwhile at most",
        cycles, seconds(slowest), busiest * 100);
    EXPECT_LT(slowest, 1s);
    EXPECT_LT(busiest, 0.2);
    const auto ended = server.stop(SIGTERM);
    EXPECT_EQ(ended.code, 0);
    EXPECT_THAT(ended.errors, testing::HasSubstr("Too many open files"));
}

}  // namespace
