#include "support/client_socket.hpp"
#include "support/echo_server.hpp"
#include "support/process_figures.hpp"
#include "support/served.hpp"
#include "support/threads_seen.hpp"
#include "support/tls_programs.hpp"

#include <libnet/libnet.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// The programs over shards, and UDP, which has a socket for each of them.
namespace {

using namespace integration;
using namespace libnet::literals;
using libnet::checked;
using libnet::task;
using testing::HasSubstr;

class ProgramOverShards : public testing::TestWithParam<std::vector<std::string>> {};

INSTANTIATE_TEST_SUITE_P(With, ProgramOverShards,
                         testing::Values(std::vector<std::string>{"--threads", "2"},
                                         std::vector<std::string>{"--threads", "2",
                                                                  "--reuse-port"}),
                         [](const auto& i) { return i.index == 0 ? "Threads" : "ReusePort"; });

TEST_P(ProgramOverShards, ServesUntilASignal)
{
    echo_server server(GetParam());
    client_socket first(server.port());
    client_socket second(server.port());
    ASSERT_TRUE(echoes(first));
    ASSERT_TRUE(echoes(second));
    server.signal(SIGTERM);
    EXPECT_EQ(first.read_to_end(), "");
    EXPECT_TRUE(first.ended());
    first.close();
    second.close();
    const auto ended = server.process().finish();
    EXPECT_EQ(ended.code, 0);
    EXPECT_EQ(ended.errors, "");
    EXPECT_THAT(ended.output, HasSubstr("stopped after 2 connections, 2 messages"));
}

// With descriptors short, one shard or the acceptor fails; those who are served go on.
TEST_P(ProgramOverShards, RecoversFromAShortageOfDescriptors)
{
    if (instrumented) {
        GTEST_SKIP() << "sanitizers need descriptors of their own when they check";
    }
    std::vector<std::string> flags = GetParam();
    flags.push_back("--quiet");
    echo_server server(flags, {.most_descriptors = 64});
    std::vector<client_socket> clients;
    for (int i = 0; i < 200; ++i) {
        clients.emplace_back(server.port());
    }
    std::this_thread::sleep_for(200ms);  // it has met the limit by now
    const auto worked = processor_time(server.id());
    EXPECT_TRUE(echoes(clients.front()));
    std::this_thread::sleep_for(500ms);
    EXPECT_LT(processor_time(server.id()) - worked, 100ms) << "more than 20 % of a core";
    client_socket last = std::move(clients.back());
    ASSERT_TRUE(last.send(framed("waiting")));
    clients.clear();
    EXPECT_EQ(last.read(11), framed("waiting"));
    last.close();
    EXPECT_EQ(server.stop(SIGTERM).code, 0);
}

// One context serves all shards.
TEST(ProgramsOverShards, ShareATlsContext)
{
    tls_echo_server server({"--threads", "2"});
    const std::string line = server.line("certificate: ");
    const std::string fingerprint = line.substr(line.rfind(' ') + 1);
    for (const char* word : {"one", "two", "three"}) {
        const auto client = run_tls_client(server.where(), {"--fingerprint", fingerprint, word});
        EXPECT_EQ(client.code, 0) << client.errors;
        EXPECT_EQ(client.output, "echo: " + std::string(word) + '\n');
    }
    const auto ended = server.stop(SIGTERM);
    EXPECT_EQ(ended.code, 0);
    EXPECT_THAT(ended.output, HasSubstr("stopped after 3 connections"));
}

TEST(ProgramsOverShards, RefuseNumbersThatAreNone)
{
    for (const char* wrong : {"-1", "two", "1025", ""}) {
        child_process server({TCP_ECHO_SERVER, "--threads", wrong});
        const auto ended = server.finish();
        EXPECT_EQ(ended.code, 2) << wrong;
        EXPECT_THAT(ended.errors, HasSubstr("--threads"));
    }
}

TEST(ProgramsOverShards, ShareAPortWithOtherProcesses)
{
    echo_server first({"--reuse-port"});
    echo_server second({"--reuse-port", "--listen", first.where()});
    ASSERT_EQ(second.where(), first.where());
    EXPECT_EQ(first.stop(SIGTERM).code, 0);
    EXPECT_TRUE(echoes(second.port()));
}

/// From an address that is another one's neither now nor later, as a port might be.
task<> ask_three_times(std::string where, int who)
{
    libnet::udp_socket socket(co_await libnet::this_loop(),
                              "127.0.1." + std::to_string(who) + ":0");
    const auto server = libnet::endpoint::parse(where);
    const auto address = libnet::ip_address::parse(server->host);
    for (int i = 0; i < 3; ++i) {
        co_await checked(socket.send_to({*address, server->port}, std::to_string(i)));
        const libnet::datagram answer =
            co_await checked(libnet::within(patience, socket.receive()));
        EXPECT_EQ(libnet::as_text(answer.payload()), std::to_string(i));
    }
}

// The kernel's hash keeps a peer on its shard: it has one session.
TEST(UdpOverShards, PeersStayOnTheirShard)
{
    threads_seen sessions;
    const auto session = [&](libnet::udp_peer& peer) -> task<> {
        sessions.add();
        while (auto message = co_await peer.receive()) {
            peer.send(*message);
        }
    };
    std::promise<std::string> where;
    libnet::udp_server_options options;
    options.on_listening = [&](const std::string& local) { where.set_value(local); };
    libnet::udp_server server("127.0.0.1:0", libnet::udp_server::peer_session(session), options);
    libnet::shards all({.threads = 2});
    std::thread serves([&] { libnet::run(server.run(all), signals_alone); });
    const std::string local = where.get_future().get();
    for (int who = 1; who <= 40; ++who) {
        libnet::run(ask_three_times(local, who), signals_alone);
        const libnet::udp_server_stats meanwhile = server.stats();
        EXPECT_EQ(meanwhile.active, static_cast<unsigned>(who));
        EXPECT_EQ(meanwhile.socket.received, 3U * static_cast<unsigned>(who));
    }
    server.stop();
    serves.join();
    EXPECT_EQ(server.stats().accepted, 40u);
    EXPECT_EQ(server.stats().socket.received, 120u);
    EXPECT_EQ(server.stats().socket.sent, 120u);
    EXPECT_EQ(sessions.counts().size(), 2u) << "the kernel's hash left one without any of 40";
}

TEST(UdpOverShards, ThatCannotListenSaysSo)
{
    auto occupied = [](std::string* where) -> task<> {
        libnet::udp_socket socket(co_await libnet::this_loop(), "127.0.0.1:0");
        *where = socket.local().to_string();
        libnet::shards all({.threads = 2});
        libnet::udp_server server(*where, libnet::udp_server::socket_session(
                                              [](libnet::udp_socket&) -> task<> { co_return; }));
        co_await checked(server.run(all));
    };
    std::string where;
    try {
        libnet::run(occupied(&where), signals_alone);
        ADD_FAILURE() << "it went well";
    } catch (const boost::system::system_error& failed) {
        EXPECT_THAT(failed.what(), HasSubstr("cannot listen on " + where));
    }
}

TEST(UdpOverShards, AnExceptionOnOneEndsAll)
{
    libnet::shards all({.threads = 2});
    libnet::udp_server_options options;
    std::promise<std::string> where;
    options.on_listening = [&](const std::string& local) { where.set_value(local); };
    options.on_open = [](const libnet::udp_peer&) { throw std::runtime_error("on purpose"); };
    const auto session = [](libnet::udp_peer& peer) -> task<> {
        while (co_await peer.receive()) {}
    };
    libnet::udp_server server("127.0.0.1:0", libnet::udp_server::peer_session(session), options);
    std::thread asks([&] {
        const auto knock = [](std::string at) -> task<> {
            libnet::udp_socket socket(co_await libnet::this_loop(), "127.0.0.1:0");
            const auto to = libnet::endpoint::parse(at);
            co_await checked(
                socket.send_to({*libnet::ip_address::parse(to->host), to->port}, "knock"));
            co_await checked(socket.flush());
        };
        libnet::run(knock(where.get_future().get()), signals_alone);
    });
    EXPECT_THROW(libnet::run(server.run(all), signals_alone), std::runtime_error);
    asks.join();
}

}  // namespace
