#include "support/served.hpp"

#include <libnet/asio.hpp>
#include <libnet/libnet.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <string>

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/// What is asked for reaches the kernel, and what it has can be read back.
namespace {

using namespace integration;
using namespace libnet::literals;
using libnet::socket_options;
using libnet::task;
using testing::HasSubstr;

struct seen {
    socket_options client;
    socket_options server;
    std::string failure;
};

// Connects once and says what was in force on both sides while a message went there and back.
seen look(const socket_options& asked)
{
    seen found;
    libnet::server_options options;
    options.socket = asked;
    const auto session = [&found](libnet::connection& peer) -> task<> {
        found.server = libnet::read_socket_options(peer.transport().native_handle()).value();
        co_await echo(peer);
    };
    served server(session, options);
    found.failure = server.failure();
    if (!found.failure.empty()) {
        return found;
    }
    libnet::connect_options with;
    with.socket = asked;
    auto program = [&]() -> task<> {
        auto peer = co_await libnet::connect(server.where(), with);
        if (!peer) {
            found.failure = peer.error().message();
            co_return;
        }
        found.client = libnet::read_socket_options(peer->transport().native_handle()).value();
        EXPECT_TRUE(co_await peer->send("hello"));
        const auto reply = co_await peer->receive();
        EXPECT_TRUE(reply && libnet::as_text(*reply) == "hello");
        co_await peer->close();
    };
    libnet::run(program(), signals_alone);
    EXPECT_TRUE(server.report());
    return found;
}

void expect_on_both(const socket_options& asked,
                    const std::function<void(const socket_options&)>& check)
{
    const seen found = look(asked);
    ASSERT_EQ(found.failure, "");
    {
        SCOPED_TRACE("client");
        check(found.client);
    }
    SCOPED_TRACE("server");
    check(found.server);
}

TEST(SocketOptions, DefaultsReachBothSides)
{
    expect_on_both({}, [](const socket_options& s) {
        EXPECT_TRUE(s.no_delay);
        ASSERT_TRUE(s.keep_alive);
        EXPECT_EQ(s.keep_alive->after, 60s);
        EXPECT_EQ(s.keep_alive->interval, 10s);
        EXPECT_EQ(s.keep_alive->probes, 3);
        EXPECT_EQ(s.user_timeout, 90s);
        EXPECT_FALSE(s.linger);
        EXPECT_FALSE(s.not_sent_low_water);
        EXPECT_TRUE(s.device.empty());
        EXPECT_FALSE(s.multipath);
        EXPECT_FALSE(s.congestion.empty()) << "the kernel has one always";
    });
}

TEST(SocketOptions, OthersReachBothSides)
{
    socket_options asked;
    asked.no_delay = false;
    asked.keep_alive.reset();
    asked.user_timeout = 0ms;
    asked.send_buffer = 64_KiB;
    asked.receive_buffer = 32_KiB;
    asked.not_sent_low_water = 16_KiB;
    asked.linger = 0s;
    asked.dscp = 46;
    expect_on_both(asked, [](const socket_options& s) {
        EXPECT_FALSE(s.no_delay);
        EXPECT_FALSE(s.keep_alive);
        EXPECT_EQ(s.user_timeout, 0s);
        EXPECT_EQ(s.send_buffer, 64_KiB);
        EXPECT_EQ(s.receive_buffer, 32_KiB);
        EXPECT_EQ(s.not_sent_low_water, 16_KiB);
        EXPECT_EQ(s.linger, 0s);
        EXPECT_EQ(s.dscp, 46);
    });
}

// The kernel itself is asked too, since what reads back could be wrong in the same way as what sets.
TEST(SocketOptions, AreWhatTheKernelHas)
{
    libnet::connect_options with;
    with.socket.dscp = 46;
    with.socket.congestion = "reno";
    with.socket.linger = 0s;
    served server(echo);
    auto program = [&]() -> task<> {
        auto peer = co_await checked(libnet::connect(server.where(), with));
        const int descriptor = peer.transport().native_handle();
        const auto number = [descriptor](int level, int option) {
            int value = -1;
            socklen_t size = sizeof value;
            ::getsockopt(descriptor, level, option, &value, &size);
            return value;
        };
        EXPECT_EQ(number(IPPROTO_IP, IP_TOS), 46 << 2);
        EXPECT_EQ(number(IPPROTO_TCP, TCP_NODELAY), 1);
        EXPECT_EQ(number(IPPROTO_TCP, TCP_USER_TIMEOUT), 90'000);
        char name[16] = {};
        socklen_t size = sizeof name;
        ::getsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, name, &size);
        EXPECT_STREQ(name, "reno");
        linger l{};
        size = sizeof l;
        ::getsockopt(descriptor, SOL_SOCKET, SO_LINGER, &l, &size);
        EXPECT_EQ(l.l_onoff, 1);
        EXPECT_EQ(l.l_linger, 0);
        co_await peer.close();
    };
    libnet::run(program(), signals_alone);
}

TEST(SocketOptions, CongestionControlByName)
{
    std::ifstream list("/proc/sys/net/ipv4/tcp_allowed_congestion_control");
    std::string name;
    std::size_t tried = 0;
    while (list >> name) {
        SCOPED_TRACE(name);
        socket_options asked;
        asked.congestion = name;
        expect_on_both(asked, [&](const socket_options& s) { EXPECT_EQ(s.congestion, name); });
        ++tried;
    }
    EXPECT_GT(tried, 0U);
}

TEST(SocketOptions, ACongestionControlThatThereIsNotIsNamed)
{
    socket_options asked;
    asked.congestion = "no-such-thing";
    EXPECT_THAT(look(asked).failure,
                testing::AllOf(HasSubstr("cannot listen"), HasSubstr("TCP_CONGESTION")));
}

TEST(SocketOptions, ADscpHasSixBits)
{
    for (const int wrong : {-1, 64, 255}) {
        socket_options asked;
        asked.dscp = wrong;
        EXPECT_THAT(look(asked).failure, HasSubstr("DSCP"));
    }
}

TEST(SocketOptions, ANameHasFifteenCharacters)
{
    EXPECT_EQ(libnet::short_name("fifteen letters").text(), "fifteen letters");
    EXPECT_THROW(libnet::short_name("sixteen letters!"), std::length_error);
}

TEST(SocketOptions, TrafficOfOneInterface)
{
    socket_options asked;
    asked.device = "lo";
    const seen found = look(asked);
    if (found.failure.find("not permitted") != std::string::npos) {
        GTEST_SKIP() << found.failure;
    }
    EXPECT_EQ(found.failure, "");
    EXPECT_EQ(found.client.device, "lo");
}

TEST(SocketOptions, FastOpenOnBothSides)
{
    socket_options asked;
    asked.fast_open = 16;
    const seen found = look(asked);  // asserts that the message came back
    EXPECT_EQ(found.failure, "");
    EXPECT_EQ(found.client.fast_open, 1);

    boost::asio::io_context io;
    const auto listening = libnet::tcp::listen(libnet::loop_of(io), {"127.0.0.1", 0}, asked);
    EXPECT_EQ(libnet::read_socket_options(listening->native_handle())->fast_open, 16);
}

TEST(SocketOptions, MultipathWhereTheKernelHasIt)
{
    socket_options asked;
    asked.multipath = true;
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 262);
    const bool there = probe >= 0;
    if (there) {
        ::close(probe);
    }
    const seen found = look(asked);
    EXPECT_EQ(found.failure, "");
    EXPECT_EQ(found.client.multipath, there);
}

TEST(SocketOptions, QuickAcknowledgements)
{
    for (const bool quick : {true, false}) {
        socket_options asked;
        asked.quick_ack = quick;
        const seen found = look(asked);
        EXPECT_EQ(found.failure, "");
        EXPECT_EQ(found.client.quick_ack, quick);
        EXPECT_EQ(found.server.quick_ack, quick);
    }
}

TEST(SocketOptions, AreThoseOfTcpOnlyWhereThereIsTcp)
{
    const std::string name = "unix:@libnet-options-" + std::to_string(::getpid());
    libnet::server_options options;
    options.socket.send_buffer = 64_KiB;
    options.socket.congestion = "reno";
    served server(echo, options, name);
    ASSERT_EQ(server.failure(), "");
    libnet::connect_options with;
    with.socket = options.socket;
    auto program = [&]() -> task<> {
        auto peer = co_await checked(libnet::connect(name, with));
        const auto found = libnet::read_socket_options(peer.transport().native_handle());
        EXPECT_EQ(found->send_buffer, 64_KiB);
        EXPECT_TRUE(found->congestion.empty());
        co_await peer.close();
    };
    libnet::run(program(), signals_alone);
}

TEST(SocketOptions, CannotBeReadFromWhatIsNoSocket)
{
    EXPECT_EQ(libnet::read_socket_options(-1).error(), boost::system::errc::bad_file_descriptor);
    EXPECT_EQ(libnet::read_socket_options(0).error(), boost::system::errc::not_a_socket);
}

}  // namespace
