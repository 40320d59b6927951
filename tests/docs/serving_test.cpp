#include <libnet/libnet.hpp>
#include <libnet/testing/simulation.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <iostream>
#include <string>

namespace {

using namespace libnet;
using namespace libnet::literals;
using libnet::testing::simulation;
using ::testing::HasSubstr;

task<> echo(connection& peer)
{
    while (auto line = co_await peer.receive()) {
        co_await peer.send(*line);
    }
}

// [options]
server_options to_be_left_running()
{
    server_options options;
    options.connection.framing = delimited("\n", {.max_frame = 8_KiB});  // 1 MiB by default
    options.admission.max_connections = 2000;                            // 10,000
    options.admission.max_per_address = 20;                              // no limit
    options.memory_budget = 256_MiB;                                     // no limit
    options.connection.idle_timeout = 5min;                              // 65 s
    options.drain_timeout = 20s;                                         // 30 s
    return options;
}
// [end]

// [doors]
// One session behind two doors: the network, and a file that programs of this machine may open.
task<> serve_at_both(server_options options)
{
    server_options for_neighbours = options;
    for_neighbours.socket.permissions = 0660;
    server outside(":9000", echo, options);
    server inside("unix:/run/echo.sock", echo, for_neighbours);
    auto both = [&](group& doors) -> task<> {
        doors.start(outside.run());
        doors.start(inside.run());
        co_await checked(doors.join());  // a signal stops both, and both drain
    };
    co_await checked(with_group(both));
}
// [end]

// [batches]
// What came together is answered together: one await for many messages each way.
task<> echo_batches(connection& peer)
{
    while (auto lines = co_await peer.receive_batch()) {
        co_await peer.send_batch(*lines);
    }
}
// [end]

// [hooks]
// A line is one piece, so that lines of several threads do not mix.
void write_a_log(server_options& options)
{
    options.on_listening = [](const std::string& where) {
        std::clog << "listening on " + where + '\n';
    };
    options.on_close = [](const session_report& ended) {
        std::clog << ended.info.peer + ": " + ended.text() + ' ' + ended.ending.code() + '\n';
    };
    options.on_memory_pressure = [](const memory_pressure& memory) {
        std::clog << (memory.is_tight ? "memory is tight\n" : "there is memory again\n");
    };
    options.on_accept_error = [](error_code why, duration) {
        std::clog << "cannot accept: " + why.message() + '\n';
    };
}
// [end]

// [statistics]
task<> report_every(duration pause, const server& watched)
{
    for (;;) {
        co_await checked(sleep_for(pause));
        const server_stats now = watched.stats();
        std::clog << std::to_string(now.active) + " connections, " + std::to_string(now.refused) +
                         " refused since the start\n";
    }
}

task<> serve_and_report(server& watched)
{
    auto side_by_side = [&](group& tasks) -> task<> {
        tasks.start(report_every(1min, watched));
        co_await checked(watched.run());
    };  // the report ends with the server
    co_await checked(with_group(side_by_side));
}
// [end]

task<std::string> ask(std::string where, std::string line)
{
    auto peer = co_await checked(connect(where, delimited("\n")));
    co_await checked(peer.send(line));
    co_return to_string(co_await checked(peer.receive()));
}

std::string logged_by(const std::function<void()>& what)
{
    ::testing::internal::CaptureStderr();
    what();
    return ::testing::internal::GetCapturedStderr();
}

TEST(ServingPage, BothDoorsLeadToTheSameSession)
{
    simulation sim;
    sim.start(serve_at_both(to_be_left_running()));
    EXPECT_EQ(sim.run(ask("localhost:9000", "hello")).value(), "hello");
    EXPECT_EQ(sim.run(ask("unix:/run/echo.sock", "hello")).value(), "hello");
    sim.cancel();
    sim.advance(1min);
    EXPECT_EQ(sim.running(), 0U);
}

TEST(ServingPage, WhatAPeerDidStandsInTheLog)
{
    const std::string log = logged_by([] {
        simulation sim;
        server_options options = to_be_left_running();
        write_a_log(options);
        server subject("127.0.0.1:9000", echo, options);
        sim.start(subject.run());
        auto too_long = sim.run(connect("127.0.0.1:9000", raw{})).value();
        EXPECT_TRUE(sim.run(too_long.send(std::string(9000, 'x'))));
        auto silent = sim.run(connect("127.0.0.1:9000", raw{})).value();
        sim.advance(10s);
        subject.stop();
        sim.advance(1min);
    });
    EXPECT_THAT(log, HasSubstr("listening on 127.0.0.1:9000\n"));
    EXPECT_THAT(log, HasSubstr(": a frame is larger than the limit (max_frame) Lr\n"));
    EXPECT_THAT(log, HasSubstr(": connected, but no first frame came in time Lo\n"));
}

TEST(ServingPage, WhatCameTogetherIsAnsweredTogether)
{
    simulation sim;
    server subject("127.0.0.1:9000", echo_batches, to_be_left_running());
    sim.start(subject.run());
    auto peer = sim.run(connect("127.0.0.1:9000", raw{})).value();
    EXPECT_TRUE(sim.run(peer.send("one\ntwo\nthree\n")));
    EXPECT_EQ(to_string(sim.run(peer.receive()).value()), "one\ntwo\nthree\n");
    subject.stop();
    sim.advance(1min);
    EXPECT_EQ(sim.running(), 0U);
}

TEST(ServingPage, AReportComesOnceAMinuteAndEndsWithTheServer)
{
    const std::string log = logged_by([] {
        simulation sim;
        server subject("127.0.0.1:9000", echo, to_be_left_running());
        sim.start(serve_and_report(subject));
        auto peer = sim.run(connect("127.0.0.1:9000", delimited("\n"))).value();
        EXPECT_TRUE(sim.run(peer.send("hello")));
        sim.advance(1min);
        subject.stop();
        sim.advance(1min);
        EXPECT_EQ(sim.running(), 0U);
    });
    EXPECT_EQ(log, "1 connections, 0 refused since the start\n");
}

TEST(ServingPage, MemoryThatBecomesTightIsTold)
{
    server_options options;
    write_a_log(options);
    const memory_pressure tight{.is_tight = true};
    EXPECT_EQ(logged_by([&] { options.on_memory_pressure(tight); }), "memory is tight\n");
    EXPECT_EQ(logged_by([&] { options.on_accept_error(error::out_of_descriptors, 10ms); }),
              "cannot accept: no file descriptor is free: raise the limit (ulimit -n)\n");
}

}  // namespace
