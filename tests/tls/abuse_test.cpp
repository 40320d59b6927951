#include "support/attacked.hpp"
#include "support/openssl_memory.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

/// Peers that misuse TLS: each loses its own connection, in time, and nobody else anything.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

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

/// What a client says, cut at each byte on the way to a server.
TEST(TlsAbuse, ACutIsNoCleanEndAtAnyByte)
{
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        std::size_t cuts = 0;
        for (bool whole = false; !whole; ++cuts) {
            SCOPED_TRACE(cuts);
            attacked a([&](SSL_CTX* context) { only(context, version); });
            ASSERT_TRUE(a.shaken);
            SSL_write(a.client.ssl(), "one part", 8);
            SSL_write(a.client.ssl(), "and another", 11);
            SSL_shutdown(a.client.ssl());
            const std::string records = a.client.take_output();
            whole = cuts == records.size();
            a.client.inject(records.substr(0, cuts));
            a.client.wire().end().shutdown_send();
            a.sim.settle();
            EXPECT_EQ(a.server->ended(), whole ? error::closed : error::truncated_stream);
            ASSERT_FALSE(HasFailure());
        }
        EXPECT_GT(cuts, 80U);
    }
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

/// A byte of the first message every so often: the deadline is for the whole handshake, not for a byte.
TEST(TlsAbuse, WhoDripsInsideTheHandshakeIsLetGo)
{
    static const auto context = tls_context::server(server_options_for());
    for (const std::size_t piece : {1U, 5U}) {
        simulation sim;
        stream_pair between(sim.home(), {.capacity = piece}, {});
        result<std::unique_ptr<stream>> made = error::no_value;
        sim.start(tests::shake_hands(context, between.take_right(), "", made));
        stream_recorder client(between.take_left());
        const std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
        std::size_t sent = 0;
        while (sim.running() != 0 && sent < 1000) {
            const auto taken =
                client.try_write(sent < hello.size() ? hello.substr(sent, piece) : "x");
            sent += taken ? *taken : 1000;
            sim.advance(100ms);
        }
        EXPECT_EQ(made.error(), error::handshake_timeout);
        EXPECT_GE(sent, 100U);
    }
}

/// The first message is OpenSSL's as soon as it is whole, however many records it comes in; nothing
/// of it before, since it makes room for what a message announces.
TEST(TlsAbuse, AnAnnouncedHelloHoldsNoMoreThanHasCome)
{
    static const auto context = tls_context::server(server_options_for());
    const std::size_t before = openssl_memory();
    constexpr std::size_t count = 50;
    simulation sim;
    std::vector<std::unique_ptr<stream>> clients;
    std::vector<tests::shaken> made(count);
    for (std::size_t i = 0; i < count; ++i) {
        stream_pair between(sim.home());
        clients.push_back(between.take_left());
        sim.start(tests::shake_hands(context, between.take_right(), "", made[i].server));
        const std::array<bytes, 1> pieces{
            as_bytes(std::string_view("\x16\x03\x01\x40\x00\x01\x02\x00\x00", 9))};
        ASSERT_TRUE(clients.back()->try_write(pieces));
    }
    sim.settle();
    EXPECT_LT(openssl_memory() - before, count * 32_KiB);
    sim.advance(11s);
    EXPECT_EQ(sim.running(), 0U);
}

/// OpenSSL's client, which has made its hello, and a server that waits for it.
struct said_hello {
    explicit said_hello(const std::function<void(SSL_CTX*)>& adjust = {})
        : between(sim.home(), {.capacity = 1_MiB}, {.capacity = 1_MiB}),
          client(sim, between.take_left(), adjust)
    {
        static const auto context = tls_context::server(server_options_for());
        sim.start(tests::shake_hands(context, between.take_right(), "", made));
        (void)SSL_do_handshake(client.ssl());
    }

    simulation sim;
    stream_pair between;
    openssl_peer client;
    result<std::unique_ptr<stream>> made = error::no_value;
};

TEST(TlsAbuse, AHelloMayComeInManyRecords)
{
    for (const std::size_t piece : {1U, 3U, 4U, 5U, 100U}) {
        said_hello begun;
        openssl_peer& client = begun.client;
        const std::string hello = client.take_output();
        std::string records;
        for (std::size_t at = 5; at < hello.size(); at += piece) {
            const std::string part = hello.substr(at, piece);
            records += std::string("\x16\x03\x01\x00", 4) + static_cast<char>(part.size()) + part;
        }
        client.inject(records.substr(0, records.size() - 1));
        EXPECT_EQ(begun.between.backward_bytes(), 0U);
        client.inject(records.substr(records.size() - 1));
        EXPECT_TRUE(client.shake_hands());
        EXPECT_TRUE(begun.made);
    }
}

/// Nobody looks at thousands of small records again and again, to see whether they are a hello by now.
TEST(TlsAbuse, AHelloIsWaitedForUpToARecord)
{
    static const auto context = tls_context::server(server_options_for());
    simulation sim;
    stream_pair between(sim.home(), {.capacity = 1_MiB}, {});
    result<std::unique_ptr<stream>> made = error::no_value;
    sim.start(tests::shake_hands(context, between.take_right(), "", made));
    stream_recorder client(between.take_left());
    std::string records;
    for (const char c : std::string("\x7f\x01\x00\x00", 4) + std::string(4000, 'x')) {
        records += std::string("\x16\x03\x01\x00\x01", 5) + c;
    }
    EXPECT_TRUE(client.try_write(records.substr(0, 16'000)));
    sim.settle();
    EXPECT_EQ(made.error(), error::no_value);
    EXPECT_TRUE(client.try_write(records.substr(16'000)));
    sim.advance(2s);
    EXPECT_EQ(made.error(), error::malformed_record) << "OpenSSL has seen it";
}

/// Who is asked for another group says hello a second time.
TEST(TlsAbuse, ASecondHelloIsWaitedForAsTheFirst)
{
    said_hello begun([](SSL_CTX* c) {
        SSL_CTX_set1_groups_list(c, "ffdhe2048:P-521");  // the key share is of the first
    });
    openssl_peer& client = begun.client;
    client.pass();
    (void)SSL_do_handshake(client.ssl());
    const std::string second = client.take_output();
    const std::size_t sent = begun.between.backward_bytes();
    client.inject(second.substr(0, second.size() - 1));
    EXPECT_EQ(begun.between.backward_bytes(), sent);
    client.inject(second.substr(second.size() - 1));
    EXPECT_TRUE(client.shake_hands());
    EXPECT_TRUE(begun.made);
}

/// Encrypted bytes may look like the beginning of a hello. Cut there, they are no hello to be waited for.
TEST(TlsAbuse, AHelloIsNotWaitedForInWhatIsEncrypted)
{
    for (int i = 0; i < 2000; ++i) {  // one in 64 ends in such bytes
        said_hello begun;
        openssl_peer& client = begun.client;
        client.pass();
        ASSERT_EQ(SSL_do_handshake(client.ssl()), 1);
        const std::string finished = client.take_output();
        const std::size_t looks_so = finished.rfind('\x16');
        if (looks_so != std::string::npos && finished.size() - looks_so < 5) {
            client.inject(finished.substr(0, looks_so));
            client.inject(finished.substr(looks_so));
            EXPECT_TRUE(begun.made) << begun.made.error().message();
            return;
        }
    }
    FAIL() << "nothing looked like it";
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
