#include "support/process_figures.hpp"
#include "support/served.hpp"

#include <libnet/libnet.hpp>

#include <gmock/gmock.h>

#include <string>
#include <unistd.h>
#include <vector>

/// Names and addresses, for real.
namespace {

using namespace integration;
using namespace libnet::literals;
using libnet::error;
using libnet::task;

task<> answer(libnet::connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

/// A name that nobody has, and for which no name server is asked: a label has 63 characters at most.
std::string nobody(int number)
{
    return std::string(64, 'x') + std::to_string(number);
}

/// A server on 127.0.0.1 alone, and what is to be done with its port.
template <class Body>
void with_server(Body body)
{
    auto program = [&]() -> task<> {
        libnet::loop& home = co_await libnet::this_loop();
        const auto where = *libnet::endpoint::parse("127.0.0.1:0");
        auto source = libnet::tcp::listen(home, where);
        const auto port = libnet::endpoint::parse(source->local())->port;
        libnet::server server(std::move(source), answer);
        auto both = [&](libnet::group& g) -> task<> {
            g.start(server.run());
            auto doing = body(port);
            co_await checked(std::move(doing));
            server.stop();
            co_await checked(g.join());
        };
        co_await checked(libnet::with_group(both));
    };
    libnet::run(program(), signals_alone);
}

// `localhost` is ::1 first on most machines, where nobody listens.
TEST(Resolve, AnAddressThatRefusesDelaysNobody)
{
    with_server([](std::uint16_t port) -> task<> {
        std::vector<std::string> failed;
        libnet::connect_options options;
        options.on_address_failed = [&](const std::string& address, const libnet::error_code&) {
            failed.push_back(address);
        };
        const std::string where = "localhost:" + std::to_string(port);
        for (int i = 0; i < 3; ++i) {
            auto peer = co_await checked(libnet::connect(where, options));
            EXPECT_EQ(peer.peer(), "127.0.0.1:" + std::to_string(port));
        }
        for (const std::string& address : failed) {
            EXPECT_EQ(address, "[::1]:" + std::to_string(port));
        }
    });
}

task<> look_for(std::string host, int& found, int& missing)
{
    libnet::connect_options options;
    auto peer = co_await libnet::connect(host + ":9", options);
    ++(!peer && peer.error() == error::host_not_found ? missing : found);
}

TEST(Resolve, LooksUpManyNamesAtOnce)
{
    int found = 0;
    int missing = 0;
    auto program = [&]() -> task<> {
        auto all = [&](libnet::group& g) -> task<> {
            for (int i = 0; i < 200; ++i) {
                g.start(look_for(i % 2 == 0 ? "localhost" : nobody(i), found, missing));
            }
            co_await checked(g.join());
        };
        co_await checked(libnet::with_group(all));
    };
    libnet::run(program(), signals_alone);
    EXPECT_EQ(found + missing, 200);
    EXPECT_GE(found, 100);
}

// Whoever gives up leaves a thread behind that still asks; the loop may end before it has.
TEST(Resolve, TheLoopMayEndBeforeTheAnswer)
{
    for (int i = 0; i < 20; ++i) {
        auto program = [&]() -> task<> {
            const std::string where = nobody(i) + ":9";
            auto peer = co_await libnet::within(libnet::duration(1), libnet::connect(where));
            EXPECT_FALSE(peer);
        };
        libnet::run(program(), signals_alone);
    }
}

TEST(Resolve, TheRaceLeavesNoDescriptorBehind)
{
    with_server([](std::uint16_t port) -> task<> {
        const std::string where = "localhost:" + std::to_string(port);
        auto first = co_await checked(libnet::connect(where));
        co_await checked(first.send("hello"));
        co_await checked(first.receive());  // so the server has its end of it, too
        const std::size_t before = descriptors_of(::getpid());
        for (int i = 0; i < 50; ++i) {
            auto peer = co_await checked(libnet::connect(where));
            co_await checked(peer.close());
            auto none = co_await libnet::within(1us * i, libnet::connect("localhost:1"));
            EXPECT_FALSE(none);
        }
        // The server's ends go when it has seen ours go.
        for (int i = 0; i < 500 && descriptors_of(::getpid()) > before; ++i) {
            co_await checked(libnet::sleep_for(10ms));
        }
        EXPECT_LE(descriptors_of(::getpid()), before);
        co_await checked(first.close());
    });
}

TEST(Resolve, ConnectsFromTheLocalAddress)
{
    with_server([](std::uint16_t port) -> task<> {
        libnet::connect_options options;
        options.socket.local_address.emplace();
        options.socket.local_address->address = *libnet::ip_address::parse("127.0.0.2");
        auto peer = co_await checked(libnet::connect("localhost:" + std::to_string(port), options));
        EXPECT_THAT(peer.info().local, testing::StartsWith("127.0.0.2:"));

        options.socket.local_address->address = *libnet::ip_address::parse("192.0.2.1");
        auto refused = co_await libnet::connect("localhost:" + std::to_string(port), options);
        EXPECT_EQ(refused.error(), libnet::condition::option_refused);
        EXPECT_THAT(refused.error().message(), testing::HasSubstr("the local address"));
    });
}

}  // namespace
