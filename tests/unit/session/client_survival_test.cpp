#include "support/black_holes.hpp"

#include <libnet/runtime/group.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <vector>

/// What becomes of clients when the network or the server fails: all of them end their waits in time,
/// and come back without trampling each other.
namespace libnet {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;

// 10,000 of them: soak_tests, BlackHoles.
TEST(BlackHoles, EveryAwaitEndsByItsDeadline)
{
    std::size_t waits = 0;
    EXPECT_THAT(tests::run_black_holes(100, waits), IsEmpty());
    EXPECT_GT(waits, 1000U);
}

task<> echo_all(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

task<> stay(connection& peer)
{
    while (auto frame = co_await peer.receive()) {}
}

TEST(Stampede, AfterAMinuteOfOutageNoSecondSeesMoreThanATenthOfTheClients)
{
    constexpr std::size_t crowd = 5000;
    testing::simulation sim;
    testing::simulated_host& host = sim.network().add_host("shop", {"10.0.0.1"});
    sim.network().link_all({.delay = 10ms, .jitter = 10ms});
    std::vector<time_point> connected;
    server_options options;
    options.connection.idle_timeout = never;
    options.connection.first_frame_timeout = never;
    options.on_open = [&](const connection&) { connected.push_back(sim.now()); };
    server shop("10.0.0.1:9000", echo_all, options);
    sim.start(testing::on(host, shop.run()));
    std::vector<std::unique_ptr<client>> clients;
    for (std::size_t i = 0; i < crowd; ++i) {
        clients.push_back(std::make_unique<client>("shop:9000", stay));
        sim.start(clients.back()->run());
    }
    sim.advance(10s);
    ASSERT_EQ(connected.size(), crowd);

    host.go_down(testing::outage::refused);
    sim.advance(60s);
    connected.clear();
    const time_point back = sim.now();
    host.come_up();
    sim.advance(60s);

    EXPECT_EQ(connected.size(), crowd);  // everybody once
    EXPECT_EQ(shop.stats().active, crowd);
    std::vector<std::size_t> each_second(60);
    for (const time_point when : connected) {
        ++each_second.at(static_cast<std::size_t>((when - back) / 1s));
    }
    EXPECT_LE(*std::max_element(each_second.begin(), each_second.end()), crowd / 10);
    EXPECT_LE(connected.back() - back, 31s);
    for (const auto& one : clients) {
        one->stop();
    }
    shop.stop();
    sim.advance(10s);
    EXPECT_EQ(sim.running(), 0U);
}

}  // namespace
}  // namespace libnet
