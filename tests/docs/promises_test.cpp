// What the README promises, in its shortest form. The suites in unit/ and contract/ go further.

#include <libnet/libnet.hpp>
#include <libnet/testing/for_each_fault.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace libnet;
using namespace libnet::literals;
using libnet::testing::simulation;

task<> echo(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

task<> send_some(connection& to)
{
    const std::string text(100, 'x');
    for (int i = 0; i < 3; ++i) {
        co_await checked(to.send(text));
    }
}

/// As many as the other side lets it.
task<> send_for_ever(connection& to, std::size_t& accepted)
{
    const std::string text(1000, 'x');
    while (auto sent = co_await to.send(text)) {
        ++accepted;
    }
}

task<> receive_all(connection& from, std::size_t& received)
{
    while (auto frame = co_await from.receive()) {
        ++received;
    }
}

task<> close(connection& c)
{
    co_await checked(c.close());
}

const connection_options on_a_server{.idle_timeout = server_options::default_idle_timeout};

TEST(Promises, NothingHangs)
{
    libnet::testing::for_each_fault([](const libnet::testing::fault& fault) {
        SCOPED_TRACE(fault.describe());
        simulation sim;
        auto [client, peer] = sim.connect({}, on_a_server, fault.forward, fault.backward);
        sim.start(echo(peer));
        sim.start(send_some(client));
        sim.advance(66s);  // nobody reads the answers, nobody closes
        EXPECT_TRUE(sim.outcome(0)) << "the session still runs";
    });
}

TEST(Promises, NothingHangsOnAByteNowAndThen)
{
    simulation sim;
    libnet::testing::stream_pair wire(sim.home());
    auto trickle = wire.take_left();
    connection peer(wire.take_right(), on_a_server);
    sim.start(echo(peer));
    for (const char c : std::string_view("\0\0\0\x9Hell", 8)) {
        ASSERT_EQ(trickle->try_write({{as_bytes({&c, 1})}}).value(), 1U);
        sim.advance(5s);
    }
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_EQ(peer.ended(), error::frame_timeout);
}

TEST(Promises, NothingGrows)
{
    simulation sim;
    auto [client, peer] = sim.connect({}, on_a_server, {}, {});
    std::size_t accepted = 0;
    sim.start(send_for_ever(peer, accepted));  // and the client reads nothing
    sim.settle();
    EXPECT_LE(peer.info().unsent, 256_KiB + 1004);

    const connection_handle handle = peer.handle();
    std::size_t queued = 0;
    while (handle.send("more")) {
        queued += 4;
    }
    EXPECT_LE(queued, 256_KiB + 4);
    EXPECT_EQ(handle.send("more").error(), error::peer_not_reading);

    sim.advance(11s);
    EXPECT_EQ(peer.ended(), error::send_timeout);
}

TEST(Promises, NothingIsLost)
{
    const auto all_that_was_accepted_arrives = [](std::size_t n) {
        SCOPED_TRACE(n);
        simulation sim;
        libnet::testing::pipe_options narrow;
        narrow.capacity = 700;
        connection_options small;
        small.high_water_mark = 2000;
        auto [left, right] = sim.connect(small, {}, narrow);
        std::size_t accepted = 0;
        std::size_t received = 0;
        sim.start(send_for_ever(left, accepted));
        sim.settle();
        for (std::size_t i = 0; i < n % 10; ++i) {  // the reader is cancelled, again and again
            sim.start(receive_all(right, received));
            for (std::size_t step = 0; step < n; ++step) {
                sim.step();
            }
            sim.cancel();
        }
        const auto receive_the_rest = [](connection& from, std::size_t& count) -> task<> {
            co_await receive_all(from, count);
            co_await from.close();
        };
        sim.start(receive_the_rest(right, received));
        EXPECT_TRUE(sim.run(close(left)));
        EXPECT_EQ(received, accepted);
        return n < 40;
    };
    libnet::testing::for_each_step(all_that_was_accepted_arrives);
}

}  // namespace
