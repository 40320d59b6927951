#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/session/connect.hpp>
#include <libnet/session/server.hpp>
#include <libnet/testing/simulation.hpp>
#include <libnet/transport/network.hpp>
#include <libnet/transport/tcp.hpp>
#include <libnet/transport/unix_domain.hpp>

#include <boost/system/system_error.hpp>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;
namespace errc = boost::system::errc;

/// Writes down what it is asked for. Of the three addresses of every name the last is answered.
class noted_network final : public network {
public:
    explicit noted_network(simulation& sim, std::string name = "") : sim_(sim), name_(name) {}

    task<std::vector<socket_address>> resolve(endpoint where) override
    {
        asked.push_back(name_ + "resolve " + where.to_string());
        if (where.host == "nowhere") {
            co_return error::host_not_found;
        }
        std::vector<socket_address> found;
        for (const char* const text : {"192.0.2.1", "2001:db8::2", "192.0.2.3"}) {
            found.push_back({ip_address::parse(text).value(), where.port});
        }
        co_return found;
    }

    task<std::unique_ptr<stream>> connect(socket_address to, socket_options options) override
    {
        asked.push_back(name_ + "connect " + to.to_string() + (options.no_delay ? "" : " (delay)"));
        if (to.to_string() == "192.0.2.3:9000") {
            co_return peer();
        }
        co_return make_error_code(errc::connection_refused);
    }

    task<std::unique_ptr<stream>> connect_path(std::string path, socket_options) override
    {
        asked.push_back(name_ + "connect " + path);
        co_return peer();
    }

    std::unique_ptr<listener> listen(const endpoint& where, const socket_options&) override
    {
        asked.push_back(name_ + "listen " + where.to_string());
        throw boost::system::system_error(make_error_code(errc::address_in_use), "not here");
    }

    std::vector<std::string> asked;

private:
    std::unique_ptr<stream> peer()
    {
        stream_pair between(sim_.home());
        sim_.start(answer(between.take_right()));
        return between.take_left();
    }

    static task<> answer(std::unique_ptr<stream> transport)
    {
        connection peer(std::move(transport), {.framing = delimited("\n")});
        co_await echo(peer);
    }

    simulation& sim_;
    std::string name_;
};

task<std::string> ask(std::string where, std::string question)
{
    auto peer = co_await checked(connect(where, delimited("\n")));
    co_await checked(peer.send(question));
    co_return co_await checked(receive_text(peer));
}

struct Network : ::testing::Test {
    Network() { sim.home().use_network(net); }

    simulation sim;
    noted_network net{sim};
};

TEST_F(Network, IsAskedForEveryAddressInTurn)
{
    EXPECT_EQ(sim.run(ask("example.org:9000", "hello")).value(), "hello");
    EXPECT_THAT(net.asked, ::testing::ElementsAre("resolve example.org:9000", "connect 192.0.2.1:9000",
                                                  "connect [2001:db8::2]:9000",
                                                  "connect 192.0.2.3:9000"));
}

TEST_F(Network, SaysWhyNobodyAnswered)
{
    EXPECT_EQ(sim.run(ask("nowhere:9000", "hello")).error(), error::host_not_found);
    EXPECT_EQ(sim.run(ask("example.org:1", "hello")).error(), errc::connection_refused);
}

TEST_F(Network, IsAskedForUnixSocketsToo)
{
    EXPECT_EQ(sim.run(ask("unix:/run/service.sock", "hello")).value(), "hello");
    EXPECT_THAT(net.asked, ::testing::ElementsAre("connect /run/service.sock"));
}

TEST_F(Network, IsGivenTheSocketOptions)
{
    const auto connected = sim.run(tcp::connect({"example.org", 9000, {}}, {.no_delay = false}));
    ASSERT_TRUE(connected);
    EXPECT_EQ(net.asked.back(), "connect 192.0.2.3:9000 (delay)");
}

TEST_F(Network, IsWhereServersListen)
{
    for (const std::string where : {"127.0.0.1:9000", "unix:/run/service.sock"}) {
        server subject(where, echo);
        EXPECT_THROW((void)sim.run(subject.run()), boost::system::system_error);
        EXPECT_EQ(net.asked.back(), "listen " + where);
    }
    EXPECT_THROW((void)tcp::listen(sim.home(), {"::1", 1, {}}), boost::system::system_error);
    EXPECT_THROW((void)unix_domain::listen(sim.home(), "/x"), boost::system::system_error);
    EXPECT_EQ(net.asked.back(), "listen unix:/x");
}

task<> on(network& own, task<> what)
{
    libnet::detail::fiber& self = co_await libnet::detail::fiber_await{};
    self.use_network(&own);
    co_await checked(std::move(what));
}

TEST_F(Network, OfATaskIsThatOfItsGroups)
{
    noted_network other(sim, "other: ");
    const auto ask_in_a_group = []() -> task<> {
        const auto members = [](group& tasks) -> task<> {
            tasks.start([]() -> task<> { (void)co_await ask("nowhere:1", ""); }());
            co_await checked(tasks.join());
        };
        co_await checked(with_group(members));
    };
    EXPECT_TRUE(sim.run(on(other, ask_in_a_group())));
    EXPECT_TRUE(sim.run(ask_in_a_group()));
    EXPECT_THAT(other.asked, ::testing::ElementsAre("other: resolve nowhere:1"));
    EXPECT_THAT(net.asked, ::testing::ElementsAre("resolve nowhere:1"));
}

}  // namespace
