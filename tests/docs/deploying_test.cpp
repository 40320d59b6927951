#include <libnet/libnet.hpp>
#include <libnet/testing/simulated_network.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <set>
#include <string>

namespace {

using namespace libnet;
using namespace libnet::literals;

// [behind]
server_options behind_a_balancer()
{
    server_options options;
    options.proxy.headers = proxy_protocol::required;
    options.proxy.trusted = {ip_network::parse("10.0.0.0/24").value()};  // who the balancers are
    options.admission.max_per_address = 20;  // of the clients, not of the balancers
    return options;
}
// [end]

// [asking]
task<> greet(connection& peer)
{
    std::string greeting = "hello, " + peer.peer();  // "203.0.113.7:4711": the client
    if (const proxy_info* proxy = peer.transport().proxy()) {
        greeting += ", through " + proxy->balancer;
        if (const auto host = proxy->header.tlvs.find(proxy_tlv::type::authority)) {
            greeting += ", to " + to_string(*host);  // what SNI asked the balancer for
        }
    }
    co_await checked(peer.send(greeting));
}
// [end]

// [sending]
task<connection> connect_for(socket_address client, socket_address asked_for)
{
    connect_options options;
    options.proxy = proxy_header::for_client(client, asked_for);
    options.proxy->tlvs.add(proxy_tlv::type::authority, "example.org");
    co_return co_await connect("10.0.0.11:9001", options);
}
// [end]

TEST(DeployingPage, ItsBalancerAndItsServerUnderstandEachOther)
{
    libnet::testing::simulation sim;
    libnet::server server("10.0.0.11:9001", greet, behind_a_balancer());
    auto& balancer = sim.network().add_host("balancer", {"10.0.0.5"});
    sim.start(libnet::testing::on(sim.network().add_host("one", {"10.0.0.11"}), server.run()));
    sim.settle();
    std::string heard;
    auto ask = [](std::string& answer) -> task<> {
        const socket_address client{.address = ip_address::parse("203.0.113.7").value(),
                                    .port = 4711};
        const socket_address site{.address = ip_address::parse("192.0.2.1").value(), .port = 443};
        auto connecting = connect_for(client, site);
        connection peer = co_await checked(std::move(connecting));
        answer = to_string(co_await checked(peer.receive()));
    };
    EXPECT_TRUE(sim.run(libnet::testing::on(balancer, ask(heard))));
    EXPECT_TRUE(heard.starts_with("hello, 203.0.113.7:4711, through 10.0.0.5:")) << heard;
    EXPECT_TRUE(heard.ends_with(", to example.org")) << heard;
}

TEST(DeployingPage, ListsEveryReasonWithItsText)
{
    std::multiset<std::string> shown;
    std::ifstream page(DEPLOYING_PAGE);
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with("| `proxy_error::")) {
            shown.insert(line);
        }
    }
    std::multiset<std::string> known;
    for (int number = 1; name_of(static_cast<proxy_error>(number)) != std::string("unknown");
         ++number) {
        const auto e = static_cast<proxy_error>(number);
        known.insert("| `proxy_error::" + std::string(name_of(e)) + "` | " +
                     error_code(e).message() + " |");
    }
    EXPECT_EQ(shown, known);
}

}  // namespace
