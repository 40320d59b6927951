#include "crowd.hpp"

#include "integration/support/echo_server.hpp"

#include <gtest/gtest.h>

#include <optional>

/// Ten thousand clients that send a byte every ten seconds, or nothing: with the timeouts that a
/// server has unless it is told otherwise.
namespace {

using namespace soak;

struct slow_client {
    client_socket socket;
    steady::time_point deadline;
    bool halfway;
};

TEST(SlowClients, AreCutInTimeAndHonestOnesAnswered)
{
    const std::size_t count = at_most(10'000);
    integration::echo_server server({"--quiet", "--max-connections", "20000"});
    honest_clients honest(server.port(), 100);
    std::vector<slow_client> crowd;
    watcher watch;
    const std::string begun = framed("never whole").substr(0, 6);
    for (std::size_t i = 0; i < count; ++i) {
        client_socket client(server.port());
        ASSERT_EQ(client.error(), 0) << i;
        const bool halfway = i % 2 == 0;
        if (halfway) {
            ASSERT_TRUE(client.send(begun)) << i;
        }
        const auto deadline = steady::now() + (halfway ? 30s : 10s);
        crowd.push_back({std::move(client), deadline, halfway});
        watch.add(crowd.back().socket, i);
    }

    std::size_t cut = 0;
    std::optional<steady::duration> earliest;
    std::optional<steady::duration> latest;
    auto next_byte = steady::now() + 10s;
    for (const auto end = crowd.back().deadline + 25s; cut < count && steady::now() < end;) {
        watch.wait(100ms, [&](std::size_t number) {
            slow_client& client = crowd[number];
            const auto late = steady::now() - client.deadline;
            EXPECT_EQ(client.socket.read(1, 0ms), "");
            client.socket.close();
            earliest = std::min(earliest.value_or(late), late);
            latest = std::max(latest.value_or(late), late);
            ++cut;
        });
        if (steady::now() >= next_byte) {
            next_byte += 10s;
            for (slow_client& client : crowd) {
                if (client.halfway && client.socket.descriptor() >= 0) {
                    client.socket.send(".", 0ms);  // earns nothing
                }
            }
        }
    }
    honest.stop();
    ASSERT_EQ(cut, count);
    print("%zu slow clients: cut between %+.2f s and %+.2f s of the deadline; %zu honest requests, "
          "slowest %.1f ms",
          count, seconds(*earliest), seconds(*latest), honest.requests(),
          honest.slowest_in_milliseconds());
    EXPECT_GE(*earliest, -100ms);
    EXPECT_LE(*latest, 1s);
    EXPECT_GE(honest.requests(), 2900U);
    EXPECT_EQ(honest.unanswered(), 0U);
}

}  // namespace
