#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>

#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

struct way {
    const char* name;
    any_framing framing;
    pipe_options pipe;
};

std::vector<way> ways()
{
    std::vector<way> all;
    const std::vector<std::pair<const char*, any_framing>> framings{
        {"length4", length_prefix{}},
        {"length8 little-endian", length_prefix{{.width = 8, .order = std::endian::little}}},
        {"line", delimited("\n")},
        {"kept CR LF", delimited("\r\n", {.delimiter = delimited_options::delivery::keep})},
    };
    for (const auto& [name, framing] : framings) {
        all.push_back({name, framing, {}});
        all.push_back({name, framing, {.capacity = 1000, .largest_read = 77}});
        all.push_back({name, framing, {.largest_write = 500, .immediate_writes = false}});
    }
    return all;
}

const std::vector<std::size_t> sizes{0,      1,           100,       15_KiB, 16_KiB - 1, 16_KiB,
                                     64_KiB, 256_KiB + 1, 1_MiB - 2, 0,      16_KiB,     3};

std::vector<std::string> messages()
{
    std::vector<std::string> all;
    for (const std::size_t size : sizes) {
        all.push_back(some_text(size, static_cast<unsigned>(all.size())));
    }
    return all;
}

/// With the delimiter that some framings keep taken off again.
std::string plain(std::string text)
{
    return text.ends_with("\r\n") ? text.substr(0, text.size() - 2) : text;
}

task<int> send_and_compare(connection& peer)
{
    int equal = 0;
    for (const std::string& message : messages()) {
        co_await checked(peer.send(message));
        const bytes reply = co_await checked(peer.receive());
        equal += plain(to_string(reply)) == message ? 1 : 0;
    }
    co_await checked(peer.close());
    co_return equal;
}

TEST(ConnectionOrder, EchoesEverySizeInEveryFraming)
{
    for (const way& w : ways()) {
        SCOPED_TRACE(w.name);
        simulation sim;
        auto [client, peer] =
            sim.connect({.framing = w.framing}, {.framing = w.framing}, w.pipe, w.pipe);
        sim.start(serve(peer, echo(peer)));
        EXPECT_EQ(sim.run(send_and_compare(client)).value(), static_cast<int>(sizes.size()));
        sim.settle();
        EXPECT_EQ(sim.running(), 0U);
    }
}

task<> send_then_close(connection& peer)
{
    for (const std::string& message : messages()) {
        co_await checked(peer.send(message));
    }
    co_await checked(peer.close());
}

TEST(ConnectionOrder, KeepsOrderAndContentOfAStream)
{
    for (const way& w : ways()) {
        SCOPED_TRACE(w.name);
        simulation sim;
        auto [client, peer] =
            sim.connect({.framing = w.framing}, {.framing = w.framing}, w.pipe, w.pipe);
        sim.start(send_then_close(client));
        auto received = sim.run(receive_all(peer)).value();
        for (std::string& message : received) {
            message = plain(message);
        }
        EXPECT_TRUE(received == messages());
    }
}

TEST(ConnectionOrder, RawKeepsTheBytes)
{
    for (const pipe_options& pipe :
         {pipe_options{}, pipe_options{.capacity = 1000}, pipe_options{.largest_read = 333}}) {
        simulation sim;
        auto [client, peer] = sim.connect({.framing = raw{}}, {.framing = raw{}}, pipe, pipe);
        sim.start(send_then_close(client));
        std::string received;
        for (const std::string& piece : sim.run(receive_all(peer)).value()) {
            received += piece;
        }
        std::string sent;
        for (const std::string& message : messages()) {
            sent += message;
        }
        EXPECT_TRUE(received == sent);
    }
}

/// Both send a great deal before they look at what the other sent.
TEST(ConnectionOrder, TwoThatSendAtOnceDoNotBlockEachOther)
{
    simulation sim;
    auto [client, peer] = sim.connect({}, {}, {.capacity = 500}, {.capacity = 500});
    sim.start(send_all(client, messages()));
    sim.start(send_all(peer, messages()));
    auto reading = [&](connection& c) -> task<> {
        std::vector<std::string> received;
        while (received.size() < sizes.size()) {
            const bytes frame = co_await checked(c.receive());
            received.push_back(to_string(frame));
        }
        EXPECT_TRUE(received == messages());
    };
    sim.start(reading(client));
    sim.start(reading(peer));
    sim.advance(1min);
    EXPECT_EQ(sim.running(), 0U);
}

/// An echo whose client sends without reading, then reads: the echo must not stop reading for good.
TEST(ConnectionOrder, AWriteBlockedEchoGoesOnWhenItsPeerReads)
{
    simulation sim;
    auto [client, peer] = sim.connect({.send_timeout = never}, {.send_timeout = never},
                                      {.capacity = 300}, {.capacity = 300});
    sim.start(echo(peer));
    auto flood = [&]() -> task<std::vector<std::string>> {
        for (const std::string& message : messages()) {
            co_await checked(client.send(message));
        }
        std::vector<std::string> received;
        while (received.size() < sizes.size()) {
            const bytes frame = co_await checked(client.receive());
            received.push_back(to_string(frame));
        }
        co_return received;
    };
    const auto received = sim.run(flood());
    ASSERT_TRUE(received) << received.error();
    EXPECT_TRUE(*received == messages());
}

}  // namespace
