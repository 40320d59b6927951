#include "../support/datagram_network.hpp"

#include <libnet/libnet.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <iostream>
#include <string>
#include <utility>

namespace {

using namespace libnet;
using namespace libnet::literals;

// [echo]
task<> echo(udp_socket& socket)
{
    while (auto received = co_await socket.receive()) {
        socket.reply(*received, received->payload());
    }
}
// [end]

// [serve]
task<> serve()
{
    udp_server server("127.0.0.1:9000", echo);
    co_await checked(server.run());
}
// [end]

// [send]
task<> send_surely(udp_socket& socket, socket_address to, std::string text)
{
    while (!socket.send_to(to, text)) {
        co_await checked(socket.flush());
    }
}
// [end]

// [errors]
udp_options that_tell_of_errors()
{
    udp_options options;
    options.on_error = [](const datagram_error& e) {
        std::clog << e.peer.to_string() << ": " << e.why.message() << '\n';
    };
    return options;
}
// [end]

// [per_peer]
task<> count_for(udp_peer& peer)
{
    std::size_t count = 0;  // state of this peer, for as long as it is there
    while (auto message = co_await peer.receive()) {
        ++count;
        peer.send(std::to_string(count) + " from you");
    }
}
// [end]

// [limits]
udp_server_options for_the_open_internet()
{
    udp_server_options options;
    options.peers.max_peers = 100'000;
    options.peers.new_peers_per_second = 5'000;
    options.peers.idle_timeout = 30s;
    options.inbox_size = 16_KiB;
    options.cookie = true;
    return options;
}
// [end]

// [client]
task<std::string> ask(std::string question)
{
    udp_client_options options;
    options.timeout = 3s;
    options.retransmission.attempts = 4;
    auto connecting = udp_client::connect("localhost:9000", options);
    auto server = co_await checked(std::move(connecting));
    auto asking = server.request(std::move(question));
    co_return co_await std::move(asking);
}
// [end]

// [group]
task<> listen_to_announcements()
{
    udp_options options;
    options.reuse_address = true;  // others on this machine may listen as well
    auto opening = udp_socket::open("0.0.0.0:5353", options);
    auto socket = co_await checked(std::move(opening));
    co_await checked(socket.join(ip_address::parse("224.0.0.251").value()));
    while (auto received = co_await socket.receive()) {
        std::clog << received->from().to_string() << ": " << received->size() << " bytes\n";
    }
}
// [end]

class UdpPage : public ::testing::Test {
protected:
    UdpPage() { script.largest_segment = 0; }

    tests::channel_script script;
    libnet::testing::simulation sim;
    tests::datagram_network net{sim.home(), script};
};

TEST_F(UdpPage, Echoes)
{
    sim.start(serve());
    sim.settle();
    script.arrive("hello", tests::host(3));
    sim.settle();
    ASSERT_EQ(script.sent.size(), 1U);
    EXPECT_EQ(script.sent[0].to, tests::host(3));
    sim.cancel();
    sim.settle();
}

TEST_F(UdpPage, CountsForEachPeer)
{
    udp_server_options options = for_the_open_internet();
    options.cookie = false;
    udp_server server("127.0.0.1:9000", count_for, options);
    sim.start(server.run());
    sim.settle();
    for (const unsigned number : {1U, 2U, 1U}) {
        script.arrive("hello, who is there?", tests::host(number));
        sim.settle();
    }
    ASSERT_EQ(script.sent.size(), 3U);
    EXPECT_EQ(script.sent[1].payload, "1 from you");
    EXPECT_EQ(script.sent[2].payload, "2 from you");
    sim.advance(30s);
    EXPECT_EQ(server.stats().active, 0U);
}

TEST_F(UdpPage, AsksAndGivesUp)
{
    EXPECT_EQ(sim.run(ask("anybody?")).error(), error::timeout);
    EXPECT_EQ(script.sent.size(), 4U);
}

TEST_F(UdpPage, SendsAndHearsAGroup)
{
    udp_socket socket(sim.home(), "127.0.0.1:0", that_tell_of_errors());
    EXPECT_TRUE(sim.run(send_surely(socket, tests::host(1), "hello")));
    EXPECT_EQ(script.sent.size(), 1U);
    sim.start(listen_to_announcements());
    sim.settle();
    EXPECT_TRUE(script.waits_to_read);
}

}  // namespace
