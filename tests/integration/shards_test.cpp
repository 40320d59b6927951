#include "support/client_socket.hpp"
#include "support/served.hpp"
#include "support/threads_seen.hpp"

#include <libnet/libnet.hpp>
#include <libnet/testing/stream_pair.hpp>

#include <boost/system/errc.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

/// Servers over shards: with a listening socket of each, and with one acceptor that hands clients out.
namespace {

using namespace integration;
using namespace libnet::literals;
using libnet::checked;
using libnet::connection;
using libnet::server_options;
using libnet::task;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

enum class listening { together, each };

class ServerOverShards : public testing::TestWithParam<listening> {
protected:
    static server_options options()
    {
        server_options o;
        o.socket.reuse_port = GetParam() == listening::each;
        return o;
    }

    static constexpr std::size_t shards = 2;
    const std::string anywhere = "127.0.0.1:0";
};

INSTANTIATE_TEST_SUITE_P(Listening, ServerOverShards,
                         testing::Values(listening::together, listening::each), [](const auto& i) {
                             return i.param == listening::each ? "Each" : "Together";
                         });

TEST_P(ServerOverShards, ServesOnAllOfThemAndAddsUp)
{
    threads_seen sessions;
    const auto session = [&](connection& peer) -> task<> {
        sessions.add();
        return echo(peer);
    };
    served server(session, options(), anywhere, shards);
    std::vector<client_socket> clients;
    for (int i = 0; i < 40; ++i) {
        clients.emplace_back(server.port());
        ASSERT_TRUE(echoes(clients.back(), "hello"));
    }
    EXPECT_EQ(server.server().stats().active, 40u);
    EXPECT_EQ(server.server().stats().accepted, 40u);
    if (GetParam() == listening::together) {
        EXPECT_THAT(sessions.counts(), UnorderedElementsAre(20, 20)) << "handed out in turn";
    } else {
        EXPECT_EQ(sessions.counts().size(), shards)
            << "the kernel's hash left one without any of 40";
    }
    for (client_socket& client : clients) {
        client.half_close();
        EXPECT_EQ(client.read_to_end(), "");
        EXPECT_TRUE(client.ended());
        client.close();
    }
    EXPECT_TRUE(soon([&] { return server.server().stats().active == 0; }));
    server.server().stop();
    ASSERT_TRUE(server.ended());
    const auto total = server.server().stats();
    EXPECT_EQ(total.messages_received, 40u);
    EXPECT_EQ(total.messages_sent, 40u);
    EXPECT_EQ(total.bytes_received, 40u * 9);
    EXPECT_EQ(server.failure(), "");
}

TEST_P(ServerOverShards, AnswersWhatWasAskedWhenItStops)
{
    const auto slow = [](connection& peer) -> task<> {
        while (auto frame = co_await peer.receive()) {
            const std::string kept = libnet::to_string(*frame);
            (void)co_await libnet::shielded(1s, libnet::sleep_for(50ms));
            co_await peer.send(kept);
        }
    };
    served server(slow, options(), anywhere, shards);
    std::vector<client_socket> clients;
    for (int i = 0; i < 8; ++i) {
        clients.emplace_back(server.port());
        ASSERT_TRUE(clients.back().send(framed("asked")));
    }
    ASSERT_TRUE(soon([&] { return server.server().stats().accepted == 8; }));
    server.server().stop();
    for (client_socket& client : clients) {
        EXPECT_EQ(client.read_to_end(), framed("asked"));
        EXPECT_TRUE(client.ended());
        client.close();
    }
    EXPECT_TRUE(server.ended());
    EXPECT_EQ(server.failure(), "");
}

TEST_P(ServerOverShards, IsStoppedWhileItStarts)
{
    for (int i = 0; i < 10; ++i) {
        libnet::server server(anywhere, echo, options());
        libnet::shards all({.threads = shards});
        std::thread runs([&] { libnet::run(server.run(all), signals_alone); });
        std::this_thread::sleep_for(std::chrono::microseconds(100 * i));
        server.stop();
        runs.join();
    }
}

TEST_P(ServerOverShards, LimitsHoldForTheWhole)
{
    server_options o = options();
    o.admission.max_connections = 3;
    served server(echo, o, anywhere, shards);
    std::vector<client_socket> in;
    for (int i = 0; i < 3; ++i) {
        in.emplace_back(server.port());
        ASSERT_TRUE(echoes(in.back()));
    }
    // Wherever it waits, room that any shard makes is its own.
    for (client_socket& leaving : in) {
        client_socket waiting(server.port());
        ASSERT_TRUE(waiting.send(framed("waiting")));
        EXPECT_EQ(waiting.read(1, 100ms), "");
        EXPECT_EQ(server.server().stats().active, 3u);
        leaving.close();
        EXPECT_EQ(waiting.read(11), framed("waiting"));
        leaving = std::move(waiting);
    }
}

TEST_P(ServerOverShards, RefusesTheSurplusOfAll)
{
    server_options o = options();
    o.admission.max_connections = 2;
    o.surplus = libnet::surplus::refuse;
    o.refusal = "full";
    served server(echo, o, anywhere, shards);
    client_socket first(server.port());
    client_socket second(server.port());
    ASSERT_TRUE(echoes(first));
    ASSERT_TRUE(echoes(second));
    for (int i = 0; i < 4; ++i) {
        client_socket refused(server.port());
        EXPECT_EQ(refused.read_to_end(), framed("full"));
    }
    EXPECT_EQ(server.server().stats().refused, 4u);
    server.server().set_admission({.max_connections = 3});
    client_socket third(server.port());
    EXPECT_TRUE(soon([&] {
        third = client_socket(server.port());
        return echoes(third);
    }));
}

TEST_P(ServerOverShards, AnExceptionOnOneEndsAllInOrder)
{
    std::atomic<int> opened = 0;
    server_options o = options();
    o.on_open = [&](const connection&) {
        if (++opened == 3) {
            throw std::runtime_error("on purpose");
        }
    };
    served failing(echo, o, anywhere, shards);
    client_socket first(failing.port());
    client_socket second(failing.port());
    ASSERT_TRUE(echoes(first));
    ASSERT_TRUE(echoes(second));
    client_socket third(failing.port());
    EXPECT_EQ(first.read_to_end(), "");
    EXPECT_TRUE(first.ended());
    EXPECT_EQ(second.read_to_end(), "");
    EXPECT_TRUE(second.ended());
    first.close();
    second.close();
    third.close();
    ASSERT_TRUE(failing.ended());
    EXPECT_THAT(failing.failure(), HasSubstr("on purpose"));
}

/// Of this process, on that port.
std::vector<int> listening_sockets(std::uint16_t port)
{
    std::vector<int> found;
    for (int descriptor = 3; descriptor < 1'000; ++descriptor) {
        int listens = 0;
        socklen_t size = sizeof listens;
        sockaddr_in bound{};
        socklen_t length = sizeof bound;
        if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 &&
            listens == 1 &&
            ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound), &length) == 0 &&
            ntohs(bound.sin_port) == port) {
            found.push_back(descriptor);
        }
    }
    return found;
}

// One shard that nobody reaches any more would serve its part of the clients never, and nobody would know.
TEST_P(ServerOverShards, TheLossOfOneListeningSocketEndsAllInOrder)
{
    served server(echo, options(), anywhere, shards);
    std::vector<client_socket> clients;
    for (int i = 0; i < 8; ++i) {
        clients.emplace_back(server.port());
        ASSERT_TRUE(echoes(clients.back(), "before"));
    }
    const std::vector<int> sockets = listening_sockets(server.port());
    ASSERT_EQ(sockets.size(), GetParam() == listening::each ? shards : 1u);
    ASSERT_EQ(::shutdown(sockets.back(), SHUT_RD), 0);  // from now on accept answers EINVAL
    for (client_socket& client : clients) {
        EXPECT_EQ(client.read_to_end(), "");
        EXPECT_TRUE(client.ended());
        client.close();
    }
    EXPECT_TRUE(server.ended());
    EXPECT_THAT(server.failure(),
                HasSubstr("no longer listening on 127.0.0.1:" + std::to_string(server.port())));
    EXPECT_EQ(server.server().stats().accepted, 8u);
}

TEST_P(ServerOverShards, ThatCannotListenSaysSo)
{
    served first(echo);
    served second(echo, options(), first.where(), shards);
    ASSERT_TRUE(second.ended());
    EXPECT_THAT(second.failure(), HasSubstr("cannot listen on " + first.where()));
}

TEST_P(ServerOverShards, DividesItsMemory)
{
    server_options o = options();
    o.memory_budget = 8_MiB;
    served server(echo, o, anywhere, shards);
    std::vector<client_socket> clients;
    for (int i = 0; i < 10; ++i) {
        clients.emplace_back(server.port());
        ASSERT_TRUE(echoes(clients.back()));
    }
    EXPECT_GE(server.server().stats().memory, 10u * 1024) << "of all shards";
}

TEST(ServersOverShards, HandOutClientsOfAUnixSocket)
{
    const std::string path = testing::TempDir() + "libnet-shards-" + std::to_string(::getpid());
    threads_seen sessions;
    const auto session = [&](connection& peer) -> task<> {
        sessions.add();
        EXPECT_THAT(peer.peer(), HasSubstr("unix:" + std::string(testing::TempDir())));
        return echo(peer);
    };
    server_options o;
    o.socket.reuse_port = true;  // makes no difference here
    served server(session, o, "unix:" + path, 2);
    auto talk = [&]() -> task<> {
        std::vector<connection> peers;  // all at a time, so that they are handed out in turn
        for (int i = 0; i < 4; ++i) {
            connection peer = co_await checked(libnet::connect("unix:" + path));
            co_await checked(peer.send("hello"));
            const libnet::bytes reply = co_await checked(peer.receive());
            EXPECT_EQ(libnet::as_text(reply), "hello");
            peers.push_back(std::move(peer));
        }
    };
    libnet::run(talk(), signals_alone);
    EXPECT_THAT(sessions.counts(), UnorderedElementsAre(2, 2));
}

/// A listener whose streams are in memory.
class without_descriptors final : public libnet::listener {
public:
    task<std::unique_ptr<libnet::stream>> accept() override
    {
        libnet::testing::stream_pair pair(co_await libnet::this_loop());
        co_return pair.take_left();
    }
    void close() noexcept override {}
    std::string local() const override { return "memory"; }
};

TEST(ServersOverShards, SayThatOnlySocketsCanBeHandedOut)
{
    libnet::shards all({.threads = 1});
    libnet::server server(std::make_unique<without_descriptors>(), echo);
    try {
        libnet::run(server.run(all), signals_alone);
        ADD_FAILURE() << "it went well";
    } catch (const boost::system::system_error& failed) {
        EXPECT_EQ(failed.code(), libnet::error::not_supported);
        EXPECT_THAT(failed.what(), HasSubstr("no socket"));
    }
}

}  // namespace
