#pragma once

#include "openssl_peer.hpp"
#include "tls_pair.hpp"

#include <libnet/testing/stream_pair.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <optional>

namespace libnet::tests {

/// A client of OpenSSL's own that would go on for ever: it shows the newest ticket that it got, however
/// old that is in the time of the simulation.
class foreign_client {
public:
    explicit foreign_client(std::optional<tls_certificate> own = std::nullopt)
        : own_(std::move(own))
    {
    }
    foreign_client(const foreign_client&) = delete;
    foreign_client& operator=(const foreign_client&) = delete;
    ~foreign_client() { SSL_SESSION_free(newest_); }

    /// Connects, and says whether it went on with its session.
    bool resumes(testing::simulation& sim, const tls_context& server)
    {
        testing::stream_pair between(sim.home());
        openssl_peer client(sim, between.take_left(), [&](SSL_CTX* context) {
            if (own_) {
                openssl_peer::show(context, *own_);
            }
        });
        if (newest_ != nullptr) {
            SSL_set_session(client.ssl(), newest_);
        }
        result<std::unique_ptr<stream>> made = error::no_value;
        sim.start(tests::shake_hands(server, between.take_right(), "", made));
        EXPECT_TRUE(client.shake_hands());
        EXPECT_TRUE(made);
        (void)client.hear();  // the tickets
        SSL_SESSION_free(newest_);
        newest_ = SSL_SESSION_dup(SSL_get0_session(client.ssl()));  // it ends with its connection
        return SSL_session_reused(client.ssl()) == 1;
    }

    std::chrono::seconds announced_lifetime() const
    {
        return std::chrono::seconds(
            static_cast<long>(SSL_SESSION_get_ticket_lifetime_hint(newest_)));
    }

private:
    std::optional<tls_certificate> own_;
    SSL_SESSION* newest_ = nullptr;
};

/// A server of OpenSSL's own that takes every ticket it ever gave in the time of the simulation, and
/// gives a new one each time.
class foreign_server {
public:
    explicit foreign_server(tls_certificate shown,
                            std::chrono::seconds announced = std::chrono::hours(2))
        : shown_(std::move(shown)), announced_(announced)
    {
    }

    bool resumes(testing::simulation& sim, const tls_context& client) const
    {
        testing::stream_pair between(sim.home());
        openssl_peer server(
            sim, between.take_left(),
            [&](SSL_CTX* context) {
                std::array<unsigned char, 80> keys{};  // the same for each connection
                SSL_CTX_set_tlsext_ticket_keys(context, keys.data(), keys.size());
                SSL_CTX_set_timeout(context, announced_.count());
                openssl_peer::show(context, shown_);
            },
            openssl_peer::role::server);
        result<std::unique_ptr<stream>> made = error::no_value;
        sim.start(tests::shake_hands(client, between.take_right(), "localhost", made));
        EXPECT_TRUE(server.shake_hands());
        EXPECT_TRUE(made);
        stream_recorder reader(std::move(*made));
        reader.read();  // the tickets
        sim.settle();
        return SSL_session_reused(server.ssl()) == 1;
    }

private:
    tls_certificate shown_;
    std::chrono::seconds announced_;
};

}  // namespace libnet::tests
