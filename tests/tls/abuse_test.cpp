#include "support/openssl_peer.hpp"
#include "support/sessions.hpp"
#include "support/tls_pair.hpp"

#include <libnet/framing/raw.hpp>

#include <gtest/gtest.h>

/// Peers that misuse TLS: each loses its own connection, in time, and nobody else anything.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

/// A server's end over TLS, whose client is in the hands of the test.
struct attacked {
    explicit attacked(const std::function<void(SSL_CTX*)>& adjust = {})
        : between(sim.home(), {.capacity = 4_MiB}, {.capacity = 4_MiB}),
          client(sim, between.take_left(), adjust)
    {
        static const auto context = tls_context::server(server_options_for());
        sim.start(tests::shake_hands(context, between.take_right(), "", made));
        shaken = client.shake_hands();
        sim.settle();
        if (made) {
            server.emplace(std::move(*made), connection_options{.framing = raw{}});
            sim.serve(*server, echo);
        }
    }

    simulation sim;
    stream_pair between;
    openssl_peer client;
    result<std::unique_ptr<stream>> made = error::no_value;
    std::optional<connection> server;
    bool shaken = false;
};

void only(SSL_CTX* context, int version)
{
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
}

TEST(TlsAbuse, OldVersionsAreRefused)
{
    for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
        attacked a([&](SSL_CTX* context) {
            only(context, version);
            SSL_CTX_set_security_level(context, 0);
        });
        EXPECT_FALSE(a.shaken);
        a.sim.advance(2s);  // it was told, and had a second to read it
        EXPECT_EQ(a.made.error(), error::protocol_too_old);
        EXPECT_TRUE(a.client.ended());
    }
}

TEST(TlsAbuse, WeakCiphersAreRefused)
{
    for (const char* weak : {"AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "AES256-GCM-SHA384", "NULL",
                             "ECDHE-ECDSA-AES256-SHA384"}) {
        attacked a([&](SSL_CTX* context) {
            only(context, TLS1_2_VERSION);
            SSL_CTX_set_security_level(context, 0);
            SSL_CTX_set_cipher_list(context, weak);
        });
        EXPECT_FALSE(a.shaken) << weak;
        a.sim.advance(2s);
        EXPECT_EQ(a.made.error(), error::no_common_cipher) << weak;
    }
}

TEST(TlsAbuse, KeyUpdatesAreBounded)
{
    attacked a;
    ASSERT_TRUE(a.shaken);
    for (int i = 0; i < 20; ++i) {
        SSL_key_update(a.client.ssl(), SSL_KEY_UPDATE_REQUESTED);
        a.client.say("x");
    }
    EXPECT_EQ(a.client.hear(), std::string(20, 'x')) << "some are everybody's right";
    EXPECT_FALSE(a.server->ended());
    for (int i = 0; i < 1000; ++i) {
        SSL_key_update(a.client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
        SSL_do_handshake(a.client.ssl());
    }
    a.client.pass();
    EXPECT_EQ(a.server->ended(), error::limit_reached);
    a.sim.advance(5s);
    EXPECT_EQ(a.sim.running(), 0U);
}

TEST(TlsAbuse, KeyUpdatesNowAndThenAreNot)
{
    attacked a;
    ASSERT_TRUE(a.shaken);
    for (int i = 0; i < 200; ++i) {
        SSL_key_update(a.client.ssl(), SSL_KEY_UPDATE_REQUESTED);
        a.client.say("x");
        a.sim.advance(100ms);
    }
    EXPECT_EQ(a.client.hear().size(), 200U);
    EXPECT_FALSE(a.server->ended());
}

TEST(TlsAbuse, RenegotiationIsRefused)
{
    attacked a([](SSL_CTX* context) { only(context, TLS1_2_VERSION); });
    ASSERT_TRUE(a.shaken);
    a.client.say("before");
    EXPECT_EQ(a.client.hear(), "before");
    for (int i = 0; i < 1000 && !a.client.ended(); ++i) {
        SSL_renegotiate(a.client.ssl());
        SSL_do_handshake(a.client.ssl());
        a.client.pass();
    }
    (void)a.client.hear();
    a.sim.advance(30s);
    EXPECT_LT(a.between.backward_bytes(), 64_KiB);
    EXPECT_TRUE(a.server->ended() || a.between.forward_waiting() == 0);
}

TEST(TlsAbuse, GarbageEndsTheConnection)
{
    attacked a;
    ASSERT_TRUE(a.shaken);
    a.client.inject(std::string(1000, 'x'));
    EXPECT_EQ(a.server->ended(), error::malformed_record);
    a.sim.advance(5s);
    EXPECT_EQ(a.sim.running(), 0U);
}

TEST(TlsAbuse, OversizedRecordsEndTheConnection)
{
    attacked a;
    ASSERT_TRUE(a.shaken);
    a.client.inject(std::string("\x17\x03\x03\x48\x00", 5) + std::string(0x4800, 'x'));
    EXPECT_EQ(a.server->ended(), error::malformed_record);
}

TEST(TlsAbuse, RecordsOfOneByteAreBytes)
{
    attacked a;
    ASSERT_TRUE(a.shaken);
    std::string text;
    for (int i = 0; i < 1000; ++i) {
        const char c = static_cast<char>('a' + i % 26);
        SSL_write(a.client.ssl(), &c, 1);
        text += c;
    }
    EXPECT_EQ(a.client.hear(), text);
}

TEST(TlsAbuse, EmptyRecordsAreBounded)
{
    attacked a([](SSL_CTX* context) { only(context, TLS1_2_VERSION); });
    ASSERT_TRUE(a.shaken);
    for (int i = 0; i < 20; ++i) {
        SSL_write(a.client.ssl(), "", 0);
    }
    a.client.say("x");
    EXPECT_EQ(a.client.hear(), "x");
}

TEST(TlsAbuse, ACutIsNoCleanEnd)
{
    attacked a;
    ASSERT_TRUE(a.shaken);
    a.client.say("half of it");
    EXPECT_EQ(a.client.hear(), "half of it");
    a.client.wire().end().shutdown_send();
    a.sim.settle();
    EXPECT_EQ(a.server->ended(), error::truncated_stream);
}

TEST(TlsAbuse, WhoStallsInsideTheHandshakeIsLetGo)
{
    static const auto context = tls_context::server(server_options_for());
    for (std::size_t sent = 1; sent < 200; sent += 7) {
        SCOPED_TRACE(sent);
        simulation sim;
        stream_pair between(sim.home(), {.stall_after = sent}, {});
        result<std::unique_ptr<stream>> made = error::no_value;
        openssl_peer client(sim, between.take_left());
        sim.start(tests::shake_hands(context, between.take_right(), "", made));
        EXPECT_FALSE(client.shake_hands());
        sim.advance(9s);
        EXPECT_EQ(sim.running(), 1U);
        sim.advance(2500ms);
        EXPECT_EQ(sim.running(), 0U);
        EXPECT_EQ(made.error(), error::handshake_timeout);
    }
}

}  // namespace
