#include "support/attacked.hpp"
#include "support/forged_records.hpp"

#include <gtest/gtest.h>

/// Records that cost the sender little and the receiver more, in great numbers; what no decent
/// implementation of TLS would send.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

constexpr int many = 1000;

class Flood : public ::testing::TestWithParam<int> {
protected:
    attacked shaken() const
    {
        return attacked([](SSL_CTX* context) {
            only(context, GetParam());
            forged_records::listen(context);
        });
    }
    bool is_1_3() const { return GetParam() == TLS1_3_VERSION; }
};

std::string version_name(const ::testing::TestParamInfo<int>& i)
{
    return i.param == TLS1_3_VERSION ? "tls1_3" : "tls1_2";
}

INSTANTIATE_TEST_SUITE_P(Over, Flood, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         version_name);

/// The server has had enough, and nothing of it stays behind.
void expect_ended(attacked& a, error why)
{
    EXPECT_EQ(a.server->ended(), why);
    a.sim.advance(7s);
    EXPECT_EQ(a.sim.running(), 0U);
}

std::string sealed_many(forged_records& records, std::uint8_t type, std::string_view content,
                        int count = many)
{
    std::string all;
    for (int i = 0; i < count; ++i) {
        all += records.seal(type, content);
    }
    return all;
}

TEST_P(Flood, OfDataIsServed)
{
    attacked a = shaken();
    ASSERT_TRUE(a.shaken);
    forged_records records(a.client.ssl());
    a.client.inject(sealed_many(records, forged_records::data, "x"));
    EXPECT_EQ(a.client.hear(), std::string(many, 'x')) << "or the forger is none";
}

TEST_P(Flood, OfEmptyRecords)
{
    attacked a = shaken();
    ASSERT_TRUE(a.shaken);
    forged_records records(a.client.ssl());
    a.client.inject(sealed_many(records, forged_records::data, ""));
    expect_ended(a, error::malformed_record);
}

TEST_P(Flood, OfWarnings)
{
    attacked a = shaken();
    ASSERT_TRUE(a.shaken);
    forged_records records(a.client.ssl());
    a.client.inject(sealed_many(records, forged_records::alert, "\x01\x5a"));  // user_canceled
    expect_ended(a, error::limit_reached);
}

TEST_P(Flood, OfWarningsBetweenData)
{
    attacked a = shaken();
    ASSERT_TRUE(a.shaken);
    forged_records records(a.client.ssl());
    std::string all;
    for (int i = 0; i < many; ++i) {
        all += records.seal(forged_records::alert, "\x01\x5a");
        all += records.seal(forged_records::data, "x");
    }
    a.client.inject(all);
    expect_ended(a, error::limit_reached);
}

TEST_P(Flood, OfGoodbyes)
{
    attacked a = shaken();
    ASSERT_TRUE(a.shaken);
    forged_records records(a.client.ssl());
    using namespace std::string_literals;
    a.client.inject(sealed_many(records, forged_records::alert, "\x01\x00"s));
    expect_ended(a, error::closed);
}

TEST_P(Flood, WhatFollowsAGoodbyeIsNotRead)
{
    attacked a = shaken();
    ASSERT_TRUE(a.shaken);
    forged_records records(a.client.ssl());
    using namespace std::string_literals;
    std::string all = records.seal(forged_records::data, "before");
    all += records.seal(forged_records::alert, "\x01\x00"s);
    all += records.seal(forged_records::data, "after");
    a.client.inject(all);
    EXPECT_EQ(a.client.hear(), "before");
    expect_ended(a, error::closed);
}

/// Who has said goodbye still gets its answers, also with TLS 1.2.
TEST_P(Flood, NothingFollowsAndAnswersCome)
{
    attacked a = shaken();
    ASSERT_TRUE(a.shaken);
    SSL_write(a.client.ssl(), "question", 8);
    SSL_shutdown(a.client.ssl());
    EXPECT_EQ(a.client.hear(), "question");
    expect_ended(a, error::closed);
    (void)a.client.hear();
    EXPECT_NE(SSL_get_shutdown(a.client.ssl()) & SSL_RECEIVED_SHUTDOWN, 0);
}

TEST_P(Flood, NoEarlyDataIsOffered)
{
    attacked a = shaken();
    ASSERT_TRUE(a.shaken);
    a.client.say("x");
    EXPECT_EQ(a.client.hear(), "x");
    EXPECT_EQ(SSL_SESSION_is_resumable(SSL_get_session(a.client.ssl())), 1);
    EXPECT_EQ(SSL_SESSION_get_max_early_data(SSL_get_session(a.client.ssl())), 0U);
}

TEST_P(Flood, OfChangedCiphers)
{
    attacked a = shaken();
    ASSERT_TRUE(a.shaken);
    forged_records records(a.client.ssl());
    a.client.inject(sealed_many(records, forged_records::change_cipher_spec, "\x01"));
    expect_ended(a, error::malformed_record);
}

/// A client that asks for another handshake and reads none of the refusals: with TLS 1.2 each is
/// answered, and the answers must not gather here.
TEST_P(Flood, OfHandshakes)
{
    attacked a = shaken();
    ASSERT_TRUE(a.shaken);
    a.between.backward().capacity = 4_KiB;
    const std::size_t before = a.server->transport().memory();
    forged_records records(a.client.ssl());
    std::string hello("\x01\x00\x00\x26\x03\x03", 6);
    hello += std::string(36, '\0');
    std::size_t most = 0;
    for (int i = 0; i < 100 && !a.server->ended(); ++i) {
        a.client.inject(sealed_many(records, forged_records::handshake, hello));
        most = std::max(most, a.server->transport().memory());
    }
    EXPECT_LT(most, before + 256_KiB);
    a.sim.advance(7s);
    expect_ended(a, is_1_3() ? error::malformed_record : error::limit_reached);
}

/// The same, slowly: fewer than are allowed a second, to a server that has no timeouts.
TEST(FloodOfAnswers, ThatNobodyReadsDoesNotGather)
{
    attacked a([](SSL_CTX* context) { only(context, TLS1_3_VERSION); },
               {.framing = raw{},
                .first_frame_timeout = never,
                .send_timeout = never,
                .idle_timeout = never},
               swallow);
    ASSERT_TRUE(a.shaken);
    a.between.backward().capacity = 1_KiB;
    for (int i = 0; i < 900 && !a.server->ended(); ++i) {
        for (int k = 0; k < 15; ++k) {
            SSL_key_update(a.client.ssl(), SSL_KEY_UPDATE_REQUESTED);
            SSL_write(a.client.ssl(), "x", 1);  // OpenSSL counts those without data between them
            a.client.send_only();
        }
        a.sim.advance(1s);
    }
    EXPECT_EQ(a.server->ended(), error::limit_reached);
    EXPECT_LT(a.server->transport().memory(), 256_KiB);
}

/// Our client, whose server asks for another handshake all the time.
TEST(FloodOfServers, AsksForHandshakes)
{
    simulation sim;
    stream_pair between(sim.home(), {.capacity = 4_MiB}, {.capacity = 4_MiB});
    openssl_peer server(
        sim, between.take_left(),
        [](SSL_CTX* context) {
            only(context, TLS1_2_VERSION);
            openssl_peer::show(context, localhost());
        },
        openssl_peer::role::server);
    result<std::unique_ptr<stream>> made = error::no_value;
    static const auto context = tls_context::client(trusting_client());
    sim.start(tests::shake_hands(context, between.take_right(), "localhost", made));
    ASSERT_TRUE(server.shake_hands());
    sim.settle();
    ASSERT_TRUE(made) << made.error().message();
    connection client(std::move(*made), {.framing = raw{}});
    sim.serve(client, echo);
    forged_records records(server.ssl());
    using namespace std::string_literals;
    server.inject(sealed_many(records, forged_records::handshake, "\x00\x00\x00\x00"s));
    EXPECT_EQ(client.ended(), error::limit_reached);
}

}  // namespace
