#include "support/scripted_network.hpp"

#include <libnet/runtime/within.hpp>
#include <libnet/session/connect.hpp>
#include <libnet/testing/for_each_fault.hpp>
#include <libnet/transport/tcp.hpp>

#include <gmock/gmock.h>

/// How an address of several is chosen. Which and when is `happy_eyeballs`; here it runs.
namespace libnet {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using tests::scripted_network;
namespace errc = boost::system::errc;

const char* const dead_v6 = "2001:db8::1";
const char* const live_v4 = "192.0.2.1";

struct Dial : ::testing::Test {
    Dial() { net.hosts["example.org"] = {dead_v6, "2001:db8::2", live_v4}; }

    /// "connected", or why not; and how many milliseconds it took.
    std::string dial(const std::string& where = "example.org:80", socket_options options = {})
    {
        const auto before = net.elapsed();
        auto connected = sim.run(tcp::connect(endpoint::parse(where).value(), options));
        return (connected ? "connected" : connected.error().message()) + " after " +
               std::to_string(net.elapsed() - before);
    }

    testing::simulation sim;
    scripted_network net{sim};
};

TEST_F(Dial, ADeadIpv6RouteDelaysNobodyForMoreThan300Milliseconds)
{
    net.fates[dead_v6] = net.silent();
    net.fates["2001:db8::2"] = net.silent();
    net.fates[live_v4] = net.answered(30ms);
    EXPECT_EQ(dial(), "connected after 280");
    EXPECT_THAT(net.attempts, ElementsAre("2001:db8::1 at 0", "192.0.2.1 at 250"));
    EXPECT_EQ(net.under_way, 0);
}

TEST_F(Dial, OneThatFailsDelaysNobodyAtAll)
{
    net.fates[dead_v6] = net.unreachable();
    EXPECT_EQ(dial(), "connected after 0");
    EXPECT_THAT(net.attempts, ElementsAre("2001:db8::1 at 0", "192.0.2.1 at 0"));
}

TEST_F(Dial, TheFirstThatAnswersWinsAndTheOthersEnd)
{
    net.usual = net.answered(1s);
    net.fates["2001:db8::2"] = net.answered(100ms);
    EXPECT_EQ(dial(), "connected after 600");
    EXPECT_EQ(net.under_way, 0);
    EXPECT_EQ(net.connected, 1);
}

TEST_F(Dial, TwoThatAnswerAtOnceLeaveOneConnection)
{
    detail::wait_list both(sim.home());
    net.usual.until = &both;
    net.serve = [](connection& peer) -> task<> { (void)co_await peer.receive(); };
    std::unique_ptr<stream> winner;
    const auto dialing = [&]() -> task<> {
        auto connecting = tcp::connect(endpoint::parse("example.org:80").value());
        winner = co_await checked(std::move(connecting));
    };
    sim.start(dialing());
    sim.advance(260ms);
    EXPECT_EQ(net.under_way, 2);
    both.wake_all();
    sim.settle();
    EXPECT_EQ(net.connected, 2);
    EXPECT_EQ(sim.running(), 1U);  // the server of the other one has met its end
    winner.reset();
    sim.settle();
    EXPECT_EQ(sim.running(), 0U);
}

TEST_F(Dial, IsOverWhenNobodyAnswersInTime)
{
    net.usual = net.silent();
    EXPECT_EQ(dial(), "connecting took too long after 3000");
    EXPECT_EQ(net.under_way, 0);
}

TEST_F(Dial, SoItIsWhenTheNameDoesNotResolveInTime)
{
    net.resolving = 1h;
    EXPECT_EQ(dial(), "connecting took too long after 3000");
}

TEST_F(Dial, SaysWhatTheServerSaidRatherThanThatThereIsNoWay)
{
    net.usual = net.unreachable();
    EXPECT_EQ(dial(), make_error_code(errc::network_unreachable).message() + " after 0");
    net.fates["2001:db8::2"] = net.refused();
    EXPECT_EQ(dial(), make_error_code(errc::connection_refused).message() + " after 0");
    EXPECT_EQ(dial("nowhere:80"), make_error_code(error::host_not_found).message() + " after 0");
}

TEST_F(Dial, TriesOnlyWhatCanBeReachedFromTheLocalAddress)
{
    const socket_options from_v4{.local_address = {{ip_address::parse("127.0.0.1").value()}}};
    EXPECT_EQ(dial("example.org:80", from_v4), "connected after 0");
    EXPECT_THAT(net.attempts, ElementsAre("192.0.2.1 at 0"));
    net.hosts["v6only"] = {dead_v6};
    EXPECT_EQ(dial("v6only:80", from_v4),
              make_error_code(errc::address_family_not_supported).message() + " after 0");
}

TEST_F(Dial, TellsOfEachAddressThatFailed)
{
    net.fates[dead_v6] = net.unreachable();
    net.fates["2001:db8::2"] = net.silent();
    net.fates[live_v4] = net.refused(1s);
    std::vector<std::string> told;
    connect_options options;
    options.on_address_failed = [&](const std::string& address, const error_code& why) {
        told.push_back(address + ": " + why.message());
    };
    EXPECT_EQ(sim.run(connect("example.org:80", options)).error(), error::connect_timeout);
    EXPECT_THAT(told, ElementsAre("[2001:db8::1]:80: Network is unreachable",
                                  "192.0.2.1:80: Connection refused",
                                  "[2001:db8::2]:80: connecting took too long"));
}

TEST_F(Dial, ADeadlineOfTheCallersOwnStaysATimeout)
{
    net.usual = net.silent();
    auto dialing = tcp::connect(endpoint::parse("example.org:80").value());
    EXPECT_EQ(sim.run(detail::lift(within(1s, std::move(dialing)))).error(), error::timeout);
    EXPECT_EQ(net.under_way, 0);
}

TEST(DialSteps, LeavesNothingBehindWhereverItIsCancelled)
{
    const std::size_t steps = testing::for_each_step([](std::size_t n) {
        SCOPED_TRACE(n);
        testing::simulation sim;
        scripted_network net(sim);
        net.hosts["example.org"] = {dead_v6, live_v4};
        net.fates[dead_v6] = net.answered(300ms);
        net.fates[live_v4] = net.answered(60ms);
        net.resolving = 5ms;
        net.serve = [](connection& peer) -> task<> { (void)co_await peer.receive(); };
        auto dialing = []() -> task<> {
            connect_options options;
            auto peer = co_await checked(connect("example.org:80", options));
            co_await checked(peer.receive());
        };
        sim.start(dialing());
        while (n > 0 && sim.step()) {
            --n;
        }
        sim.cancel();
        sim.advance(10s);
        EXPECT_EQ(sim.running(), 0U);
        EXPECT_EQ(net.under_way, 0);
        return n == 0;
    });
    EXPECT_GT(steps, 5U);
}

}  // namespace
}  // namespace libnet
