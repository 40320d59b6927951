// [top]
#include "scores.hpp"

#include <libnet/testing/for_each_fault.hpp>
#include <libnet/testing/for_each_split.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

using namespace libnet::literals;
using libnet::testing::simulation;
// [end]

// [framing]
TEST(ShortMessages, AreFoundHoweverTheyArrive)
{
    const std::string_view wire("\5Hello\0\1!", 9);
    libnet::testing::for_each_split(
        libnet::as_bytes(wire), [](std::span<const libnet::bytes> pieces) {
            SCOPED_TRACE(libnet::testing::describe_split(pieces));
            const short_messages framing;
            libnet::receive_buffer received;
            std::vector<std::string> messages;
            for (const libnet::bytes piece : pieces) {
                std::copy(piece.begin(), piece.end(), received.prepare().begin());
                received.commit(piece.size());
                for (auto found = framing.decode(received.data());
                     found.state == libnet::decoded::status::frame;
                     found = framing.decode(received.data())) {
                    const auto payload = received.data().subspan(found.offset, found.size);
                    messages.push_back(libnet::to_string(payload));
                    received.consume(found.consumed);
                }
            }
            EXPECT_EQ(messages, (std::vector<std::string>{"Hello", "", "!"}));
        });
}

TEST(ShortMessages, RefuseWhatIsLong)
{
    simulation sim;
    auto [left, right] = sim.connect({.framing = short_messages()}, {.framing = short_messages()});
    EXPECT_TRUE(sim.run(left.send(std::string(255, 'x'))));
    EXPECT_EQ(sim.run(left.send(std::string(256, 'x'))).error(), libnet::error::frame_too_large);
    EXPECT_EQ(sim.run(right.receive()).value().size(), 255U);
}
// [end]

// [scoreboard]
TEST(Scoreboard, AddsUp)
{
    scoreboard scores;
    EXPECT_EQ(scores.answer("add alice 3"), "3");
    EXPECT_EQ(scores.answer("add alice -1"), "2");
    EXPECT_EQ(scores.answer("get alice"), "2");
    EXPECT_EQ(scores.answer("get bob"), "0");
}

TEST(Scoreboard, SaysWhatIsWrong)
{
    scoreboard scores;
    for (const char* request : {"", "add", "add alice", "add alice x", "get", "drop alice"}) {
        EXPECT_TRUE(scores.answer(request).starts_with("error: ")) << request;
    }
}

TEST(Scoreboard, KeepsNoMoreNamesThanItMay)
{
    scoreboard scores;
    for (std::size_t n = 0; n != scoreboard::most_names; ++n) {
        scores.answer("add name" + std::to_string(n) + " 1");
    }
    EXPECT_EQ(scores.answer("add one-more 1"), "error: too many names");
    EXPECT_EQ(scores.answer("add name0 1"), "2");
}
// [end]

// [service]
TEST(Scores, AreKeptForAllClients)
{
    simulation sim;
    scoreboard scores;
    const auto own = libnet::tls_certificate::self_signed();
    const auto session = [&](libnet::connection& peer) { return keep_score(peer, scores); };
    libnet::server server("127.0.0.1:9000", session, serving_as(own));
    libnet::pool one("127.0.0.1:9000", trusting(own.chain));
    libnet::pool another("127.0.0.1:9000", trusting(own.chain));
    sim.start(server.run());
    sim.start(one.run());
    sim.start(another.run());
    EXPECT_EQ(sim.run(ask(one, "add alice 3")).value(), "3");
    EXPECT_EQ(sim.run(ask(another, "add alice 4")).value(), "7");
    one.drain();
    another.drain();
    server.stop();
    sim.advance(1min);
    EXPECT_EQ(sim.running(), 0U);
}

TEST(Scores, AreKeptFromThoseWhoTrustSomebodyElse)
{
    simulation sim;
    scoreboard scores;
    const auto session = [&](libnet::connection& peer) { return keep_score(peer, scores); };
    const auto own = libnet::tls_certificate::self_signed();
    const auto stranger = libnet::tls_certificate::self_signed();
    libnet::server server("127.0.0.1:9000", session, serving_as(own));
    libnet::pool servers("127.0.0.1:9000", trusting(stranger.chain));
    sim.start(server.run());
    sim.start(servers.run());
    EXPECT_FALSE(sim.run(ask(servers, "add alice 3")));
    EXPECT_EQ(scores.answer("get alice"), "0");
}
// [end]

// [faults]
TEST(Scores, EndTheirSessionWhateverTheNetworkDoes)
{
    libnet::testing::for_each_fault([](const libnet::testing::fault& f) {
        SCOPED_TRACE(f.describe());
        simulation sim;
        scoreboard scores;
        libnet::connection_options options{.framing = short_messages()};
        options.idle_timeout = 10s;  // a server's is 65 s by itself
        auto [client, peer] = sim.connect(options, options, f.forward, f.backward);
        sim.serve(peer, [&](libnet::connection& p) { return keep_score(p, scores); });
        (void)sim.run(client.send("add alice 3"));
        (void)sim.run(client.receive());
        (void)sim.run(client.close());
        sim.advance(1min);  // longer than every deadline
        EXPECT_EQ(sim.running(), 0U);
    });
}
// [end]
