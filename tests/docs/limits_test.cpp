#include <libnet/libnet.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::literals;

// [limits]
server_options with_limits()
{
    server_options options;
    options.connection.framing = delimited("\n");
    options.admission.max_connections = 2000;  // at a time
    options.admission.max_per_address = 20;    // of them of one address
    options.admission.accept_rate = 100;       // new ones per second
    return options;
}
// [end]

// [refusing]
server_options with_a_word_to_the_surplus()
{
    server_options options = with_limits();
    options.surplus = surplus::refuse;
    options.refusal = "busy, try again later";  // a message of the framing: a line, here
    options.on_refused = [](const refusal_report& refused) {
        std::cerr << refused.peer + ": " + refused.text() + '\n';
    };
    return options;
}
// [end]

// [changing]
// From any thread: those who are in stay, nobody else comes in.
void close_the_door(server& s)
{
    s.set_admission({.max_connections = 0});
}
// [end]

// [timeouts]
connection_options in_time()
{
    connection_options options;
    options.first_frame_timeout = 5s;                          // says nothing at all
    options.frame_timeout = 20s;                               // a message, first byte to last
    options.minimum_rate = {.bytes = 1_KiB, .interval = 10s};  // while one is under way
    options.send_timeout = 10s;                                // takes nothing
    options.idle_timeout = 5min;                               // nothing in either direction
    options.lifetime = 24h;                                    // then it ends between messages
    return options;
}
// [end]

// [heartbeat]
connection_options with_heartbeat()
{
    connection_options options;
    options.framing = delimited("\n");
    options.heartbeat = heartbeat{
        .interval = 30s,  // silent for so long: it is asked
        .timeout = 90s,   // silent for so long: heartbeat_timeout
        .ping = R"({"type":"ping"})",
        .pong = R"({"type":"pong"})",
    };
    return options;
}
// [end]

// [describe]
std::string describe(const connection& peer)
{
    const connection_info info = peer.info();
    std::ostringstream line;
    line << info.peer << ": idle for " << info.idle / 1s << " s, " << info.unsent
         << " bytes wait for it, " << info.memory << " bytes of buffers";
    if (info.kernel) {  // of a socket, as `ss -ti` shows it
        line << "; " << info.kernel->state << ", " << info.kernel->send_queue.value_or(0)
             << " bytes not acknowledged, " << info.kernel->retransmitted.value_or(0)
             << " segments sent again";
    }
    return line.str();
}
// [end]

task<> echo(connection& peer)
{
    while (auto line = co_await peer.receive()) {
        co_await peer.send(*line);
    }
}

/// Two clients, one before the door is closed and one after it: what each of them hears.
task<> come_and_listen(server& s, const std::string& where, std::string& first, std::string& second)
{
    auto before = co_await checked(connect(where, delimited("\n")));
    co_await checked(before.send("hello"));
    first = to_string(co_await checked(before.receive()));
    close_the_door(s);
    co_await checked(yield());
    auto after = co_await checked(connect(where, delimited("\n")));
    const auto line = co_await within(200ms, after.receive());
    second = line ? to_string(*line) : line.error().message();
    s.stop();
}

std::string second_client_hears(server_options options)
{
    std::string where;
    options.on_listening = [&](const std::string& w) { where = w; };
    server subject("127.0.0.1:0", echo, options);
    std::string first;
    std::string second;
    auto both = [&](group& tasks) -> task<> {
        tasks.start(subject.run());
        co_await checked(yield());
        co_await checked(come_and_listen(subject, where, first, second));
        co_await checked(tasks.join());
    };
    libnet::run(with_group(both), {.on_signal = run_options::signals::ignore});
    EXPECT_EQ(first, "hello");
    return second;
}

TEST(LimitsPage, TheSurplusWaits)
{
    EXPECT_EQ(second_client_hears(with_limits()), "the deadline passed");
}

TEST(LimitsPage, TheSurplusIsTold)
{
    EXPECT_EQ(second_client_hears(with_a_word_to_the_surplus()), "busy, try again later");
}

TEST(LimitsPage, APeerThatDripsMeetsTheRateAndASilentOneTheFirstFrame)
{
    libnet::testing::simulation sim;
    auto [silent, unheard] = sim.connect(in_time());
    sim.serve(silent, echo);
    sim.advance(5s);
    EXPECT_EQ(silent.ended(), error::first_frame_timeout);
    auto [slow, dripping] = sim.connect(in_time(), {.framing = raw{}});
    sim.serve(slow, echo);
    sim.start([](connection& c) -> task<> {
        for (;;) {
            co_await checked(c.send(std::string_view("\0", 1)));
            co_await checked(sleep_for(7s));
        }
    }(dripping));
    sim.advance(16s);
    EXPECT_EQ(slow.ended(), error::too_slow);
}

TEST(LimitsPage, AConnectionThatAPoolKeepsReadyIsTakenForASilentOne)
{
    libnet::testing::simulation sim;
    std::vector<error_code> ends;
    server_options options;
    options.on_close = [&](const session_report& ended) { ends.push_back(ended.reason); };
    server subject("127.0.0.1:9000", echo, options);
    pool servers("127.0.0.1:9000", {});
    sim.start(subject.run());
    sim.start(servers.run());
    sim.advance(11s);
    EXPECT_EQ(ends, std::vector<error_code>{error::first_frame_timeout});
    EXPECT_EQ(servers.stats().lost, 1U);
    EXPECT_EQ(servers.stats().size, 1U) << "it has made another";
    servers.drain();
    subject.stop();
    sim.advance(1min);
    EXPECT_EQ(sim.running(), 0U);
}

TEST(LimitsPage, AConnectionIsDescribedWithWhatTheKernelKnows)
{
    std::string where;
    server_options options = with_limits();
    options.on_listening = [&](const std::string& w) { where = w; };
    server subject("127.0.0.1:0", echo, options);
    std::string described;
    auto look = [&](group& tasks) -> task<> {
        tasks.start(subject.run());
        co_await checked(yield());
        auto peer = co_await checked(connect(where, delimited("\n")));
        described = describe(peer);
        subject.stop();
        co_await checked(peer.close());
        co_await checked(tasks.join());
    };
    libnet::run(with_group(look), {.on_signal = run_options::signals::ignore});
    EXPECT_EQ(described, where + ": idle for 0 s, 0 bytes wait for it, 0 bytes of buffers; ESTAB, "
                                 "0 bytes not acknowledged, 0 segments sent again");
}

TEST(LimitsPage, TwoWithAHeartbeatStayAndTheirSessionsSeeNothing)
{
    libnet::testing::simulation sim;
    auto [left, right] = sim.connect(with_heartbeat(), with_heartbeat());
    sim.serve(left, echo);
    sim.serve(right, echo);
    sim.advance(10min);
    EXPECT_FALSE(left.ended());
    EXPECT_EQ(right.info().messages_received, 0U);
    EXPECT_GT(right.info().bytes_received, 0U);
}

}  // namespace
