#include "support/fixed_stream.hpp"
#include "support/sessions.hpp"
#include "support/tls_pair.hpp"

#include <gtest/gtest.h>
#include <openssl/opensslv.h>

#include <malloc.h>
#include <string>
#include <vector>

/// What TLS adds, in numbers that are exact: reads and writes of what lies below, memory.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

/// By a stream of TLS whose peer takes nothing: a record or two, and little that was not decrypted.
constexpr std::size_t most_held = 32 * 1024;

const tls_context& server_side()
{
    static const auto made = tls_context::server(server_options_for());
    return made;
}

const tls_context& client_side()
{
    static const auto made = [] {
        tls_client_options options = trusting_client();
        options.resumption = false;  // every handshake is a full one
        return tls_context::client(options);
    }();
    return made;
}

/// Both ends of a pair, after the handshake.
shaken secured(simulation& sim, fixed_pair& between)
{
    shaken both;
    sim.start(shake_hands(client_side(), between.left(), "localhost", both.client));
    sim.start(shake_hands(server_side(), between.right(), "", both.server));
    sim.settle();
    return both;
}

task<> shake_hands_and_echo(fixed_pair& between, tls_context context)
{
    endpoint nowhere;
    auto building = context(between.right(), std::move(nowhere));
    auto ready = co_await checked(std::move(building));
    connection peer(std::move(ready));
    co_await echo(peer);
}

task<> shake_hands_and_ask(fixed_pair& between, tls_context context, std::size_t& writes)
{
    endpoint where{.host = "localhost", .port = 1};
    auto building = context(between.left(), std::move(where));
    auto ready = co_await checked(std::move(building));
    connection peer(std::move(ready));
    co_await checked(peer.send("first"));
    co_await checked(peer.receive());
    writes = between.writes();
}

/// What ends the handshake does not go alone: the tickets leave with the answer to what the client
/// has said in the same breath.
TEST(TlsCost, AServersHandshakeWithTheFirstAnswerIsTwoWrites)
{
    simulation sim;
    fixed_pair between(sim.home());
    std::size_t writes = 0;
    sim.start(shake_hands_and_echo(between, server_side()));
    EXPECT_TRUE(sim.run(shake_hands_and_ask(between, client_side(), writes)));
    EXPECT_EQ(writes, 2U);
}

/// But it leaves, also if nobody says anything: the client's Finished, after which it is silent.
TEST(TlsCost, AHandshakeEndsWithoutAMessage)
{
    simulation sim;
    fixed_pair between(sim.home());
    const shaken both = secured(sim, between);
    EXPECT_TRUE(both.client && both.server);
    EXPECT_EQ(between.writes(), 2U);
}

TEST(TlsCost, AnEchoIsOneReadAndOneWriteWhateverItsSize)
{
    for (const std::size_t size : {64U, 16U * 1024, 60U * 1024}) {
        SCOPED_TRACE(size);
        simulation sim;
        fixed_pair between(sim.home());
        shaken both = secured(sim, between);
        connection client(std::move(*both.client));
        connection server(std::move(*both.server));
        sim.start(echo(server));
        const std::string message(size, 'x');
        const auto ask = [&](int times) {
            const auto asking = [](connection& peer, const std::string& text,
                                   int rounds) -> task<> {
                for (int i = 0; i < rounds; ++i) {
                    co_await checked(peer.send(text));
                    co_await checked(peer.receive());
                }
            };
            EXPECT_TRUE(sim.run(asking(client, message, times)));
        };
        ask(20);  // until the buffers are as large as they will be
        const std::size_t reads = between.reads();
        const std::size_t writes = between.writes();
        ask(50);
        EXPECT_EQ(between.reads() - reads, 50U);
        EXPECT_EQ(between.writes() - writes, 50U);
    }
}

/// Connections that have said little hold little, also before they have been quiet for long.
TEST(TlsCost, AConnectionThatIsNotBusyHoldsNoBuffersOfOpenSsl)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer has a heap of its own";
#endif
    constexpr std::size_t pairs = 20;
    simulation sim;
    std::vector<std::unique_ptr<connection>> ends;
    const auto add = [&] {
        shaken both = shake_hands(sim, client_side(), server_side());
        connection& client =
            *ends.emplace_back(std::make_unique<connection>(std::move(*both.client)));
        connection& server =
            *ends.emplace_back(std::make_unique<connection>(std::move(*both.server)));
        sim.start(echo(server));
        EXPECT_TRUE(sim.run(client.send("hello")));
        EXPECT_TRUE(sim.run(client.receive()));
    };
    add();  // what is taken once for all
    const std::size_t before = ::mallinfo2().uordblks;
    for (std::size_t i = 0; i < pairs; ++i) {
        add();
    }
    const std::size_t each = (::mallinfo2().uordblks - before) / (2 * pairs);
    RecordProperty("bytes_of_a_connection", std::to_string(each));
    // 28.5 KiB; a buffer in one of two ends would be 8 more. With OpenSSL 3.5 it is 36.4: the keys of ML-KEM stay as
    // long as the connection, and without that group it is 27.9.
    EXPECT_LT(each, (OPENSSL_VERSION_NUMBER >= 0x30500000L ? 38 : 36) * 1024U);
    EXPECT_GT(each, 4 * 1024U) << "OpenSSL's memory was not counted";
}

/// Who cannot answer reads no more, and holds records for the peer but nothing to read into.
TEST(TlsCost, AConnectionThatIsStalledHoldsNoInput)
{
    simulation sim;
    stream_pair between(sim.home());
    shaken both = shake_hands(sim, between, client_side(), server_side());
    stream& of_server = **both.server;
    connection client(std::move(*both.client),
                      {.send_timeout = never, .high_water_mark = 64 * 1024});
    connection server(std::move(*both.server),
                      {.send_timeout = never, .high_water_mark = 64 * 1024});
    sim.start(echo(server));
    const auto flood = [](connection& peer) -> task<> {
        const std::string message(8 * 1024, 'x');
        for (;;) {
            co_await checked(peer.send(message));
        }
    };
    sim.start(flood(client));
    sim.settle();
    EXPECT_GE(server.info().unsent, 64 * 1024U);
    EXPECT_GT(between.backward_waiting(), 0U);
    EXPECT_LE(of_server.memory(), most_held);
}

}  // namespace
