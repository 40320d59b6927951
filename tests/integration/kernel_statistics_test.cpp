#include "support/child_process.hpp"
#include "support/client_socket.hpp"
#include "support/served.hpp"

#include <libnet/libnet.hpp>

#include <gtest/gtest.h>

#include <array>
#include <future>
#include <optional>
#include <regex>
#include <string>

#include <sys/socket.h>
#include <unistd.h>

/// What the kernel says of a socket, compared with what `ss` makes of it.
namespace {

using namespace integration;
using namespace std::chrono_literals;
using libnet::checked;
using libnet::kernel_statistics;
using libnet::task;

double milliseconds(libnet::duration time)
{
    return std::chrono::duration<double, std::milli>(time).count();
}

/// The line of `ss` about one end of a connection.
class shown_by_ss {
public:
    explicit shown_by_ss(const libnet::stream& of)
    {
        const auto ran = shell("ss -tinHOa src '" + of.local() + "' and dst '" + of.peer() + "'");
        line_ = ran.output;
        std::smatch found;
        if (std::regex_search(line_, found, std::regex(R"(^(\S+)\s+(\d+)\s+(\d+))"))) {
            state = found[1];
            receive_queue = std::stoull(found[2]);
            send_queue = std::stoull(found[3]);
        }
    }

    /// The n-th number after "name:" or "name ".
    std::optional<double> number(const std::string& name, std::size_t n = 1) const
    {
        std::smatch found;
        const std::regex pattern(" " + name + R"([: ]([\d.]+)(?:/([\d.]+))?)");
        if (!std::regex_search(line_, found, pattern) || !found[n].matched) {
            return std::nullopt;
        }
        return std::stod(found[n]);
    }

    const std::string& line() const noexcept { return line_; }

    std::string state;
    std::size_t receive_queue = 0;
    std::size_t send_queue = 0;

private:
    std::string line_;
};

task<> echo(libnet::connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

TEST(KernelStatistics, AreWhatSsShows)
{
    served server(echo);
    auto program = [&]() -> task<> {
        auto peer = co_await checked(libnet::connect(server.where()));
        const std::string payload(100'000, 'x');
        for (int i = 0; i != 3; ++i) {
            co_await checked(peer.send(payload));
            co_await checked(peer.receive());
        }
        co_await checked(libnet::sleep_for(300ms));  // all is acknowledged, nothing changes

        const libnet::stream& socket = peer.transport();
        const std::optional<kernel_statistics> own = peer.info().kernel;
        const shown_by_ss shown(socket);
        SCOPED_TRACE(shown.line());
        EXPECT_TRUE(own.has_value());
        if (!own) {
            co_return;
        }
        EXPECT_EQ(own->state, "ESTAB");
        EXPECT_EQ(own->state, shown.state);
        EXPECT_EQ(own->receive_queue, shown.receive_queue);
        EXPECT_EQ(own->send_queue, shown.send_queue);
        EXPECT_NEAR(milliseconds(own->round_trip.value()), shown.number("rtt", 1).value(), 0.001);
        EXPECT_NEAR(milliseconds(own->round_trip_variation.value()), shown.number("rtt", 2).value(),
                    0.001);
        EXPECT_NEAR(milliseconds(own->shortest_round_trip.value()),
                    shown.number("minrtt").value_or(0), 0.001);
        EXPECT_EQ(own->congestion_window.value(), shown.number("cwnd").value());
        EXPECT_EQ(own->unacknowledged.value(), shown.number("unacked").value_or(0));
        EXPECT_EQ(own->lost.value(), shown.number("lost").value_or(0));
        EXPECT_EQ(own->retransmitted.value(), shown.number("retrans", 2).value_or(0));
        const double bits = shown.number("delivery_rate").value_or(0);
        EXPECT_NEAR(static_cast<double>(own->delivery_rate.value()) * 8, bits, bits / 100);
        EXPECT_GE(own->since_sent.value(), 300ms);
        EXPECT_GE(own->since_received.value(), 300ms);
        const double later = milliseconds(patience);
        EXPECT_NEAR(milliseconds(*own->since_sent), shown.number("lastsnd").value(), later);
        EXPECT_NEAR(milliseconds(*own->since_received), shown.number("lastrcv").value(), later);
        (void)co_await peer.close();
    };
    libnet::run(program(), signals_alone);
}

TEST(KernelStatistics, ShowWhatNobodyReads)
{
    std::optional<kernel_statistics> received;
    std::optional<kernel_statistics> sent;
    std::optional<shown_by_ss> shown;
    std::promise<void> measured;
    auto session = [&](libnet::connection& peer) -> task<> {
        const libnet::stream& socket = peer.transport();
        const auto waiting = [&] { return socket.statistics()->receive_queue.value_or(0); };
        const auto give_up = std::chrono::steady_clock::now() + patience;
        while (waiting() < 9 && std::chrono::steady_clock::now() < give_up) {
            co_await checked(libnet::sleep_for(1ms));
        }
        received = socket.statistics();

        co_await checked(peer.send(std::string(1'000'000, 'x')));  // more than the kernel takes
        co_await checked(libnet::sleep_for(50ms));
        sent = socket.statistics();
        shown.emplace(socket);
        measured.set_value();
    };
    libnet::server_options options;
    options.socket.send_buffer = 100'000;
    served server(session, options);
    {
        client_socket client(server.port(), 10'000);
        client.send(framed("hello"));
        ASSERT_EQ(measured.get_future().wait_for(patience), std::future_status::ready);
        client.reset();
    }
    ASSERT_TRUE(received && sent && shown);
    EXPECT_EQ(received->receive_queue, 9U);
    EXPECT_EQ(received->send_queue, 0U);
    SCOPED_TRACE(shown->line());
    EXPECT_GT(sent->send_queue.value(), 20'000U);
    EXPECT_LT(sent->send_queue.value(), 1'000'000U);
    EXPECT_EQ(sent->send_queue, shown->send_queue);
    EXPECT_EQ(sent->receive_queue, shown->receive_queue);
}

TEST(KernelStatistics, FollowTheStateOfTheConnection)
{
    std::string_view after;
    auto session = [&](libnet::connection& peer) -> task<> {
        EXPECT_FALSE(co_await peer.receive());
        after = peer.transport().statistics()->state;
    };
    served server(session);
    client_socket(server.port()).close();
    ASSERT_TRUE(server.report());
    EXPECT_EQ(after, "CLOSE-WAIT");
}

TEST(KernelStatistics, OfAUnixSocketAreItsQueues)
{
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    ASSERT_EQ(::write(ends[0], "hello", 5), 5);
    const auto writer = libnet::read_kernel_statistics(ends[0]);
    const auto reader = libnet::read_kernel_statistics(ends[1]);
    ::close(ends[0]);
    ::close(ends[1]);
    ASSERT_TRUE(writer && reader);
    EXPECT_EQ(reader->receive_queue, 5U);
    EXPECT_EQ(reader->send_queue, 0U);
    EXPECT_GE(writer->send_queue.value(), 5U);
    EXPECT_EQ(writer->state, "");
    EXPECT_FALSE(writer->round_trip);
}

TEST(KernelStatistics, ThereAreNoneOfWhatIsNoSocket)
{
    EXPECT_FALSE(libnet::read_kernel_statistics(-1));
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    EXPECT_FALSE(libnet::read_kernel_statistics(ends[0]));
    ::close(ends[0]);
    ::close(ends[1]);
}

}  // namespace
