#include "support/scripted_network.hpp"

#include <libnet/libnet.hpp>
#include <libnet/testing/simulation.hpp>

#include <gmock/gmock.h>

#include <iostream>
#include <sstream>
#include <string>

namespace {

using namespace libnet;
using namespace libnet::literals;

// [feed]
// A feed that is listened to for as long as the program runs, whatever becomes of connections.
task<> print_quotes(connection& server)
{
    co_await checked(server.send("subscribe"));
    while (auto quote = co_await server.receive()) {
        std::cout << as_text(*quote) << '\n';
    }
}

task<> follow_the_market(std::string where)
{
    client_options options;
    options.connect.connection.framing = delimited("\n");
    options.connect.connection.idle_timeout = 1min;  // a feed that says nothing is a dead one
    options.on_event = [](const client_event& e) { std::clog << e.text() << '\n'; };
    client feed(where, print_quotes, options);
    co_await checked(feed.run());  // until somebody cancels it, or calls feed.stop()
}
// [end]

// [finished]
// A session that can be done: everything has been sent, and acknowledged.
task<after_session> upload(connection& server)
{
    co_await checked(server.send("all of it"));
    const bytes answer = co_await checked(server.receive());
    co_return as_text(answer) == "stored" ? after_session::finished : after_session::again;
}
// [end]

// [calls]
// Questions and answers. Whoever asks does not know of connections.
task<std::string> define(requests<std::string>& dictionary, std::string word)
{
    auto asking = dictionary.call(word);
    auto answer = co_await std::move(asking);
    if (!answer) {
        co_return word + ": " + answer.error().message();
    }
    co_return word + ": " + *answer;
}

task<std::string> look_up(std::string where, std::string word)
{
    requests<std::string> dictionary;
    client_options options;
    options.connect.connection.framing = delimited("\n");
    options.on_end = [&](const error_code& why) { dictionary.close(why ? why : error::closed); };
    client line(
        where, [&](connection& server) { return pipelined(server, dictionary); }, options);

    std::string answer;
    auto ask_while_connected = [&](group& side_by_side) -> task<> {
        side_by_side.start(line.run());
        auto defining = define(dictionary, word);
        answer = co_await checked(std::move(defining));
    };
    co_await checked(with_group(ask_while_connected));  // the client ends with the body
    co_return answer;
}
// [end]

// [call_options]
task<std::string> read_and_write(requests<std::string>& store)
{
    // May be asked twice, so it survives the loss of its connection.
    const call_options reading{.timeout = 5s, .when_lost = loss::repeat};
    const std::string balance = co_await checked(store.call("get balance", reading));

    // Must not be done twice, and is of no use later.
    const call_options writing{.timeout = 2s, .when_offline = offline::fail};
    const auto withdrawn = co_await store.call("withdraw 10", writing);
    if (withdrawn.has_error() && withdrawn.error() == error::connection_lost) {
        co_return "perhaps less than " + balance;  // nobody knows: ask again before anything else
    }
    co_return balance;
}
// [end]

// [own_session]
// A protocol of your own: take a call when you can serve it, answer it when you know.
task<> speak(connection& server, requests<std::string>& calls)
{
    co_await checked(server.send("HELLO 1"));  // first what the protocol wants,
    co_await checked(server.receive());
    auto line = calls.open();  // and from here on calls are taken

    for (;;) {
        auto next = line.next();
        auto asked = co_await checked(std::move(next));
        co_await checked(server.send("Q " + asked.request()));
        const bytes answer = co_await checked(server.receive());
        asked.answer(to_string(answer));
    }  // however this ends: the call that was under way has its error
}
// [end]

// [races]
task<connection> dial(std::string_view where)
{
    connect_options options;
    options.connect_timeout = 1s;  // for the name and all of its addresses together
    options.on_address_failed = [](const std::string& address, const error_code& why) {
        std::clog << address << ": " << why.message() << '\n';
    };
    auto peer = co_await checked(connect(where, options));
    co_return std::move(peer);
}
// [end]

struct Connecting : ::testing::Test {
    Connecting() { net.options.framing = delimited("\n"); }
    libnet::testing::simulation sim;
    tests::scripted_network net{sim};
};

TEST_F(Connecting, AFeedIsFollowedAcrossConnections)
{
    std::ostringstream said;
    std::ostringstream logged;
    auto* const out = std::cout.rdbuf(said.rdbuf());
    auto* const log = std::clog.rdbuf(logged.rdbuf());
    int served = 0;
    net.serve = [&](connection& peer) -> task<> {
        const bytes first = co_await checked(peer.receive());
        EXPECT_EQ(as_text(first), "subscribe");
        ++served;
        co_await checked(peer.send("quote " + std::to_string(served)));
        if (served == 2) {
            co_await checked(sleep_for(1h));
        }
    };
    sim.start(follow_the_market("192.0.2.1:80"));
    sim.advance(10s);
    sim.cancel();
    sim.advance(10s);
    std::cout.rdbuf(out);
    std::clog.rdbuf(log);
    EXPECT_EQ(said.str(), "quote 1\nquote 2\n");
    EXPECT_THAT(logged.str(), ::testing::HasSubstr("closed in order; again in"));
}

TEST_F(Connecting, AnUploadIsDoneWhenItIsStored)
{
    int served = 0;
    net.options = {};
    net.serve = [&](connection& peer) -> task<> {
        (void)co_await peer.receive();
        ++served;
        co_await peer.send(served < 3 ? "try again" : "stored");
        (void)co_await peer.receive();
    };
    client subject("192.0.2.1:80", upload);
    EXPECT_TRUE(sim.run(subject.run()));
    EXPECT_EQ(served, 3);
}

TEST_F(Connecting, AWordIsLookedUp)
{
    net.serve = [](connection& peer) -> task<> {
        while (auto word = co_await peer.receive()) {
            co_await peer.send(to_string(*word) + " is a fruit");
        }
    };
    EXPECT_EQ(sim.run(look_up("192.0.2.1:80", "apple")).value(), "apple: apple is a fruit");
    net.usual = net.refused();
    EXPECT_EQ(sim.run(look_up("192.0.2.1:80", "apple")).value(),
              "apple: no answer to the call came in time");
}

TEST_F(Connecting, CallsSayWhatMayBecomeOfThem)
{
    requests<std::string> store;
    client_options options;
    options.connect.connection.framing = delimited("\n");
    client line(
        "192.0.2.1:80", [&](connection& peer) { return pipelined(peer, store); }, options);
    int asked = 0;
    net.serve = [&](connection& peer) -> task<> {
        const bytes question = co_await checked(peer.receive());
        if (++asked == 2) {  // the first one is lost
            EXPECT_EQ(as_text(question), "get balance");
            co_await peer.send("100");
            (void)co_await peer.receive();  // and the withdrawal
        }
    };
    sim.start(line.run());
    EXPECT_EQ(sim.run(read_and_write(store)).value(), "perhaps less than 100");
    line.stop();
    sim.settle();
}

TEST_F(Connecting, ASessionOfOnesOwn)
{
    requests<std::string> calls;
    net.options = {};
    net.serve = [](connection& peer) -> task<> {
        while (auto frame = co_await peer.receive()) {
            const std::string said = to_string(*frame);
            const std::string reply = said.starts_with("Q ") ? "answer to " + said.substr(2) : said;
            co_await peer.send(reply);
        }
    };
    client line("192.0.2.1:80", [&](connection& peer) { return speak(peer, calls); });
    sim.start(line.run());
    EXPECT_EQ(sim.run(calls.call("what?")).value(), "answer to what?");
}

TEST_F(Connecting, TheFailuresOfAddressesAreTold)
{
    std::ostringstream logged;
    auto* const log = std::clog.rdbuf(logged.rdbuf());
    net.hosts["example.org"] = {"2001:db8::1", "192.0.2.1"};
    net.fates["2001:db8::1"] = net.unreachable();
    EXPECT_TRUE(sim.run(dial("example.org:80")));
    std::clog.rdbuf(log);
    EXPECT_EQ(logged.str(), "[2001:db8::1]:80: Network is unreachable\n");
}

}  // namespace
