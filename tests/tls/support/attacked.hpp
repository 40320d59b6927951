#pragma once

#include "openssl_peer.hpp"
#include "support/sessions.hpp"
#include "tls_pair.hpp"

#include <libnet/framing/raw.hpp>

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <optional>

namespace libnet::tests {

/// A server's end over TLS, whose client is in the hands of the test.
struct attacked {
    explicit attacked(const std::function<void(SSL_CTX*)>& adjust = {},
                      connection_options options = {.framing = raw{}},
                      task<> (*session)(connection&) = echo)
        : between(sim.home(), {.capacity = 4_MiB}, {.capacity = 4_MiB}),
          client(sim, between.take_left(), adjust)
    {
        static const auto context = tls_context::server(server_options_for());
        sim.start(tests::shake_hands(context, between.take_right(), "", made));
        shaken = client.shake_hands();
        sim.settle();
        if (made) {
            server.emplace(std::move(*made), std::move(options));
            sim.serve(*server, session);
        }
    }

    testing::simulation sim;
    testing::stream_pair between;
    openssl_peer client;
    result<std::unique_ptr<stream>> made = error::no_value;
    std::optional<connection> server;
    bool shaken = false;
};

inline void only(SSL_CTX* context, int version)
{
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
}

}  // namespace libnet::tests
