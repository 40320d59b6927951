#include "support/counting_stream.hpp"
#include "support/relay.hpp"
#include "support/sessions.hpp"
#include "support/stream_recorder.hpp"
#include "support/tls_pair.hpp"

#include <libnet/framing/raw.hpp>
#include <libnet/testing/for_each_fault.hpp>
#include <libnet/testing/for_each_split.hpp>

#include <gtest/gtest.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

/// What a stream of TLS does beyond the contract of all streams.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

const tls_context& server_side()
{
    static const auto made = tls_context::server(server_options_for());
    return made;
}

/// Every handshake is a full one, so that each takes the same bytes.
const tls_context& client_side()
{
    static const auto made = [] {
        tls_client_options options = trusting_client();
        options.resumption = false;
        return tls_context::client(options);
    }();
    return made;
}

/// Two streams of TLS in memory, with what lies between them.
struct tls_wire {
    explicit tls_wire(simulation& sim, pipe_options forward = {}, pipe_options backward = {})
        : between(sim.home(), forward, backward)
    {
        shaken both = shake_hands(sim, between, client_side(), server_side());
        client = std::move(both.client).value();
        server = std::move(both.server).value();
    }

    stream_pair between;
    std::unique_ptr<stream> client;
    std::unique_ptr<stream> server;
};

TEST(TlsStream, AnEndWithoutCloseNotifyIsNoCleanEnd)
{
    simulation sim;
    tls_wire wire(sim);
    connection client(std::move(wire.client), {.framing = raw{}});
    const std::array<bytes, 1> pieces{as_bytes("all of it?")};
    EXPECT_TRUE(wire.server->try_write(pieces));
    wire.server.reset();
    EXPECT_EQ(sim.run(receive_text(client)).value(), "all of it?");
    EXPECT_EQ(sim.run(client.receive()).error(), error::truncated_stream);
    EXPECT_EQ(client.ending().code(), "Pi");
}

/// Somebody else on this thread uses OpenSSL, and leaves its failures behind.
TEST(TlsStream, FailuresOfOthersAreNotItsOwn)
{
    const auto fail_elsewhere = [] {
        ERR_raise(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER);
        ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
    };
    simulation sim;
    tls_wire wire(sim);
    const auto below = wire.between.backward_bytes();
    connection client(std::move(wire.client), {.framing = raw{}});
    const auto say = [&](std::string_view text) {
        const std::array<bytes, 1> pieces{as_bytes(text)};
        fail_elsewhere();
        EXPECT_TRUE(wire.server->try_write(pieces));
        fail_elsewhere();
    };
    for (const char* text : {"one", "two"}) {
        say(text);
        EXPECT_EQ(sim.run(receive_text(client)).value(), text);
        sim.advance(2s);  // it waits without buffers from now on
    }
    EXPECT_GT(wire.between.backward_bytes(), below);
    fail_elsewhere();
    EXPECT_FALSE(wire.server->shutdown_send());
    EXPECT_EQ(sim.run(client.receive()).error(), error::closed);
    ERR_clear_error();
}

TEST(TlsStream, ItsOwnFailureIsToldFromThoseOfOthers)
{
    simulation sim;
    relay between(sim);
    shaken both;
    sim.start(shake_hands(client_side(), between.take_client(), "localhost", both.client));
    sim.start(shake_hands(server_side(), between.take_server(), "", both.server));
    between.pass();
    ASSERT_TRUE(both.client);
    connection client(std::move(*both.client), {.framing = raw{}});
    sim.settle();
    between.to_client(std::string("\x17\x03\x03\x00\x14", 5) + std::string(20, 'x'));
    ERR_raise(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER);
    ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
    EXPECT_EQ(sim.run(client.receive()).error(), error::malformed_record);
    EXPECT_EQ(ERR_peek_error(), 0U);
}

/// Whatever byte an attacker cuts it at: the reader has less than all, and knows; or it has all.
TEST(TlsStream, IsNeverCompleteWhenItWasCut)
{
    const std::string text = some_text(100);
    std::size_t cuts = 0;
    for (bool whole = false; !whole; ++cuts) {
        SCOPED_TRACE(cuts);
        simulation sim;
        tls_wire wire(sim);
        stream_recorder reader(std::move(wire.client));
        wire.between.backward().end_after = wire.between.backward_bytes() + cuts;
        const std::array<bytes, 1> first{as_bytes(text).first(60)};
        const std::array<bytes, 1> second{as_bytes(text).subspan(60)};
        EXPECT_TRUE(wire.server->try_write(first) && wire.server->try_write(second));
        EXPECT_FALSE(wire.server->shutdown_send());
        const std::uint64_t all = wire.between.backward_bytes();
        reader.read_to_the_end(sim);
        whole = wire.between.backward().end_after >= all;
        EXPECT_TRUE(text.starts_with(reader.got()));
        EXPECT_EQ(reader.read_error(), whole ? error::closed : error::truncated_stream);
        ASSERT_FALSE(HasFailure());
    }
    EXPECT_GT(cuts, 140U);
}

/// The same with the test between them.
struct relayed {
    explicit relayed(simulation& sim) : between(sim)
    {
        sim.start(shake_hands(client_side(), between.take_client(), "localhost", client));
        sim.start(shake_hands(server_side(), between.take_server(), "", server));
        between.pass();
        EXPECT_TRUE(client) << client.error().message();
        EXPECT_TRUE(server) << server.error().message();
    }

    relay between;
    result<std::unique_ptr<stream>> client = error::no_value;
    result<std::unique_ptr<stream>> server = error::no_value;
};

void read_on(simulation& sim, stream_recorder& reader)
{
    sim.settle();
    if (!reader.reading() && !reader.read_error()) {
        reader.read();
        sim.settle();
    }
}

/// Every way in which the network may cut two records and an end in pieces.
TEST(TlsStream, ReadsRecordsHoweverTheyAreCut)
{
    const std::string text = some_text(60);
    const std::string pattern(text.size() + 3 * 22 + 2, 'x');  // what stands for the records
    const auto read_in = [&](std::span<const bytes> pieces) {
        SCOPED_TRACE(describe_split(pieces));
        simulation sim;
        relayed wire(sim);
        const std::array<bytes, 1> first{as_bytes(text).first(25)};
        const std::array<bytes, 1> second{as_bytes(text).subspan(25)};
        EXPECT_TRUE((*wire.server)->try_write(first) && (*wire.server)->try_write(second));
        EXPECT_FALSE((*wire.server)->shutdown_send());
        const std::string records = wire.between.from_server();
        EXPECT_EQ(records.size(), pattern.size());
        stream_recorder reader(std::move(*wire.client));
        std::size_t at = 0;
        for (const bytes piece : pieces) {
            read_on(sim, reader);
            wire.between.to_client(std::string_view(records).substr(at, piece.size()));
            at += piece.size();
        }
        while (!reader.reading() && !reader.read_error()) {
            read_on(sim, reader);
        }
        EXPECT_EQ(reader.got(), text);
        EXPECT_EQ(reader.read_error(), error::closed);
        return !HasFailure();
    };
    for_each_split(pattern, read_in, {.longest_cut_in_three = 0, .random_splits = 16});
}

TEST(TlsStream, WhatSomebodyChangedIsRefusedAtEveryByte)
{
    const std::size_t size = 5 + 22;
    for (std::size_t at = 0; at < size; ++at) {
        SCOPED_TRACE(at);
        simulation sim;
        relayed wire(sim);
        stream_recorder reader(std::move(*wire.client));
        stream_recorder writer(std::move(*wire.server));
        EXPECT_TRUE(writer.try_write("hello"));
        std::string record = wire.between.from_server();
        ASSERT_EQ(record.size(), size);
        record[at] = static_cast<char>(record[at] ^ 1);
        wire.between.to_client(record);
        reader.read();
        sim.settle();
        EXPECT_EQ(reader.got(), "");
        if (reader.reading()) {  // the length has become longer: nothing more comes
            EXPECT_TRUE(at == 3 || at == 4);
            continue;
        }
        EXPECT_EQ(reader.read_error(), error::malformed_record);
        wire.between.pass();
        writer.read();
        sim.settle();
        EXPECT_EQ(writer.read_error(), error::malformed_record) << "it was told";
    }
}

TEST(TlsStream, SmallPiecesShareARecord)
{
    simulation sim;
    tls_wire wire(sim);
    const std::uint64_t before = wire.between.forward_bytes();
    const std::array<bytes, 4> pieces{as_bytes("a"), as_bytes("bc"), bytes(), as_bytes("def")};
    EXPECT_EQ(wire.client->try_write(pieces).value(), 6U);
    EXPECT_EQ(wire.between.forward_bytes() - before, 6U + 22U) << "one record";
}

TEST(TlsStream, TheFirstRecordsAreSmallAndThenTheyAreFull)
{
    simulation sim;
    tls_wire wire(sim, {.capacity = 1_MiB}, {});
    const std::string text = some_text(200000);
    const std::array<bytes, 1> pieces{as_bytes(text)};
    const auto overhead_of_sending = [&] {
        const std::uint64_t before = wire.between.forward_bytes();
        EXPECT_EQ(wire.client->try_write(pieces).value(), text.size());
        return wire.between.forward_bytes() - before - text.size();
    };
    const std::size_t first = overhead_of_sending() / 22;
    EXPECT_NEAR(static_cast<double>(first), 12 + 200000.0 / 16384, 4);
    const std::size_t then = overhead_of_sending() / 22;
    EXPECT_NEAR(static_cast<double>(then), 200000.0 / 16384 + 1, 3);
    sim.advance(2s);  // whoever waits again waits for the first byte again
    (void)sim.home().now();
    EXPECT_GT(overhead_of_sending() / 22, then + 8);
}

TEST(TlsStream, SaysGoodbyeAndWaitsForThePeers)
{
    simulation sim;
    tls_wire wire(sim);
    connection client(std::move(wire.client));
    connection server(std::move(wire.server));
    sim.serve(server, echo);
    EXPECT_TRUE(sim.run(client.close()));
    sim.settle();
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_EQ(server.ending().why, error::closed);
}

TEST(TlsStream, APeerThatNeverSaysGoodbyeIsWaitedForASecond)
{
    simulation sim;
    tls_wire wire(sim);
    connection client(std::move(wire.client));
    const time_point before = sim.now();
    EXPECT_EQ(sim.run(client.close()).error(), error::close_timeout);
    EXPECT_GE(sim.now() - before, 1s);
    EXPECT_LT(sim.now() - before, 1100ms);
}

TEST(TlsStream, WhoHalfClosesStillGetsItsAnswers)
{
    simulation sim;
    tls_wire wire(sim);
    connection server(std::move(wire.server));
    sim.serve(server, echo);
    stream_recorder client(std::move(wire.client));
    EXPECT_TRUE(client.try_write(std::string("\0\0\0\5hello", 9)));
    EXPECT_FALSE(client.end().shutdown_send());
    EXPECT_TRUE(client.try_write("more").has_error());
    client.read_to_the_end(sim);
    EXPECT_EQ(client.got(), std::string("\0\0\0\5hello", 9));
    EXPECT_EQ(client.read_error(), error::closed);
}

TEST(TlsStream, FlushWaitsForTheLastRecord)
{
    simulation sim;
    tls_wire wire(sim, {.capacity = 1000}, {});
    connection client(std::move(wire.client), {.framing = raw{}});
    stream_recorder server(std::move(wire.server));
    sim.start([](connection& peer) -> task<> {
        co_await checked(peer.send(some_text(5000)));
        co_await checked(peer.flush());
    }(client));
    sim.settle();
    EXPECT_EQ(sim.running(), 1U) << "most of it has not left";
    while (server.got().size() < 5000 && !server.read_error()) {
        server.read();
        sim.settle();
    }
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_EQ(server.got(), some_text(5000));
}

TEST(TlsStream, APeerThatTakesNothingIsASendTimeout)
{
    simulation sim;
    tls_wire wire(sim, {.capacity = 1000}, {});
    connection client(std::move(wire.client), {.framing = raw{}, .send_timeout = 10s});
    EXPECT_TRUE(sim.run(client.send(some_text(5000))));
    sim.advance(9s);
    EXPECT_FALSE(client.ended());
    sim.advance(2s);
    EXPECT_EQ(client.ended(), error::send_timeout);
}

TEST(TlsStream, APeerThatTakesALittleIsNone)
{
    simulation sim;
    tls_wire wire(sim, {.capacity = 1000}, {});
    connection client(std::move(wire.client), {.framing = raw{}, .send_timeout = 10s});
    stream_recorder server(std::move(wire.server));
    EXPECT_TRUE(sim.run(client.send(some_text(5000))));
    while (server.got().size() < 5000) {
        sim.advance(6s);
        ASSERT_FALSE(client.ended()) << client.ended().message();
        if (!server.reading()) {
            server.read();
            sim.settle();
        }
    }
}

TEST(TlsStream, AStalledReaderHoldsABoundedAmount)
{
    simulation sim;
    tls_wire wire(sim, {.capacity = 1000}, {});
    connection client(std::move(wire.client),
                      {.framing = raw{}, .send_timeout = never, .high_water_mark = 64_KiB});
    sim.start([](connection& peer) -> task<> {
        const std::string text = some_text(10000);
        for (;;) {
            co_await checked(peer.send(text));
        }
    }(client));
    sim.advance(1min);
    EXPECT_LE(client.info().memory, 64_KiB + 10000 + 64_KiB + 4_KiB + 20_KiB);
    EXPECT_GE(client.info().memory, 64_KiB);
    sim.cancel();
    sim.settle();
}

TEST(TlsStream, AnIdleOneHoldsNoBuffers)
{
    simulation sim;
    tls_wire wire(sim);
    connection client(std::move(wire.client));
    connection server(std::move(wire.server));
    sim.serve(server, echo);
    EXPECT_TRUE(sim.run(client.send("hello")));
    EXPECT_TRUE(sim.run(client.receive()));
    EXPECT_GT(server.info().memory, 0U);
    sim.advance(3s);
    EXPECT_EQ(server.info().memory, 0U);
    EXPECT_TRUE(sim.run(client.send("again")));
    EXPECT_EQ(as_text(sim.run(client.receive()).value()), "again");
    EXPECT_TRUE(sim.run(client.close()));
}

// ---- faults -------------------------------------------------------------------------------------

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
    defined(LIBNET_ASIO_ADDRESS_SANITIZER)
constexpr std::uint64_t every_byte_up_to = 64;  // then every sixteenth of what has been: minutes
#else
constexpr std::uint64_t every_byte_up_to = 64_KiB;
#endif

task<> talk(connection& peer, std::vector<std::string>& replies)
{
    for (const char* message : {"Hello", "", "World"}) {
        co_await checked(peer.send(message));
    }
    while (replies.size() < 3) {
        const bytes frame = co_await checked(peer.receive());
        replies.push_back(to_string(frame));
    }
    co_await checked(peer.close());
}

/// From connecting to the end: the handshake, a conversation, the goodbye. Whatever happens, and at
/// whatever byte, both sides come to their end and nothing false is answered.
TEST(TlsStream, EndsUnderEveryFault)
{
    const std::vector<std::string> expected{"Hello", "", "World"};
    for_each_fault(
        [&](const fault& f) {
            SCOPED_TRACE(f.describe());
            simulation sim;
            stream_pair between(sim.home(), f.forward, f.backward);
            std::vector<std::string> replies;
            const auto client = [](std::unique_ptr<stream> below,
                                   std::vector<std::string>& into) -> task<> {
                endpoint where{.host = "localhost", .port = 1};
                auto building = client_side()(std::move(below), std::move(where));
                auto shaken = co_await checked(std::move(building));
                connection peer(std::move(shaken), {.idle_timeout = 20s});
                co_await checked(talk(peer, into));
            };
            const auto server = [](std::unique_ptr<stream> below) -> task<> {
                endpoint nowhere;
                auto building = server_side()(std::move(below), std::move(nowhere));
                auto shaken = co_await checked(std::move(building));
                connection peer(std::move(shaken), {.idle_timeout = 20s});
                co_await echo(peer);
                (void)co_await peer.close();
            };
            sim.start(server(between.take_right()));
            sim.start(client(between.take_left(), replies));
            sim.advance(1min);
            EXPECT_EQ(sim.running(), 0U);
            EXPECT_TRUE(replies.size() <= expected.size() &&
                        std::equal(replies.begin(), replies.end(), expected.begin()));
            const auto ended = sim.outcome(1);
            if (ended && *ended) {
                EXPECT_EQ(replies, expected);
            }
            if (!f.struck()) {
                EXPECT_TRUE(ended && *ended) << ended->error().message();
            }
            return !HasFailure();
        },
        {.every_byte_up_to = every_byte_up_to});
}

/// A stream of the user's that throws: not through OpenSSL, and not further than its connection.
class throwing_stream final : public counting_stream {
public:
    explicit throwing_stream(std::unique_ptr<stream> inner)
        : counting_stream(std::move(inner), std::make_shared<stream_calls>())
    {
    }
    result<std::size_t> try_write(std::span<const bytes> pieces) override
    {
        if (++writes_ > 3) {
            throw std::runtime_error("no such luck");
        }
        return counting_stream::try_write(pieces);
    }

private:
    int writes_ = 0;
};

TEST(TlsStream, WhatAStreamBelowThrowsEndsTheConnection)
{
    simulation sim;
    stream_pair between(sim.home());
    shaken both;
    sim.start(shake_hands(tls_context::client(trusting_client()), between.take_left(), "localhost",
                          both.client));
    sim.start(shake_hands(tls_context::server(server_options_for()),
                          std::make_unique<throwing_stream>(between.take_right()), "",
                          both.server));
    sim.settle();
    ASSERT_TRUE(both.client && both.server);
    connection left(std::move(*both.client));
    connection right(std::move(*both.server));
    sim.serve(right, echo);
    for (int i = 0; i < 4 && !right.ended(); ++i) {
        EXPECT_TRUE(sim.run(left.send("hello")));
        EXPECT_TRUE(sim.run(left.flush()));
        sim.settle();
    }
    EXPECT_EQ(right.ended(), std::errc::io_error);
}

}  // namespace
