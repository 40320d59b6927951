#pragma once

#include "authority.hpp"

#include <libnet/policy/admission.hpp>
#include <libnet/testing/simulation.hpp>
#include <libnet/testing/stream_pair.hpp>
#include <libnet/tls.hpp>

#include <memory>
#include <string>
#include <utility>

namespace libnet::tests {

/// One authority for all tests of a program, and what it has signed for "localhost".
inline const authority& root()
{
    static const authority made;
    return made;
}

inline const tls_certificate& localhost()
{
    static const tls_certificate made = root().issue();
    return made;
}

inline tls_server_options server_options_for(const tls_certificate& own = localhost())
{
    tls_server_options options;
    options.certificates = {own};
    options.handshakes_per_second = no_limit;  // every simulation begins at the same time
    return options;
}

inline tls_client_options trusting_client()
{
    tls_client_options options;
    options.authorities = root().pem();
    return options;
}

struct shaken {
    result<std::unique_ptr<stream>> client = error::no_value;
    result<std::unique_ptr<stream>> server = error::no_value;
};

inline task<> shake_hands(tls_context context, std::unique_ptr<stream> below, std::string host,
                          result<std::unique_ptr<stream>>& into)
{
    endpoint where{.host = std::move(host), .port = 1};
    auto building = context(std::move(below), std::move(where));
    into = co_await std::move(building);
}

/// Lets both ends of a pair shake hands, as long as that takes in the simulation's time.
inline shaken shake_hands(testing::simulation& sim, testing::stream_pair& between,
                          const tls_context& client, const tls_context& server,
                          const std::string& host = "localhost")
{
    shaken both;
    sim.start(shake_hands(client, between.take_left(), host, both.client));
    sim.start(shake_hands(server, between.take_right(), "", both.server));
    sim.advance(std::chrono::seconds(15));
    return both;
}

inline shaken shake_hands(testing::simulation& sim, const tls_context& client,
                          const tls_context& server, const std::string& host = "localhost")
{
    testing::stream_pair between(sim.home());
    return shake_hands(sim, between, client, server, host);
}

}  // namespace libnet::tests
