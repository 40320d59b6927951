#include "support/sessions.hpp"

#include <libnet/testing/for_each_fault.hpp>

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;
using kind = fault::kind;

/// Three bytes to the right, two back.
void exchange(const fault& f)
{
    simulation sim;
    auto [left, right] = sim.connect({.framing = raw{}, .idle_timeout = 5s},
                                     {.framing = raw{}, .idle_timeout = 5s}, f.forward, f.backward);
    auto ask = [](connection& c) -> task<> {
        co_await checked(c.send("abc"));
        for (std::size_t got = 0; got < 2;) {
            const bytes piece = co_await checked(c.receive());
            got += piece.size();
        }
    };
    auto reply = [](connection& c) -> task<> {
        for (std::size_t got = 0; got < 3;) {
            const bytes piece = co_await checked(c.receive());
            got += piece.size();
        }
        co_await checked(c.send("de"));
    };
    sim.start(reply(right));
    (void)sim.run(ask(left));
}

TEST(ForEachFault, StrikesAfterEveryByteOfEachDirection)
{
    std::map<std::pair<kind, fault::direction>, std::vector<std::uint64_t>> struck;
    std::set<kind> harmless;
    EXPECT_TRUE(for_each_fault([&](const fault& f) {
        EXPECT_FALSE(f.struck());
        exchange(f);
        if (f.struck()) {
            struck[{f.what, f.where}].push_back(f.after);
        } else if (f.where == fault::direction::both) {
            harmless.insert(f.what);
        }
    }));
    EXPECT_EQ(harmless.size(), 5U);
    const auto begins_with = [](const std::vector<std::uint64_t>& places, std::uint64_t bytes) {
        for (std::uint64_t i = 0; i < bytes; ++i) {
            EXPECT_EQ(places.at(i), i);
        }
        EXPECT_LE(places.size(), bytes + 1);  // the last one: instead of the natural end
    };
    for (const kind what : {kind::end_of_stream, kind::reset, kind::stall}) {
        begins_with(struck[{what, fault::direction::forward}], 3);
        begins_with(struck[{what, fault::direction::backward}], 2);
    }
    EXPECT_THAT((struck[{kind::broken_write, fault::direction::forward}]),
                ::testing::ElementsAre(0, 1, 2));
}

TEST(ForEachFault, AScenarioCanEndIt)
{
    int runs = 0;
    EXPECT_FALSE(for_each_fault([&](const fault&) { return ++runs < 3; }));
    EXPECT_EQ(runs, 3);
}

TEST(ForEachFault, SaysWhatItDoes)
{
    std::set<std::string> texts;
    for_each_fault([&](const fault& f) {
        texts.insert(f.describe());
        exchange(f);
    });
    EXPECT_TRUE(texts.contains("no fault"));
    EXPECT_TRUE(texts.contains("reads of one byte"));
    EXPECT_TRUE(texts.contains("reset after byte 2, left to right"));
    EXPECT_TRUE(texts.contains("stall after byte 1, right to left"));
}

TEST(ForEachFault, LeavesTheGivenPipesAsTheyAreApartFromTheFault)
{
    for_each_fault(
        [&](const fault& f) {
            EXPECT_EQ(f.backward.largest_read, f.what == kind::short_reads ? 1U : 7U);
            return f.where == fault::direction::both;
        },
        {.backward = {.largest_read = 7}});
}

TEST(ForEachStep, GoesOnUntilTheScenarioWasNotDisturbed)
{
    std::vector<std::size_t> seen;
    EXPECT_EQ(for_each_step([&](std::size_t n) {
                  seen.push_back(n);
                  return n < 3;
              }),
              3U);
    EXPECT_THAT(seen, ::testing::ElementsAre(0, 1, 2, 3));
}

}  // namespace
