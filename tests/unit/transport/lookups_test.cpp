#include <libnet/transport/lookups.hpp>

#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/testing/simulation.hpp>

#include <gmock/gmock.h>

#include <boost/system/errc.hpp>

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace libnet {
namespace {

using namespace std::chrono_literals;
namespace errc = boost::system::errc;
using addresses = lookups::addresses;

/// A name server that takes its time.
struct Lookups : ::testing::Test {
    lookups::question question()
    {
        return [this](std::string host) -> task<addresses> { return answer(host); };
    }

    task<addresses> answer(std::string host)
    {
        ++asked[host];
        co_await checked(sleep_for(takes));
        if (host == "broken") {
            throw std::runtime_error("out of order");
        }
        if (why) {
            co_return why;
        }
        addresses found(1);
        found.front().address = ip_address::parse("192.0.2.1").value();
        co_return found;
    }

    std::string find(const std::string& host, duration patience = never)
    {
        const auto found = sim.run(detail::lift(within(patience, names.find(host))));
        return found ? found->front().address.to_string() : found.error().message();
    }

    testing::simulation sim;
    std::map<std::string, int> asked;
    duration takes = 100ms;
    error_code why;
    lookups names{sim.home(), question()};
};

TEST_F(Lookups, AnswersAndRemembers)
{
    EXPECT_EQ(find("a"), "192.0.2.1");
    EXPECT_EQ(find("a"), "192.0.2.1");
    EXPECT_EQ(asked["a"], 1);
    sim.advance(30s);
    EXPECT_EQ(find("a"), "192.0.2.1");
    EXPECT_EQ(asked["a"], 2);
    EXPECT_EQ(names.under_way(), 0U);
}

TEST_F(Lookups, RemembersThatThereIsNoSuchHostForASecond)
{
    why = error::host_not_found;
    EXPECT_EQ(find("a"), make_error_code(error::host_not_found).message());
    EXPECT_EQ(find("a"), make_error_code(error::host_not_found).message());
    EXPECT_EQ(asked["a"], 1);
    sim.advance(1s);
    (void)find("a");
    EXPECT_EQ(asked["a"], 2);
}

TEST_F(Lookups, DoesNotRememberThatItCouldNotAsk)
{
    why = error::limit_reached;
    (void)find("a");
    (void)find("a");
    EXPECT_EQ(asked["a"], 2);
}

TEST_F(Lookups, NobodyWaitsForLongerThanTheyWantTo)
{
    takes = 30s;
    const time_point before = sim.now();
    EXPECT_EQ(find("slow", 2s), make_error_code(error::timeout).message());
    EXPECT_EQ(sim.now() - before, 2s);
    EXPECT_EQ(names.under_way(), 1U);

    // The question goes on by itself; whoever asks again waits for the same, and it is remembered.
    EXPECT_EQ(find("slow", 40s), "192.0.2.1");
    EXPECT_EQ(sim.now() - before, 30s);
    EXPECT_EQ(asked["slow"], 1);
    EXPECT_EQ(names.under_way(), 0U);
    EXPECT_EQ(find("slow", 1ms), "192.0.2.1");
}

TEST_F(Lookups, ASlowOneKeepsNoOtherWaiting)
{
    takes = 30s;
    (void)find("slow", 1s);
    takes = 10ms;
    const time_point before = sim.now();
    EXPECT_EQ(find("quick"), "192.0.2.1");
    EXPECT_EQ(sim.now() - before, 10ms);
}

task<> find_and_count(lookups& names, int& found)
{
    const auto answer = co_await names.find("a");
    found += answer ? 1 : 0;
}

TEST_F(Lookups, ACrowdAsksOnce)
{
    int found = 0;
    for (int i = 0; i < 1000; ++i) {
        sim.start(find_and_count(names, found));
    }
    sim.advance(1s);
    EXPECT_EQ(found, 1000);
    EXPECT_EQ(asked["a"], 1);
}

TEST_F(Lookups, WhateverTheQuestionThrowsNobodyHangs)
{
    EXPECT_EQ(find("broken"), make_error_code(errc::not_enough_memory).message());
    EXPECT_EQ(names.under_way(), 0U);
}

}  // namespace
}  // namespace libnet
