#include "support/lines.hpp"
#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/session/connect.hpp>
#include <libnet/session/server.hpp>
#include <libnet/testing/simulated_network.hpp>
#include <libnet/testing/simulation.hpp>
#include <libnet/transport/tcp.hpp>

#include <boost/system/system_error.hpp>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;
using namespace std::chrono_literals;
namespace errc = boost::system::errc;
using ::testing::HasSubstr;

struct SimulatedNetwork : ::testing::Test {
    void serve(std::string where, server::session session = echo)
    {
        server_options options;
        options.connection.framing = delimited("\n");
        servers.push_back(std::make_unique<server>(where, std::move(session), std::move(options)));
        sim.start(on(shop, servers.back()->run()));
        sim.settle();
    }

    time_point now() const { return sim.now(); }

    simulation sim;
    simulated_network& net = sim.network();
    simulated_host& shop = net.add_host("shop", {"10.0.0.1", "2001:db8:1::1"});
    std::vector<std::unique_ptr<server>> servers;
};

TEST_F(SimulatedNetwork, CarriesSessionsServersAndClientsUnchanged)
{
    serve("10.0.0.1:9000");
    EXPECT_EQ(sim.run(ask("10.0.0.1:9000", "hello")).value(), "hello");
    EXPECT_EQ(sim.run(ask("shop:9000", "by name")).value(), "by name");
    EXPECT_EQ(servers[0]->stats().accepted, 2U);
    EXPECT_EQ(servers[0]->stats().active, 0U);
    EXPECT_EQ(shop.connections(), 0U);
}

TEST_F(SimulatedNetwork, SaysWhoTalksToWhom)
{
    serve("10.0.0.1:9000", [](connection& peer) -> task<> {
        co_await checked(peer.receive());
        co_await checked(peer.send(peer.info().local + " " + peer.info().peer));
    });
    EXPECT_EQ(sim.run(ask("shop:9000", "who")).value(), "10.0.0.1:9000 192.0.2.1:32768");
    EXPECT_EQ(sim.run(ask("shop:9000", "who")).value(), "10.0.0.1:9000 192.0.2.1:32769");
    simulated_host& other = net.add_host("other", {"10.0.0.7"});
    EXPECT_EQ(sim.run(on(other, ask("shop:9000", "who"))).value(), "10.0.0.1:9000 10.0.0.7:32768");
}

TEST_F(SimulatedNetwork, ATaskThatWasStartedOnAMachineIsThereUntilItsEnd)
{
    serve("shop:9000", [](connection& peer) -> task<> {
        co_await checked(receive_text(peer));
        co_await checked(peer.send(peer.peer()));
    });
    simulated_host& other = net.add_host("other", {"10.0.0.7"});
    std::string answer;
    auto asking = [&]() -> task<> { answer = co_await checked(ask("shop:9000", "who")); };
    auto all = [&](group& g) -> task<> {
        const auto start = [&]() -> task<> {
            g.start(asking());
            co_return;
        };
        co_await checked(on(other, start()));
        co_await checked(g.join());  // only now it begins
    };
    EXPECT_TRUE(sim.run(with_group(all)));
    EXPECT_EQ(answer.substr(0, 9), "10.0.0.7:");
}

TEST_F(SimulatedNetwork, ListensOnAllAddressesOrOne)
{
    serve(":9000");
    serve("[2001:db8:1::1]:9001");
    EXPECT_TRUE(sim.run(ask("10.0.0.1:9000", "x")));
    EXPECT_TRUE(sim.run(ask("[2001:db8:1::1]:9000", "x")));
    EXPECT_TRUE(sim.run(ask("[2001:db8:1::1]:9001", "x")));
    EXPECT_EQ(sim.run(ask("10.0.0.1:9001", "x")).error(), errc::connection_refused);
    EXPECT_TRUE(sim.run(ask("shop:9001", "x"))) << "the second address answers";
    EXPECT_TRUE(sim.run(on(shop, ask("localhost:9000", "x"))));
    EXPECT_EQ(sim.run(ask("localhost:9000", "x")).error(), errc::connection_refused)
        << "each machine has its own";
    EXPECT_EQ(shop.listeners(), 2U);
}

TEST_F(SimulatedNetwork, RefusesToListenTwiceOrElsewhere)
{
    const auto listen = [&](simulated_host& host, std::string where) -> std::string {
        try {
            (void)host.listen(endpoint::parse(where).value(), {});
        } catch (const boost::system::system_error& failed) {
            return failed.what();
        }
        return "listens";
    };
    serve("10.0.0.1:9000");
    EXPECT_THAT(listen(shop, "10.0.0.1:9000"),
                HasSubstr("cannot listen on 10.0.0.1:9000: Address"));
    EXPECT_THAT(listen(shop, ":9000"), HasSubstr("in use"));
    EXPECT_THAT(listen(shop, "10.0.0.2:9000"), HasSubstr("Cannot assign"));
    EXPECT_THAT(listen(shop, "nobody:9000"), HasSubstr("does not resolve"));
    EXPECT_EQ(listen(shop, "[2001:db8:1::1]:9000"), "listens");
    EXPECT_EQ(listen(shop, "127.0.0.1:9000"), "listens");
    EXPECT_EQ(listen(net.here(), "10.0.0.1:9001"), "listens") << "tests may listen everywhere";
    EXPECT_EQ(listen(net.here(), "10.9.9.9:9000"), "listens");
    EXPECT_EQ(net.host("10.9.9.9").addresses().size(), 1U);
    EXPECT_EQ(listen(shop, "unix:/run/x"), "listens") << "and closes again";
    EXPECT_EQ(listen(shop, "unix:/run/x"), "listens");
}

TEST_F(SimulatedNetwork, PicksAPort)
{
    const auto one = shop.listen({"", 0, {}}, {});
    const auto two = shop.listen({"10.0.0.1", 0, {}}, {});
    EXPECT_NE(one->local(), two->local());
    EXPECT_THAT(one->local(), ::testing::StartsWith("[::]:"));
}

TEST_F(SimulatedNetwork, HasUnixSocketsOnEachMachine)
{
    serve("unix:/run/shop.sock");
    EXPECT_EQ(sim.run(on(shop, ask("unix:/run/shop.sock", "hello"))).value(), "hello");
    EXPECT_EQ(sim.run(ask("unix:/run/shop.sock", "hello")).error(),
              errc::no_such_file_or_directory);
}

TEST_F(SimulatedNetwork, ResolvesNames)
{
    serve("[2001:db8:1::1]:9000");
    net.name("api.example",
             {.addresses = {"10.0.0.9", "10.0.0.1", "2001:db8:1::1"}, .delay = 30ms});
    net.name("gone.example", {});
    net.name("slow.example", {.delay = never});
    const time_point began = now();
    EXPECT_EQ(sim.run(ask("api.example:9000", "hello")).value(), "hello");
    EXPECT_EQ(now() - began, 30ms);
    EXPECT_EQ(sim.run(ask("gone.example:9000", "hello")).error(), error::host_not_found);
    EXPECT_EQ(sim.run(ask("unknown.example:9000", "hello")).error(), error::host_not_found);
    EXPECT_EQ(sim.run(ask("slow.example:9000", "hello")).error(), error::connect_timeout);
    net.name("shop", {.addresses = {"10.0.0.200"}});
    EXPECT_EQ(sim.run(ask("shop:9000", "hello")).error(), errc::host_unreachable);
}

TEST_F(SimulatedNetwork, TakesItsTime)
{
    net.link_all({.delay = 20ms});
    serve("10.0.0.1:9000");
    const time_point began = now();
    const connect_options options = lines();
    auto peer = sim.run(connect("shop:9000", options)).value();
    EXPECT_EQ(now() - began, 40ms) << "there and back";
    EXPECT_EQ(sim.run(ask(peer, "hello")).value(), "hello");
    EXPECT_EQ(now() - began, 80ms);
    net.link(net.here(), shop, {.delay = 1s});
    EXPECT_EQ(sim.run(ask(peer, "hello")).value(), "hello");
    EXPECT_EQ(now() - began, 2080ms);
    sim.run(peer.close());
}

TEST_F(SimulatedNetwork, KeepsABound)
{
    net.link_all({.delay = 100ms});
    std::uint64_t received = 0;
    serve("10.0.0.1:9000", [&](connection& peer) -> task<> {
        while (auto frame = co_await peer.receive()) {
            received += frame->size();
        }
    });
    connect_options options = lines();
    options.connection.send_timeout = never;
    auto peer = sim.run(connect("shop:9000", options)).value();
    const auto flood = [](connection& to) -> task<> {
        const std::string line(1023, 'x');
        for (;;) {
            co_await checked(to.send(line));
        }
    };
    sim.start(flood(peer));
    sim.advance(10s);
    // 64 KiB each time until they have arrived: what TCP does with a window of that size.
    EXPECT_NEAR(static_cast<double>(received), 100 * 64 * 1023, 3 * 64 * 1023);
    sim.cancel();
    sim.settle();
}

TEST_F(SimulatedNetwork, LetsThroughSoManyBytesASecond)
{
    net.link_all({.rate = 100'000});
    std::uint64_t received = 0;
    serve("10.0.0.1:9000", [&](connection& peer) -> task<> {
        while (auto frame = co_await peer.receive()) {
            received += frame->size() + 1;
        }
    });
    const auto flood = []() -> task<> {
        const connect_options options = lines();
        auto peer = co_await checked(connect("shop:9000", options));
        const std::string line(999, 'x');
        for (;;) {
            co_await checked(peer.send(line));
        }
    };
    sim.start(flood());
    sim.start(flood());
    sim.advance(20s);
    EXPECT_NEAR(static_cast<double>(received), 2e6, 1.5e5) << "together";
    sim.cancel();
    sim.settle();
}

TEST_F(SimulatedNetwork, LosesNothingOfAStreamButTime)
{
    net.link_all({.loss = 0.2,
                  .burst = burst_loss{.begin = 0.05, .end = 0.5},
                  .delay = 5ms,
                  .jitter = 20ms});
    serve("10.0.0.1:9000");
    const auto ask_often = []() -> task<std::string> {
        const connect_options options = lines(60s);
        auto peer = co_await checked(connect("shop:9000", options));
        std::string all;
        for (int i = 0; i < 200; ++i) {
            all += co_await checked(ask(peer, std::to_string(i))) + ' ';
        }
        co_return all;
    };
    const time_point began = now();
    std::string expected;
    for (int i = 0; i < 200; ++i) {
        expected += std::to_string(i) + ' ';
    }
    EXPECT_EQ(sim.run(ask_often()).value(), expected);
    EXPECT_GT(net.counts(net.here(), shop).lost, 20U);
    EXPECT_GT(now() - began, 10s);
}

TEST_F(SimulatedNetwork, DamagesWhatIsChecked)
{
    serve("10.0.0.1:9000");
    net.link_one_way(net.here(), shop, {.corrupt = 1});
    const std::string sent(64, 'x');
    EXPECT_NE(sim.run(ask("shop:9000", sent)).value(), sent);
    EXPECT_EQ(net.counts(net.here(), shop).corrupted, 1U);
    EXPECT_EQ(net.counts(shop, net.here()).corrupted, 0U);
}

TEST_F(SimulatedNetwork, ABlackHoleAnswersNobody)
{
    serve("10.0.0.1:9000");
    net.block(net.here(), shop);
    const time_point began = now();
    EXPECT_EQ(sim.run(ask("10.0.0.1:9000", "x")).error(), error::connect_timeout);
    EXPECT_EQ(now() - began, 3s);
    EXPECT_EQ(sim.run(ask("10.0.0.1:9000", "x", never)).error(), errc::timed_out);
    EXPECT_EQ(now() - began, 3s + 127s);
}

TEST_F(SimulatedNetwork, AConnectionOutlivesASilenceThatEnds)
{
    serve("10.0.0.1:9000");
    const connect_options options = lines();
    auto peer = sim.run(connect("shop:9000", options)).value();
    EXPECT_TRUE(sim.run(ask(peer, "before")));
    net.block(net.here(), shop);
    const time_point began = now();
    EXPECT_EQ(sim.run(ask_within(5s, peer, "meanwhile")).error(), error::timeout);
    net.unblock(net.here(), shop);
    EXPECT_EQ(sim.run(receive_text(peer)).value(), "meanwhile");
    EXPECT_EQ(now() - began, 5s);
    sim.run(peer.close());
}

TEST_F(SimulatedNetwork, AHostGoesDownAndComesUpAgain)
{
    net.link_all({.delay = 10ms});
    serve("10.0.0.1:9000");
    const connect_options options = lines();

    auto peer = sim.run(connect("shop:9000", options)).value();
    shop.go_down(outage::refused);
    EXPECT_EQ(sim.run(peer.receive()).error(), errc::connection_reset);
    EXPECT_EQ(sim.run(ask("10.0.0.1:9000", "x")).error(), errc::connection_refused);
    shop.come_up();
    EXPECT_TRUE(sim.run(ask("10.0.0.1:9000", "x"))) << "its listener is there";

    shop.go_down(outage::unreachable);
    EXPECT_EQ(sim.run(ask("10.0.0.1:9000", "x")).error(), errc::host_unreachable);
    shop.come_up();
    EXPECT_TRUE(sim.run(ask("10.0.0.1:9000", "x")));

    shop.go_down();
    const time_point began = now();
    sim.start([](simulated_host& host) -> task<> {
        co_await checked(sleep_for(4s));
        host.come_up();
    }(shop));
    EXPECT_TRUE(sim.run(ask("10.0.0.1:9000", "x", 30s)));
    EXPECT_EQ(now() - began, 7s + 60ms) << "the attempts after 1 and 3 s were in vain";
}

TEST_F(SimulatedNetwork, ConnectionsAreCut)
{
    serve("10.0.0.1:9000");
    const connect_options options = lines();
    auto first = sim.run(connect("shop:9000", options)).value();
    net.cut_connections(net.here(), shop);
    EXPECT_EQ(sim.run(first.receive()).error(), errc::connection_reset);
    EXPECT_EQ(servers[0]->stats().active, 0U) << "both ends know";

    auto second = sim.run(connect("shop:9000", options)).value();
    EXPECT_TRUE(sim.run(ask(second, "x")));
    shop.cut_connections(severance::silence);
    EXPECT_EQ(sim.run(ask_within(10s, second, "x")).error(), error::timeout);
    EXPECT_EQ(servers[0]->stats().active, 1U) << "neither end knows";
    sim.advance(66s);
    EXPECT_EQ(servers[0]->stats().active, 0U) << "but for its idle timeout";
}

TEST_F(SimulatedNetwork, ALineCutsStreamsAfterSoManyBytes)
{
    serve("10.0.0.1:9000");
    net.link_one_way(net.here(), shop, {.cut_after = 8});
    const connect_options options = lines();
    auto peer = sim.run(connect("shop:9000", options)).value();
    EXPECT_TRUE(sim.run(ask(peer, "one")));
    EXPECT_EQ(sim.run(ask(peer, "two")).error(), errc::connection_reset);
    net.link_one_way(net.here(), shop, {.silent_after = 4});
    auto other = sim.run(connect("shop:9000", options)).value();
    EXPECT_TRUE(sim.run(ask(other, "one")));
    EXPECT_EQ(sim.run(ask_within(10s, other, "two")).error(), error::timeout);
}

TEST_F(SimulatedNetwork, BytesThatNobodyReadsAreAnsweredByAReset)
{
    net.link_all({.delay = 10ms});
    serve("10.0.0.1:9000", [](connection&) -> task<> { co_return; });
    auto transport = sim.run(tcp::connect({"shop", 9000, {}})).value();
    connection_options options;
    options.framing = delimited("\n");
    connection peer(std::move(transport), options);
    EXPECT_EQ(sim.run(peer.receive()).error(), error::closed);
    sim.advance(10s);
    EXPECT_TRUE(sim.run(peer.send("too late")));
    sim.advance(1s);
    const auto sent = sim.run(send_all(peer, {"and again"}));
    EXPECT_TRUE(sent.has_error()) << "the reset has come";
}

TEST_F(SimulatedNetwork, AFullBacklogDoesNotAnswer)
{
    const auto listening = shop.listen({"10.0.0.1", 9000, {}}, {.backlog = 2});
    std::vector<std::unique_ptr<stream>> clients;
    for (int i = 0; i < 2; ++i) {
        clients.push_back(sim.run(tcp::connect({"shop", 9000, {}})).value());
    }
    EXPECT_EQ(sim.run(tcp::connect({"10.0.0.1", 9000, {}}, {}, 2s)).error(),
              error::connect_timeout);
    const auto accepted = sim.run(listening->accept());
    EXPECT_TRUE(sim.run(tcp::connect({"10.0.0.1", 9000, {}}, {}, 2s)));
}

// A program's server is mostly made before what it runs in.
TEST(SimulatedServer, MayOutliveItsSimulation)
{
    server outlives("127.0.0.1:9000", echo);
    {
        simulation sim;
        sim.start(outlives.run());
        const auto client = sim.run(tcp::connect({"127.0.0.1", 9000, {}})).value();
    }
    EXPECT_EQ(outlives.stats().active, 0U);
}

TEST_F(SimulatedNetwork, ConnectingCanBeCancelled)
{
    net.link_all({.delay = 1s});
    serve("10.0.0.1:9000");
    EXPECT_EQ(sim.run(ask("10.0.0.1:9000", "x", 1500ms)).error(), error::connect_timeout);
    sim.advance(10s);
    EXPECT_EQ(servers[0]->stats().accepted, 1U) << "the server had heard of it";
    EXPECT_EQ(servers[0]->stats().active, 0U);
    EXPECT_EQ(shop.connections(), 0U);
}

TEST_F(SimulatedNetwork, PortsOfAMachineAreLentAndGivenBack)
{
    net.here().limit_ports(20);
    serve("10.0.0.1:9000");
    const auto connect = [this] { return sim.run(tcp::connect({"10.0.0.1", 9000, {}})); };
    for (int i = 0; i < 50; ++i) {
        EXPECT_TRUE(connect());
    }
    std::vector<std::unique_ptr<stream>> held;
    for (int i = 0; i < 20; ++i) {
        held.push_back(connect().value());
    }
    EXPECT_EQ(connect().error(), errc::address_not_available);
    held.pop_back();
    sim.advance(1s);
    EXPECT_TRUE(connect());
}

TEST_F(SimulatedNetwork, AMachineLendsAsManyPortsAsLinuxDoes)
{
    serve("10.0.0.1:9000");
    const auto first = sim.run(tcp::connect({"10.0.0.1", 9000, {}}));
    EXPECT_EQ(first.value()->local(), "192.0.2.1:32768");
}

TEST_F(SimulatedNetwork, RefusesMachinesThatAreThere)
{
    EXPECT_THROW(net.add_host("shop", {"10.0.0.2"}), std::invalid_argument);
    EXPECT_THROW(net.add_host("shop2", {"10.0.0.1"}), std::invalid_argument);
    EXPECT_THROW(net.add_host("shop2", {"10.0.0"}), std::invalid_argument);
    EXPECT_THROW(net.host("shop2"), std::out_of_range);
    EXPECT_THROW(net.name("x", {.addresses = {"y"}}), std::invalid_argument);
    EXPECT_THROW(net.link_all({.loss = 2}), std::invalid_argument);
}

}  // namespace
