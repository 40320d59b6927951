#include "support/child_process.hpp"
#include "support/served.hpp"

#include <libnet/libnet.hpp>

#include <boost/system/errc.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

/// UDP sockets of the system's.
namespace {

using namespace integration;
using namespace libnet;
using namespace libnet::literals;
using testing::Each;
using testing::SizeIs;
namespace errc = boost::system::errc;

/// Runs `body` on a loop of its own; false if it takes too long.
bool run_on_loop(std::function<task<>(loop&)> body)
{
    bool whole = false;
    auto bounded = [&]() -> task<> {
        loop& here = co_await this_loop();
        auto working = body(here);
        const auto done = co_await within(patience, std::move(working));
        whole = done.has_value();
        EXPECT_TRUE(whole) << done.error().message();
    };
    run(bounded(), signals_alone);
    return whole;
}

task<std::string> exchange(udp_socket& from, udp_socket& to, const socket_address& where,
                           std::string payload)
{
    co_await checked(from.send_to(where, payload));
    const datagram asked = co_await checked(to.receive());
    co_await checked(to.reply(asked, asked.payload()));
    const datagram answer = co_await checked(from.receive());
    co_return to_string(answer.payload());
}

TEST(Udp, CarriesDatagramsOfEverySize)
{
    run_on_loop([](loop& here) -> task<> {
        udp_socket one(here, "127.0.0.1:0");
        udp_socket two(here, "127.0.0.1:0");
        for (const std::size_t size : {0U, 1U, 64U, 1472U, 1473U, 65'506U, 65'507U}) {
            const std::string payload(size, 'x');
            auto asking = exchange(one, two, two.local(), payload);
            const std::string answer = co_await checked(std::move(asking));
            EXPECT_EQ(answer.size(), size);
            EXPECT_EQ(answer, payload);
        }
        EXPECT_EQ(one.send_to(two.local(), std::string(65'508, 'x')).error(),
                  error::frame_too_large);
        EXPECT_EQ(two.stats().dropped, 0U);
    });
}

// What several calls would be is one, in both directions, and nobody sees it but for the counters.
TEST(Udp, ManyDatagramsAreFewCalls)
{
    for (const bool segmentation : {true, false}) {
        run_on_loop([=](loop& here) -> task<> {
            udp_options options;
            options.segmentation = segmentation;
            udp_socket sender(here, "127.0.0.1:0", options);
            udp_socket receiver(here, "127.0.0.1:0", options);
            constexpr std::uint64_t count = 200;
            for (std::uint64_t i = 0; i < count; ++i) {
                const std::string payload = std::to_string(1'000 + i) + std::string(60, '.');
                co_await checked(sender.send_to(receiver.local(), payload));
            }
            co_await checked(sender.flush());
            for (std::uint64_t i = 0; i < count; ++i) {
                const datagram received = co_await checked(receiver.receive());
                EXPECT_EQ(as_text(received.payload().first(4)), std::to_string(1'000 + i));
                EXPECT_EQ(received.from(), sender.local());
            }
            EXPECT_EQ(sender.stats().sent, count);
            EXPECT_LE(sender.stats().send_calls, 4U);
            EXPECT_LE(receiver.stats().receive_calls, 5U);
        });
    }
}

TEST(Udp, SaysWhatWasCutOff)
{
    for (const bool segmentation : {true, false}) {
        run_on_loop([=](loop& here) -> task<> {
            udp_options options;
            options.segmentation = segmentation;
            options.max_datagram = 100;
            udp_socket sender(here, "127.0.0.1:0");
            udp_socket receiver(here, "127.0.0.1:0", options);
            co_await checked(sender.send_to(receiver.local(), std::string(1000, 'x')));
            const datagram cut = co_await checked(receiver.receive());
            EXPECT_TRUE(cut.truncated());
            EXPECT_EQ(cut.size(), 1000U);
            EXPECT_EQ(cut.payload().size(), 100U);
            co_await checked(sender.send_to(receiver.local(), std::string(100, 'x')));
            const datagram whole = co_await checked(receiver.receive());
            EXPECT_FALSE(whole.truncated());
        });
    }
}

// Two to a port that nobody listens on, and then one to somebody: it is told whose errors they were.
TEST(Udp, AnUnreachablePortIsToldAndNoFailure)
{
    run_on_loop([](loop& here) -> task<> {
        std::vector<datagram_error> told;
        udp_options options;
        options.on_error = [&](const datagram_error& e) { told.push_back(e); };
        std::optional<udp_socket> gone(std::in_place, here, "127.0.0.1:0");
        const socket_address nobody = gone->local();
        gone.reset();
        udp_socket one(here, "127.0.0.1:0", options);
        udp_socket two(here, "127.0.0.1:0");
        for (int i = 0; i < 3; ++i) {
            co_await checked(one.send_to(nobody, "anybody?"));
            auto asking = exchange(one, two, two.local(), "hello");
            EXPECT_EQ(co_await checked(std::move(asking)), "hello");
        }
        EXPECT_THAT(told, SizeIs(3));
        for (const datagram_error& e : told) {
            EXPECT_EQ(e.peer, nobody);
            EXPECT_EQ(e.why, errc::connection_refused);
            EXPECT_EQ(e.reporter, nobody.address);
        }
    });
}

TEST(Udp, ServesBothFamiliesOnOneSocketAndAnswersFromWhereItWasAsked)
{
    run_on_loop([](loop& here) -> task<> {
        udp_socket server(here, ":0");
        const std::uint16_t port = server.local().port;
        udp_socket four(here, "127.0.0.1:0");
        // 127.0.0.2 is this machine as well: the answer has to come from there.
        for (const char* address : {"127.0.0.1", "127.0.0.2"}) {
            const socket_address where{ip_address::parse(address).value(), port};
            co_await checked(four.send_to(where, "hello"));
            const datagram asked = co_await checked(server.receive());
            EXPECT_EQ(asked.from(), four.local());
            EXPECT_EQ(asked.to().to_string(), address);
            EXPECT_NE(asked.interface(), 0U);
            co_await checked(server.reply(asked, "answer"));
            const datagram answer = co_await checked(four.receive());
            EXPECT_EQ(answer.from(), where);
        }
        udp_socket six(here, "[::1]:0");
        const socket_address where{ip_address::parse("::1").value(), port};
        auto asking = exchange(six, server, where, "over six");
        EXPECT_EQ(co_await checked(std::move(asking)), "over six");
    });
}

/// The descriptor of a socket of this process.
int descriptor_of(const udp_socket& socket)
{
    for (int descriptor = 3; descriptor < 1024; ++descriptor) {
        sockaddr_in6 address{};
        socklen_t size = sizeof address;
        if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
            ntohs(address.sin6_port) == socket.local().port &&
            (address.sin6_family == AF_INET || address.sin6_family == AF_INET6)) {
            return descriptor;  // the port is at the same place in both
        }
    }
    ADD_FAILURE() << "there is no socket of port " << socket.local().port;
    return -1;
}

void set_option(const udp_socket& socket, int level, int option, int value)
{
    EXPECT_EQ(::setsockopt(descriptor_of(socket), level, option, &value, sizeof value), 0) << errno;
}

TEST(Udp, ReadsHopsAndCongestion)
{
    for (const bool six : {false, true}) {
        run_on_loop([=](loop& here) -> task<> {
            const char* const host = six ? "[::1]:0" : "127.0.0.1:0";
            udp_options options;
            options.hop_limit = options.ecn = true;
            udp_socket receiver(here, host, options);
            udp_socket sender(here, host);
            co_await checked(sender.send_to(receiver.local(), "as they are"));
            const datagram usual = co_await checked(receiver.receive());
            EXPECT_EQ(usual.hop_limit(), 64);
            EXPECT_EQ(usual.ecn(), 0);
            for (const int mark : {1, 2, 3}) {
                constexpr int class_of_service = 0x28;  // in the six bits above
                set_option(sender, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_TCLASS : IP_TOS,
                           class_of_service | mark);
                set_option(sender, six ? IPPROTO_IPV6 : IPPROTO_IP,
                           six ? IPV6_UNICAST_HOPS : IP_TTL, 6 + mark);
                co_await checked(sender.send_to(receiver.local(), "marked"));
                const datagram marked = co_await checked(receiver.receive());
                EXPECT_EQ(marked.ecn(), mark);
                EXPECT_EQ(marked.hop_limit(), 6 + mark);
            }
        });
    }
}

// A socket without checksums is one for which the kernel does not cut.
TEST(Udp, WhereTheKernelDoesNotCutTheyLeaveOneByOneAndInOrder)
{
    run_on_loop([](loop& here) -> task<> {
        udp_socket sender(here, "127.0.0.1:0");
        udp_socket receiver(here, "127.0.0.1:0");
        set_option(sender, SOL_SOCKET, SO_NO_CHECK, 1);
        std::uint64_t sent = 0;
        std::uint64_t calls = 0;
        for (const std::size_t count : {50U, 50U, 20U}) {
            for (std::size_t i = 0; i < count; ++i) {
                co_await checked(
                    sender.send_to(receiver.local(), std::to_string(1'000 + sent + i)));
            }
            co_await checked(sender.flush());
            for (std::size_t i = 0; i < count; ++i) {
                const datagram received = co_await checked(receiver.receive());
                EXPECT_EQ(as_text(received.payload()), std::to_string(1'000 + sent + i));
            }
            sent += count;
            EXPECT_EQ(sender.stats().sent, sent);
            EXPECT_EQ(sender.stats().unsent, 0U);
            if (sent > 50) {  // it has learned that these are not cut
                EXPECT_LE(sender.stats().send_calls - calls, 2U) << "sendmmsg takes many at once";
            }
            calls = sender.stats().send_calls;
        }
    });
}

TEST(Udp, TheKernelsDropsAreCountedToTheLastOne)
{
    run_on_loop([](loop& here) -> task<> {
        udp_options small;
        small.receive_buffer = 8 * 1024;
        udp_socket receiver(here, "127.0.0.1:0", small);
        udp_options options;
        options.segmentation = false;
        udp_socket sender(here, "127.0.0.1:0", options);
        constexpr std::uint64_t count = 500;
        for (std::uint64_t i = 0; i < count; ++i) {
            while (!sender.send_to(receiver.local(), std::string(200, 'x'))) {
                co_await checked(sender.flush());
            }
        }
        co_await checked(sender.flush());
        while (receiver.stats().received + receiver.stats().dropped < count) {
            co_await checked(receiver.receive());
        }
        EXPECT_EQ(receiver.stats().received + receiver.stats().dropped, count);
        EXPECT_GT(receiver.stats().dropped, 0U);
    });
}

TEST(Udp, ABroadcastHasToBeAllowed)
{
    run_on_loop([](loop& here) -> task<> {
        std::vector<datagram_error> told;
        udp_options options;
        options.on_error = [&](const datagram_error& e) { told.push_back(e); };
        udp_socket socket(here, "127.0.0.1:0", options);
        const socket_address everybody{ip_address::parse("127.255.255.255").value(), 9};
        co_await checked(socket.send_to(everybody, "hello"));
        co_await checked(socket.flush());
        EXPECT_THAT(told, SizeIs(1));
        EXPECT_EQ(told[0].why, errc::permission_denied);
        options.broadcast = true;
        udp_socket allowed(here, "127.0.0.1:0", options);
        co_await checked(allowed.send_to(everybody, "hello"));
        co_await checked(allowed.flush());
        EXPECT_THAT(told, SizeIs(1));
        EXPECT_EQ(allowed.stats().sent, 1U);
    });
}

TEST(Udp, SaysWhyItCannotListen)
{
    run_on_loop([](loop& here) -> task<> {
        udp_socket first(here, "127.0.0.1:0");
        try {
            udp_socket second(here, first.local().to_string());
            ADD_FAILURE() << "two on one port";
        } catch (const boost::system::system_error& failed) {
            EXPECT_EQ(failed.code(), errc::address_in_use);
            EXPECT_THAT(failed.what(), testing::HasSubstr(first.local().to_string()));
        }
        EXPECT_EQ(first.join(ip_address::parse("127.0.0.1").value()).error(),
                  errc::invalid_argument);
        EXPECT_EQ(first.join(ip_address()).error(), errc::invalid_argument);
        EXPECT_EQ(first.join(ip_address::parse("224.0.0.251").value(), "nosuch0").error(),
                  errc::no_such_device);
        co_return;
    });
}

// Nobody receives on it any more, so the program may end; and then it is closed.
TEST(Udp, ASocketThatOutlivesItsProgramKeepsNobodyWaiting)
{
    std::optional<udp_socket> kept;
    run_on_loop([&](loop&) -> task<> {
        auto opening = udp_socket::open("127.0.0.1:0");
        kept = co_await checked(std::move(opening));
        const auto nothing = co_await within(std::chrono::milliseconds(10), kept->receive());
        EXPECT_EQ(nothing.error(), error::timeout);
        co_await checked(kept->send_to(kept->local(), "to itself"));
        const datagram received = co_await checked(kept->receive());
        EXPECT_EQ(as_text(received.payload()), "to itself");
        const auto nothing_more = co_await within(std::chrono::milliseconds(10), kept->receive());
        EXPECT_EQ(nothing_more.error(), error::timeout);
    });
    EXPECT_EQ(kept->send_to(kept->local(), "too late").error(), error::closed);
    EXPECT_EQ(kept->stats().received, 1U);
}

// In a namespace of its own, where nothing reaches anybody else.
TEST(Udp, HearsAGroupWhileItIsAMember)
{
    bool in_namespace = false;
    std::thread([&] {
        in_namespace = ::unshare(CLONE_NEWNET) == 0;
        if (!in_namespace) {
            return;
        }
        const std::string here = "nsenter --net=/proc/" + std::to_string(::getpid()) + "/task/" +
                                 std::to_string(::gettid()) + "/ns/net ";
        ASSERT_EQ(shell(here + "ip link set lo up && " + here +
                        "ip link add v0 type veth peer name v1 && " + here +
                        "ip addr add 198.18.0.1/24 dev v0 && " + here +
                        "ip -6 addr add fd00::1/64 dev v0 nodad && " + here +
                        "ip link set v1 up && " + here + "ip link set v0 up && " + here +
                        "ip route add 224.0.0.0/4 dev v0")
                      .code,
                  0);
        for (const auto& family :
             {std::pair("0.0.0.0:0", "239.1.2.3"), std::pair("[::]:0", "ff15::1234")}) {
            run_on_loop([family](loop& home) -> task<> {
                const auto& [bound, group] = family;
                udp_options options;
                options.multicast_interface = "v0";
                udp_socket member(home, bound, options);
                udp_socket sender(home, bound, options);
                const ip_address address = ip_address::parse(group).value();
                const socket_address where{address, member.local().port};
                co_await checked(member.join(address, "v0"));
                co_await checked(sender.send_to(where, "to all"));
                const datagram heard = co_await checked(member.receive());
                EXPECT_EQ(as_text(heard.payload()), "to all");
                EXPECT_EQ(heard.to(), address);
                co_await checked(member.leave(address, "v0"));
                co_await checked(sender.send_to(where, "to nobody"));
                co_await checked(sender.flush());
                co_await checked(sender.send_to(
                    {ip_address::parse(address.is_v4() ? "127.0.0.1" : "::1").value(), where.port},
                    "to one"));
                const datagram next = co_await checked(member.receive());
                EXPECT_EQ(as_text(next.payload()), "to one");
            });
        }
    }).join();
    if (!in_namespace) {
        GTEST_SKIP() << "needs the rights to make a network namespace";
    }
}

TEST(Udp, ClientAsksAServerThatAsksForACookie)
{
    udp_server_options options;
    options.cookie = true;
    std::string where;
    std::optional<udp_server> server;
    run_on_loop([&](loop&) -> task<> {
        options.on_listening = [&](const std::string& local) { where = local; };
        server.emplace(
            "127.0.0.1:0",
            [](udp_peer& peer) -> task<> {
                EXPECT_TRUE(peer.proven());
                while (auto message = co_await peer.receive()) {
                    peer.send(*message);
                }
            },
            options);
        auto both = [&](group& tasks) -> task<> {
            tasks.start(server->run());
            while (where.empty()) {
                co_await checked(yield());
            }
            const udp_client_options of_client;
            auto connecting = udp_client::connect(where, of_client);
            auto client = co_await checked(std::move(connecting));
            for (int i = 0; i < 100; ++i) {
                const std::string text = "request " + std::to_string(i);
                auto asking = client.request(text);
                EXPECT_EQ(co_await checked(std::move(asking)), text);
            }
            EXPECT_EQ(client.stats().answered, 100U);
            server->stop();
            co_await checked(tasks.join());
        };
        co_await checked(with_group(both));
    });
    EXPECT_EQ(server->stats().accepted, 1U);
    EXPECT_EQ(server->stats().challenged, 1U);
}

}  // namespace
