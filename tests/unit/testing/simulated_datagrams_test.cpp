#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/testing/simulation.hpp>
#include <libnet/testing/udp_relay.hpp>
#include <libnet/transport/udp_socket.hpp>

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace errc = boost::system::errc;

task<> echo(udp_socket& socket)
{
    while (auto received = co_await socket.receive()) {
        socket.reply(*received, received->payload());
    }
}

task<std::string> receive_text(udp_socket& socket)
{
    const datagram received = co_await checked(socket.receive());
    co_return to_string(received.payload());
}

/// All that comes until nothing has come for a while.
task<std::vector<std::string>> receive_all(udp_socket& socket)
{
    std::vector<std::string> texts;
    while (auto received = co_await within(30s, socket.receive())) {
        texts.push_back(to_string(received->payload()));
    }
    co_return texts;
}

struct SimulatedDatagrams : ::testing::Test {
    udp_socket connected(std::string where)
    {
        return sim.run(udp_socket::connect(where, options)).value();
    }

    void send_numbers(udp_socket& from, int count, duration apart = 1ms)
    {
        const auto sending = [](udp_socket& s, int n, duration pause) -> task<> {
            for (int i = 0; i < n; ++i) {
                (void)s.send(std::to_string(i));
                co_await checked(sleep_for(pause));
            }
        };
        sim.start(sending(from, count, apart));
    }

    simulation sim;
    simulated_network& net = sim.network();
    simulated_host& shop = net.add_host("shop", {"10.0.0.1", "2001:db8:1::1"});
    udp_options options;
    udp_socket server{sim.home(), "10.0.0.1:9000"};
};

TEST_F(SimulatedDatagrams, GoThereAndBack)
{
    net.link_all({.delay = 20ms});
    sim.start(echo(server));
    auto client = connected("shop:9000");
    const time_point began = sim.now();
    ASSERT_TRUE(client.send("hello"));
    EXPECT_EQ(sim.run(receive_text(client)).value(), "hello");
    EXPECT_EQ(sim.now() - began, 40ms);
    ASSERT_TRUE(client.send(""));
    EXPECT_EQ(sim.run(receive_text(client)).value(), "");
}

TEST_F(SimulatedDatagrams, ComeFromAnAddressAndAPort)
{
    auto client = connected("shop:9000");
    ASSERT_TRUE(client.send("hello"));
    const auto who = [](udp_socket& s) -> task<std::string> {
        const datagram received = co_await checked(s.receive());
        co_return received.from().to_string();
    };
    EXPECT_EQ(sim.run(who(server)).value(), client.local().to_string());
    EXPECT_EQ(client.local().address.to_string(), "192.0.2.1");
}

TEST_F(SimulatedDatagrams, HearOfTheirPeerAlone)
{
    auto client = connected("shop:9000");
    udp_socket stranger(sim.home(), "10.0.0.9:1000");
    ASSERT_TRUE(stranger.send_to(client.local(), "not asked for"));
    ASSERT_TRUE(server.send_to(client.local(), "asked for"));
    EXPECT_THAT(sim.run(receive_all(client)).value(), ElementsAre("asked for"));
}

TEST_F(SimulatedDatagrams, AreLostAndDoubledAndOvertaken)
{
    net.link_all({.loss = 0.1, .reorder = 0.1, .duplicate = 0.1});
    auto client = connected("shop:9000");
    send_numbers(client, 1000);
    auto received = sim.run(receive_all(server)).value();
    const auto number = [](const std::string& a, const std::string& b) {
        return std::stoi(a) < std::stoi(b);
    };
    EXPECT_FALSE(std::is_sorted(received.begin(), received.end(), number));
    EXPECT_NEAR(static_cast<double>(received.size()), 1000 * 0.9 * 1.1, 50);
    std::sort(received.begin(), received.end(), number);
    received.erase(std::unique(received.begin(), received.end()), received.end());
    EXPECT_NEAR(static_cast<double>(received.size()), 900, 40);
    EXPECT_EQ(1000 - received.size(), net.counts(net.here(), shop).lost);
}

TEST_F(SimulatedDatagrams, AreDamaged)
{
    net.link_all({.corrupt = 1});
    auto client = connected("shop:9000");
    ASSERT_TRUE(client.send("hello"));
    EXPECT_NE(sim.run(receive_text(server)).value(), "hello");
}

TEST_F(SimulatedDatagrams, AreRefusedWhereNobodyIs)
{
    std::vector<std::string> errors;
    options.on_error = [&](const datagram_error& e) {
        errors.push_back(e.peer.to_string() + ' ' + e.why.message());
    };
    auto client = connected("10.0.0.1:9001");
    ASSERT_TRUE(client.send("hello"));
    sim.run(receive_all(client));
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_THAT(errors[0], HasSubstr("10.0.0.1:9001 Connection refused"));

    auto nowhere = connected("10.0.0.200:9001");
    ASSERT_TRUE(nowhere.send("hello"));
    sim.run(receive_all(nowhere));
    ASSERT_EQ(errors.size(), 2U);
    EXPECT_THAT(errors[1], HasSubstr("10.0.0.200:9001 No route to host"));
}

TEST_F(SimulatedDatagrams, AreGoneWhenTheirMachineIsDown)
{
    auto client = connected("shop:9000");
    shop.go_down();
    ASSERT_TRUE(client.send("into silence"));
    sim.advance(1s);
    shop.come_up();
    ASSERT_TRUE(client.send("there again"));
    EXPECT_THAT(sim.run(receive_all(server)).value(), ElementsAre("there again"));
}

TEST_F(SimulatedDatagrams, FindNoRoomInAFullInbox)
{
    udp_options small;
    small.receive_buffer = 1000;
    udp_socket slow(sim.home(), "10.0.0.1:9002", small);
    auto client = connected("10.0.0.1:9002");
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(client.send(std::string(100, 'x')));
    }
    sim.settle();
    EXPECT_EQ(sim.run(receive_all(slow)).value().size(), 10U);
    EXPECT_EQ(slow.stats().dropped, 10U);
}

TEST_F(SimulatedDatagrams, SharePortsWithNobody)
{
    EXPECT_THROW(udp_socket(sim.home(), "10.0.0.1:9000"), boost::system::system_error);
    EXPECT_THROW(udp_socket(sim.home(), "nobody:9000"), boost::system::system_error);
    server.close();
    EXPECT_NO_THROW(udp_socket(sim.home(), "10.0.0.1:9000"));
}

// Each machine has a loopback of its own.
TEST_F(SimulatedDatagrams, OpenInTheNetworkOfTheirTask)
{
    udp_socket elsewhere(sim.home(), "127.0.0.1:7000");
    const auto ask_itself = []() -> task<std::string> {
        auto opening = udp_socket::open("127.0.0.1:7000");
        auto own = co_await checked(std::move(opening));
        const udp_options plain;
        auto connecting = udp_socket::connect("127.0.0.1:7000", plain);
        auto client = co_await checked(std::move(connecting));
        co_await checked(client.send("in the shop"));
        auto receiving = receive_text(own);
        co_return co_await std::move(receiving);
    };
    EXPECT_EQ(sim.run(on(shop, ask_itself())).value(), "in the shop");
    EXPECT_EQ(elsewhere.stats().received, 0U);
    const auto open = [](std::string where) -> task<> {
        const udp_options plain;
        auto opening = udp_socket::open(where, plain);
        (void)co_await std::move(opening);
    };
    EXPECT_THROW((void)sim.run(open("nonsense")), boost::system::system_error);
    EXPECT_THROW((void)sim.run(on(shop, open("10.0.0.1:9000"))), boost::system::system_error);
}

TEST_F(SimulatedDatagrams, AReceiveEndsWhenTheSocketCloses)
{
    const auto closing = [](udp_socket& s) -> task<> {
        co_await checked(sleep_for(1s));
        s.close();
    };
    sim.start(closing(server));
    EXPECT_EQ(sim.run(receive_text(server)).error(), error::closed);
}

std::string traced(std::uint64_t seed)
{
    simulation sim;
    sim.seed(seed);
    sim.network().keep_trace();
    sim.network().link_all({.loss = 0.2, .delay = 5ms, .jitter = 3ms, .reorder = 0.1});
    udp_socket server(sim.home(), "10.0.0.1:9000");
    sim.start(echo(server));
    const auto client = []() -> task<> {
        const udp_options plain;
        auto socket = co_await checked(udp_socket::connect("10.0.0.1:9000", plain));
        for (int i = 0; i < 50; ++i) {
            (void)socket.send(std::to_string(i));
            (void)co_await within(10ms, socket.receive());
        }
    };
    sim.start(client());
    sim.advance(5s);
    return sim.network().trace();
}

TEST(SimulatedDatagramTrace, IsTheSameForOneSeed)
{
    EXPECT_EQ(traced(1), traced(1));
    EXPECT_NE(traced(1), traced(2));
    EXPECT_THAT(traced(1), HasSubstr("sends a datagram 1 bytes, crc32c"));
}

struct UdpRelay : SimulatedDatagrams {
    void relay(relay_options how)
    {
        line.emplace("10.0.0.2:9000", "10.0.0.1:9000", std::move(how));
        sim.start(line->run());
        sim.settle();
    }

    std::optional<udp_relay> line;
};

TEST_F(UdpRelay, LetsDatagramsThroughAndBack)
{
    relay({.there = {.delay = 30ms}, .back = {.delay = 20ms}});
    sim.start(echo(server));
    auto one = connected("10.0.0.2:9000");
    auto other = connected("10.0.0.2:9000");
    const time_point began = sim.now();
    ASSERT_TRUE(one.send("one"));
    ASSERT_TRUE(other.send("other"));
    EXPECT_EQ(sim.run(receive_text(one)).value(), "one");
    EXPECT_EQ(sim.run(receive_text(other)).value(), "other");
    EXPECT_EQ(sim.now() - began, 50ms);
    EXPECT_EQ(line->stats().active, 2U);
    EXPECT_EQ(line->stats().there.bytes, 8U);
    sim.advance(61s);
    EXPECT_EQ(line->stats().active, 0U) << "nothing came for a minute";
    ASSERT_TRUE(one.send("again"));
    EXPECT_EQ(sim.run(receive_text(one)).value(), "again");
    EXPECT_EQ(line->stats().peers, 3U);
}

TEST_F(UdpRelay, DoesWithThemWhatItIsTold)
{
    relay({.there = {.loss = 0.2, .duplicate = 0.1}, .seed = 3});
    auto client = connected("10.0.0.2:9000");
    send_numbers(client, 1000);
    const auto received = sim.run(receive_all(server)).value();
    const relay_stats stats = line->stats();
    EXPECT_EQ(stats.there.packets, 1000U);
    EXPECT_EQ(received.size(), 1000 - stats.there.lost + stats.there.duplicated);
    EXPECT_NEAR(static_cast<double>(stats.there.lost), 200, 40);
}

TEST_F(UdpRelay, KeepsItsBounds)
{
    relay({.there = {.delay = 1s}, .under_way = 1000, .max_peers = 1});
    auto client = connected("10.0.0.2:9000");
    auto surplus = connected("10.0.0.2:9000");
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(client.send(std::string(100, 'x')));
    }
    sim.settle();
    ASSERT_TRUE(surplus.send("nobody hears it"));
    const auto received = sim.run(receive_all(server)).value();
    EXPECT_EQ(received.size(), 10U);
    EXPECT_EQ(line->stats().peers, 1U);
    EXPECT_EQ(line->stats().dropped, 11U);
}

TEST_F(UdpRelay, EndsWhenItIsCancelled)
{
    relay({});
    auto client = connected("10.0.0.2:9000");
    ASSERT_TRUE(client.send("hello"));
    EXPECT_EQ(sim.run(receive_text(server)).value(), "hello");
    sim.cancel();
    sim.settle();
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_EQ(line->stats().active, 0U);
}

TEST_F(UdpRelay, StandsOnAMachineOfTheNetwork)
{
    simulated_host& gateway = net.add_host("gateway", {"10.0.0.3"});
    line.emplace("127.0.0.1:9000", "10.0.0.1:9000");
    sim.start(on(gateway, line->run()));
    sim.start(echo(server));
    const auto ask = []() -> task<std::string> {
        const udp_options plain;
        auto connecting = udp_socket::connect("127.0.0.1:9000", plain);
        auto client = co_await checked(std::move(connecting));
        co_await checked(client.send("through the gateway"));
        auto receiving = receive_text(client);
        co_return co_await std::move(receiving);
    };
    EXPECT_EQ(sim.run(on(gateway, ask())).value(), "through the gateway");
}

TEST_F(UdpRelay, RefusesWhatIsNoEndpoint)
{
    EXPECT_THROW(udp_relay("here", "10.0.0.1:9000"), boost::system::system_error);
    EXPECT_THROW(udp_relay("10.0.0.2:9000", "unix:/x"), boost::system::system_error);
}

}  // namespace
