// Input: options, then datagrams: who (a byte: peer, and whether to prove itself), length, content.

#include "../support/datagram_network.hpp"
#include "fuzzing.hpp"

#include <libnet/policy/address_cookie.hpp>
#include <libnet/session/udp_server.hpp>
#include <libnet/testing/simulation.hpp>

#include <map>
#include <string>
#include <utility>

namespace {

using namespace libnet::tests;
using libnet::address_cookie;
using libnet::as_bytes;

constexpr std::size_t most_peers = 5;

libnet::task<> echo_twice(libnet::udp_peer& peer)
{
    while (auto message = co_await peer.receive()) {
        peer.send(*message);
        peer.send(*message);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz_input input(data, size);
    channel_script script;
    script.largest_segment = 0;
    libnet::testing::simulation sim;
    datagram_network net(sim.home(), script);
    libnet::udp_server_options options;
    options.peers.max_peers = most_peers;
    options.cookie = input.byte() % 2 != 0;
    libnet::udp_server server("127.0.0.1:0", libnet::udp_server::peer_session(echo_twice), options);
    sim.start(server.run());
    sim.settle();

    std::map<unsigned, std::string> challenges;  // what the peers were asked last
    std::size_t came = 0;
    std::size_t seen = 0;
    while (!input.empty()) {
        const auto first = static_cast<unsigned>(input.byte());
        const unsigned who = first % 16;
        std::string& challenge = challenges[who];
        std::string datagram = libnet::to_string(input.take(input.byte()));
        if (first >= 128 && !challenge.empty()) {
            const auto head = address_cookie::answer(as_bytes(challenge));
            datagram.insert(0, libnet::as_text(head));
        }
        came += datagram.size();
        script.arrive(datagram, host(who));
        sim.settle();
        for (; seen < script.sent.size(); ++seen) {
            const auto& sent = script.sent[seen];
            CHECK(sent.to == host(who));  // an answer goes to whoever asked
            if (address_cookie::is_challenge(as_bytes(sent.payload))) {
                CHECK(sent.payload.size() <= 3 * datagram.size());
                challenge = sent.payload;
            }
        }
        CHECK(server.stats().active <= most_peers);
        CHECK(server.stats().waiting == 0);
    }
    std::size_t left = 0;
    for (const auto& sent : script.sent) {
        left += sent.payload.size();
    }
    CHECK(left <= 3 * came);
    server.stop();
    sim.settle();
    CHECK(server.stats().active == 0);
    return 0;
}
