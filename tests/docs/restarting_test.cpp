#include "support/memory_listener.hpp"
#include "support/sessions.hpp"

#include <libnet/libnet.hpp>
#include <libnet/testing/simulation.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::literals;
using namespace libnet::testing;

// [session]
// A session that knows nothing of draining drains as it should. This one tells its client.
task<> answer(connection& peer)
{
    while (auto request = co_await peer.receive()) {
        co_await peer.send(*request);
    }
    if (peer.draining()) {  // all that was asked is answered
        co_await peer.send("come again");
    }
}
// [end]

// [options]
server_options for_draining()
{
    server_options options;
    options.drain_timeout = 20s;  // then what is left is cut off
    options.drain_grace = 2s;     // for clients who have just come, or were told
    options.goodbye = [](const connection&) { return "goodbye: ask elsewhere"; };
    return options;
}
// [end]

// [systemd]
task<> serve_for_systemd(server& listening, const service_manager& manager)
{
    auto side_by_side = [&](group& tasks) -> task<> {
        tasks.start(manager.feed_watchdog());
        co_await checked(listening.run());
    };
    co_await checked(with_group(side_by_side));
}

int run_for_systemd()
{
    const auto manager = service_manager::from_environment();
    inherit_from_environment();  // a socket unit's, if there is one
    server_options options = for_draining();
    options.on_listening = [&](const std::string& where) {
        (void)manager.ready("listening on " + where);
    };
    server listening("127.0.0.1:9000", answer, std::move(options));
    return run(serve_for_systemd(listening, manager));
}
// [end]

// [takeover]
/// The process before this one ends when we serve, and we when the one after us does.
task<> take_part_in_replacing(server& listening, takeover* before, std::string path)
{
    if (before != nullptr) {
        co_await before->ready();
    }
    std::vector<inherited_socket> sockets;
    sockets.push_back({"echo", listening.native_handle()});
    co_await checked(offer_sockets(path, std::move(sockets)));
    listening.hand_over();
}

int run_in_its_place(const std::string& path)
{
    auto before = takeover::from(path);  // an error: this is the first
    while (before && !before->sockets.empty()) {
        inherit(before->sockets.back());
        before->sockets.pop_back();
    }
    server listening("127.0.0.1:9000", answer);  // finds it among what was inherited
    auto side_by_side = [&](group& tasks) -> task<> {
        tasks.start(take_part_in_replacing(listening, before ? &*before : nullptr, path));
        co_await checked(listening.run());
    };
    return run(with_group(side_by_side));
}
// [end]

TEST(Restarting, ASessionTellsItsClient)
{
    simulation sim;
    tests::memory_backlog backlog(sim);
    server s(backlog.listen(), answer);
    sim.start(s.run());
    connection client = backlog.connect();
    EXPECT_TRUE(sim.run(tests::send_all(client, {"hello"})));
    s.stop();
    EXPECT_THAT(sim.run(tests::receive_all(client)).value(),
                ::testing::ElementsAre("hello", "come again"));
}

TEST(Restarting, AServerSaysGoodbye)
{
    simulation sim;
    tests::memory_backlog backlog(sim);
    server s(backlog.listen(), tests::echo, for_draining());
    sim.start(s.run());
    connection client = backlog.connect();
    EXPECT_TRUE(sim.run(tests::send_all(client, {"hello"})));
    EXPECT_EQ(sim.run(tests::receive_text(client)).value(), "hello");
    s.stop();
    EXPECT_EQ(sim.run(tests::receive_text(client)).value(), "goodbye: ask elsewhere");
    EXPECT_TRUE(sim.run(tests::send_all(client, {"crossed"})));
    EXPECT_EQ(sim.run(tests::receive_text(client)).value(), "crossed");
}

TEST(Restarting, TheProgramsCompile)
{
    EXPECT_NE(&run_for_systemd, nullptr);
    EXPECT_NE(&run_in_its_place, nullptr);
}

}  // namespace
