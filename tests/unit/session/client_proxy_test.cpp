#include "support/addresses.hpp"
#include "support/proxy_headers.hpp"

#include <libnet/session/connect.hpp>
#include <libnet/session/server.hpp>
#include <libnet/testing/simulated_network.hpp>
#include <libnet/testing/simulation.hpp>

#include <gmock/gmock.h>

#include <string>

/// A client that says for whom it connects, and a server that trusts it.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

task<std::string> whom_it_sees(const connect_options& options)
{
    auto peer = co_await checked(connect("10.0.0.9:9000", options));
    co_await checked(peer.send("hello"));
    const bytes reply = co_await checked(peer.receive());
    co_return to_string(reply);
}

struct world {
    world() : subject("10.0.0.9:9000", answer, trusting())
    {
        sim.start(on(sim.network().add_host("shop", {"10.0.0.9"}), subject.run()));
        sim.settle();
    }

    static server_options trusting()
    {
        server_options options;
        options.proxy = {.headers = proxy_protocol::required,
                         .trusted = {ip_network(v4(192, 0, 2, 1), 32)}};
        return options;
    }

    static task<> answer(connection& peer)
    {
        while (auto frame = co_await peer.receive()) {
            co_await peer.send(peer.peer());
        }
    }

    simulation sim;
    libnet::server subject;
};

TEST(ClientProxy, SaysForWhomItConnects)
{
    world w;
    const socket_address source{.address = v4(203, 0, 113, 7), .port = 4711};
    const socket_address destination{.address = v4(192, 0, 2, 9), .port = 443};
    for (const auto version : {proxy_header::version::v1, proxy_header::version::v2}) {
        connect_options options;
        options.proxy = proxy_header::for_client(source, destination, version);
        EXPECT_EQ(w.sim.run(whom_it_sees(options)).value(), proxied_client);
        options.proxy = proxy_header::for_nobody(version);
        EXPECT_THAT(w.sim.run(whom_it_sees(options)).value(), ::testing::StartsWith("192.0.2.1:"));
    }
    EXPECT_FALSE(w.sim.run(whom_it_sees(connect_options())));
}

TEST(ClientProxy, SendsNoneThatNobodyCouldRead)
{
    world w;
    connect_options options;
    options.proxy = proxy_header::for_nobody(proxy_header::version::v1);
    options.proxy->tlvs.add(proxy_tlv::type::noop, "");
    EXPECT_EQ(w.sim.run(whom_it_sees(options)).error(), error::refused_payload);
}

}  // namespace
