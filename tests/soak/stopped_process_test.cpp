#include "crowd.hpp"

#include "integration/support/echo_server.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <memory>

namespace {

using namespace soak;

/// Stands still for a minute, longer than most of its timeouts: that is nobody's fault.
TEST(StoppedProcess, CutsNobodyWhenItGoesOn)
{
    constexpr std::size_t peers = 1000;
    const std::vector<std::vector<std::string>> kinds{
        {"--quiet"}, {"--quiet", "--idle-timeout", "5s"}, {"--quiet", "--heartbeat", "5s"}};
    std::vector<std::unique_ptr<integration::echo_server>> servers;
    std::vector<client_socket> clients;
    for (const auto& flags : kinds) {
        servers.push_back(std::make_unique<integration::echo_server>(flags));
        for (std::size_t i = 0; i < peers; ++i) {
            clients.emplace_back(servers.back()->port());
            ASSERT_TRUE(integration::echoes(clients.back()));
        }
        servers.back()->signal(SIGSTOP);
    }
    std::this_thread::sleep_for(60s);
    std::size_t served = 0;
    for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
        servers[kind]->signal(SIGCONT);
        std::this_thread::sleep_for(500ms);
        for (std::size_t i = 0; i < peers; ++i) {
            served += integration::echoes(clients[kind * peers + i]) ? 1 : 0;
        }
    }
    print("stopped for 60 s and continued: %zu of %zu peers are served", served, clients.size());
    EXPECT_EQ(served, clients.size());

    // And time goes on: whoever is idle from here on is cut.
    const auto start = steady::now();
    EXPECT_EQ(clients[2 * peers - 1].read_to_end(), "");
    EXPECT_GE(steady::now() - start, 3s);
    EXPECT_LT(steady::now() - start, 6s);
}

}  // namespace
