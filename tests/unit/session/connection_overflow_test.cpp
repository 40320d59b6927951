#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>
#include <libnet/runtime/timer.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

/// Lines of nine characters, their number in front. Nothing is read until the test says so.
struct flooded {
    explicit flooded(overflow policy, std::size_t capacity = 10)
    {
        auto [a, b] = sim.connect({.framing = delimited("\n"),
                                   .send_timeout = never,
                                   .high_water_mark = 100,
                                   .when_full = policy},
                                  {.framing = delimited("\n")}, {.capacity = capacity});
        sender = &a;
        reader = &b;
    }

    task<> send(int count)
    {
        for (int i = 0; i < count; ++i) {
            std::string line = std::to_string(i) + " is said";
            line.resize(9);
            answers.push_back(co_await sender->send(line));
        }
    }

    simulation sim;
    connection* sender;
    connection* reader;
    std::vector<result<>> answers;
};

std::vector<std::string> numbers(const std::vector<std::string>& lines)
{
    std::vector<std::string> all;
    for (const std::string& line : lines) {
        all.push_back(line.substr(0, line.find(' ')));
    }
    return all;
}

TEST(ConnectionOverflow, WaitsForThePeer)
{
    flooded f(overflow::wait);
    f.sim.start(f.send(30));
    f.sim.settle();
    EXPECT_LT(f.answers.size(), 30U);
    EXPECT_LE(f.sender->info().unsent, 110U);
    EXPECT_EQ(f.sender->info().messages_dropped, 0U);
    EXPECT_EQ(to_string(f.sim.run(f.reader->receive()).value()), "0 is said");
}

TEST(ConnectionOverflow, DropsTheNewestAndSaysSo)
{
    flooded f(overflow::drop_newest);
    f.sim.start(f.send(30));
    f.sim.settle();
    ASSERT_EQ(f.answers.size(), 30U);
    const auto info = f.sender->info();
    EXPECT_GT(info.messages_dropped, 0U);
    EXPECT_EQ(info.messages_sent + info.messages_dropped, 30U);
    EXPECT_TRUE(f.answers[0]);
    EXPECT_EQ(f.answers[29].error(), error::peer_not_reading);
    EXPECT_FALSE(f.sender->ended());
    f.sim.start([](connection& c) -> task<> { co_await checked(c.close()); }(*f.sender));
    const auto seen = numbers(f.sim.run(receive_all(*f.reader)).value());
    ASSERT_EQ(seen.size(), info.messages_sent);
    for (std::size_t i = 0; i < seen.size(); ++i) {
        EXPECT_EQ(seen[i], std::to_string(i));
    }
}

TEST(ConnectionOverflow, DropsTheOldestThatHaveNotBegunToLeave)
{
    flooded f(overflow::drop_oldest);
    f.sim.start(f.send(100));
    f.sim.settle();
    ASSERT_EQ(f.answers.size(), 100U);
    for (const result<>& answer : f.answers) {
        EXPECT_TRUE(answer);
    }
    const auto info = f.sender->info();
    EXPECT_GT(info.messages_dropped, 70U);
    EXPECT_LE(info.unsent, 210U);  // what is under way, and what waits
    f.sim.start([](connection& c) -> task<> { co_await checked(c.close()); }(*f.sender));
    const auto seen = numbers(f.sim.run(receive_all(*f.reader)).value());
    EXPECT_EQ(seen.size() + info.messages_dropped, 100U);
    EXPECT_EQ(seen.front(), "0");  // was under way
    EXPECT_EQ(seen.back(), "99");
    EXPECT_EQ(seen[seen.size() - 2], "98");
}

TEST(ConnectionOverflow, EndsTheConnection)
{
    flooded f(overflow::close);
    f.sim.start(f.send(30));
    f.sim.settle();
    EXPECT_EQ(f.sender->ended(), error::peer_not_reading);
    EXPECT_EQ(f.sender->ending().code(), "Ls");
    EXPECT_EQ(f.answers.back().error(), error::peer_not_reading);
}

TEST(ConnectionOverflow, ThoseWhoWaitGoOnBelowTheLowWaterMark)
{
    for (const std::size_t low : {0UL, 500UL, 899UL}) {
        simulation sim;
        auto [left, right] =
            sim.connect({.framing = delimited("\n"),
                         .send_timeout = never,
                         .high_water_mark = 900,
                         .low_water_mark = low},
                        {.framing = delimited("\n")}, {.capacity = 10, .immediate_writes = false});
        std::size_t unsent_on_wake = SIZE_MAX;
        auto session = [&]() -> task<> {
            for (int i = 0; i < 9; ++i) {
                co_await checked(left.send(some_text(99)));  // 900 bytes; the first is under way
            }
            co_await checked(left.send("waits"));
            unsent_on_wake = left.info().unsent;
        };
        sim.start(session());
        sim.settle();
        EXPECT_EQ(unsent_on_wake, SIZE_MAX);
        sim.start(swallow(right));
        sim.settle();
        EXPECT_LE(unsent_on_wake, low + 6) << low;
    }
}

}  // namespace
