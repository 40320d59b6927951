#include "support/client_socket.hpp"
#include "support/served.hpp"

#include <libnet/libnet.hpp>

#include <boost/system/system_error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

/// Connecting and listening by TCP, for real.
namespace {

using namespace integration;
using namespace libnet::literals;
using libnet::error;
using libnet::task;
using testing::AllOf;
using testing::HasSubstr;
using steady = std::chrono::steady_clock;

// Connects and answers how that ended.
libnet::error_code outcome_of_connect(const std::string& where,
                                      libnet::connect_options options = {})
{
    libnet::error_code outcome;
    auto program = [&]() -> task<> {
        auto peer = co_await libnet::connect(where, options);
        outcome = peer ? libnet::error_code() : peer.error();
        if (peer) {
            co_await peer->close();
        }
    };
    libnet::run(program(), signals_alone);
    return outcome;
}

// A listening socket of which nobody accepts, with room for one connection.
class full_backlog {
public:
    full_backlog() : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        ::bind(listening_, reinterpret_cast<const sockaddr*>(&address), length);
        ::listen(listening_, 0);
        ::getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &length);
        port_ = ntohs(address.sin_port);
        filler_.emplace(port_);
    }
    full_backlog(const full_backlog&) = delete;
    full_backlog& operator=(const full_backlog&) = delete;
    ~full_backlog() { ::close(listening_); }

    std::string where() const { return "127.0.0.1:" + std::to_string(port_); }

private:
    int listening_;
    std::uint16_t port_ = 0;
    std::optional<client_socket> filler_;
};

TEST(TcpConnect, TimesOut)
{
    const full_backlog nobody;
    libnet::connect_options options;
    options.connect_timeout = 300ms;
    const auto start = steady::now();
    const libnet::error_code outcome = outcome_of_connect(nobody.where(), options);
    EXPECT_EQ(outcome, error::connect_timeout);
    EXPECT_EQ(outcome, libnet::condition::timeout);
    EXPECT_GE(steady::now() - start, 300ms);
    EXPECT_LT(steady::now() - start, about(300ms));
}

TEST(TcpConnect, TimesOutAfterThreeSecondsByDefault)
{
    const full_backlog nobody;
    const auto start = steady::now();
    EXPECT_EQ(outcome_of_connect(nobody.where()), error::connect_timeout);
    EXPECT_GE(steady::now() - start, 3s);
    EXPECT_LT(steady::now() - start, about(3s));
}

// An outer deadline is not connect's own.
TEST(TcpConnect, OuterDeadlineIsATimeoutOfItsOwnKind)
{
    const full_backlog nobody;
    libnet::error_code outcome;
    auto program = [&]() -> task<> {
        auto peer = co_await libnet::within(200ms, libnet::connect(nobody.where()));
        outcome = peer.error();
    };
    libnet::run(program(), signals_alone);
    EXPECT_EQ(outcome, error::timeout);
}

TEST(TcpConnect, IsRefused)
{
    std::string where;
    {
        served gone(echo);
        where = gone.where();
    }
    EXPECT_EQ(outcome_of_connect(where), boost::system::errc::connection_refused);
}

TEST(TcpConnect, UnknownHost)
{
    const auto start = steady::now();
    const libnet::error_code outcome = outcome_of_connect("does-not-exist.invalid:9000");
    if (outcome == error::connect_timeout) {
        GTEST_SKIP() << "the resolver of this machine does not answer";
    }
    EXPECT_EQ(outcome, error::host_not_found);
    EXPECT_LT(steady::now() - start, about(3s));
}

TEST(TcpConnect, NoEndpoint)
{
    EXPECT_EQ(outcome_of_connect("localhost"), error::invalid_endpoint);
}

// "localhost" may be ::1 first, where nobody listens.
TEST(TcpConnect, TriesEveryAddress)
{
    served server(echo);
    const auto outcome = outcome_of_connect("localhost:" + std::to_string(server.port()));
    if (outcome == error::host_not_found) {
        GTEST_SKIP() << "this machine does not know the name localhost";
    }
    EXPECT_FALSE(outcome);
}

TEST(TcpConnect, RefusedOption)
{
    served server(echo);
    libnet::connect_options options;
    options.socket.keep_alive = libnet::tcp_keep_alive{.after = std::chrono::seconds(1'000'000)};
    const libnet::error_code outcome = outcome_of_connect(server.where(), options);
    EXPECT_EQ(outcome, libnet::condition::option_refused);
    EXPECT_THAT(outcome.message(), AllOf(HasSubstr("TCP_KEEPIDLE"), HasSubstr("Invalid argument")));
}

TEST(TcpListen, RefusedOptionIsNamed)
{
    libnet::server_options options;
    options.socket.keep_alive = libnet::tcp_keep_alive{.after = std::chrono::seconds(1'000'000)};
    served server(echo, options);
    EXPECT_EQ(server.where(), "");
    EXPECT_THAT(server.failure(), AllOf(HasSubstr("cannot listen on 127.0.0.1:0"),
                                        HasSubstr("TCP_KEEPIDLE"), HasSubstr("Invalid argument")));
}

TEST(TcpListen, PortInUse)
{
    served first(echo);
    served second(echo, {}, first.where());
    EXPECT_THAT(second.failure(), testing::StartsWith("cannot listen on " + first.where() +
                                                      ": Address already in "
                                                      "use"));
}

// IPV6_V6ONLY: an explicit IPv6 address leaves the port of IPv4 alone.
TEST(TcpListen, BothFamiliesOnOnePort)
{
    served four(echo);
    served six(echo, {}, "[::1]:" + std::to_string(four.port()));
    if (six.failure().find("assign requested address") != std::string::npos ||
        six.failure().find("not supported") != std::string::npos) {
        GTEST_SKIP() << "no IPv6 here: " << six.failure();
    }
    ASSERT_EQ(six.failure(), "");
    EXPECT_FALSE(outcome_of_connect(four.where()));
    EXPECT_FALSE(outcome_of_connect(six.where()));
}

TEST(TcpListen, RestartsAtOnceOnTheSamePort)
{
    std::string where;
    {
        served first(echo);
        where = first.where();
        client_socket client(first.port());
        const std::string frame = framed("hello");
        client.send(frame);
        EXPECT_EQ(client.read(frame.size()), frame);
        first.server().stop();
        EXPECT_EQ(client.read_to_end(), "");  // the server ends first: TIME_WAIT is its
    }
    served second(echo, {}, where);
    EXPECT_EQ(second.where(), where) << second.failure();
}

}  // namespace
