#include <libnet/runtime/service_manager.hpp>
#include <libnet/testing/simulation.hpp>

#include <boost/system/errc.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::literals;
using namespace libnet::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

class ServiceManager : public ::testing::Test {
protected:
    service_manager with_watchdog(std::optional<duration> interval)
    {
        return service_manager(
            [this](std::string_view message) -> result<> {
                told.emplace_back(message);
                return {};
            },
            interval);
    }

    std::vector<std::string> told;
    service_manager manager = with_watchdog(std::nullopt);
};

TEST_F(ServiceManager, HearsEachMessageInItsOwnLines)
{
    EXPECT_TRUE(manager);
    EXPECT_TRUE(manager.ready());
    EXPECT_TRUE(manager.ready("listening on 127.0.0.1:9000"));
    EXPECT_TRUE(manager.stopping());
    EXPECT_TRUE(manager.stopping("12 connections drain"));
    EXPECT_TRUE(manager.status("busy"));
    EXPECT_THAT(told,
                ElementsAre("READY=1", "READY=1\nSTATUS=listening on 127.0.0.1:9000", "STOPPING=1",
                            "STOPPING=1\nSTATUS=12 connections drain", "STATUS=busy"));
}

TEST_F(ServiceManager, HearsWhenReloadingBegan)
{
    EXPECT_TRUE(manager.reloading());
    EXPECT_THAT(told, ElementsAre(MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+")));
}

/// A status may be made of what a peer has sent.
TEST_F(ServiceManager, AStatusCannotBringLinesOfItsOwn)
{
    EXPECT_TRUE(manager.status("busy\nSTOPPING=1"));
    EXPECT_THAT(told, ElementsAre("STATUS=busy STOPPING=1"));
}

TEST_F(ServiceManager, HearsTwiceInEachIntervalThatTheLoopTurns)
{
    simulation sim;
    sim.start(with_watchdog(30s).feed_watchdog());
    sim.settle();
    EXPECT_THAT(told, ElementsAre("WATCHDOG=1"));
    sim.advance(15s);
    EXPECT_THAT(told, SizeIs(2));
    sim.advance(60s);
    EXPECT_THAT(told, SizeIs(6));
    sim.cancel();
    sim.settle();
    EXPECT_EQ(sim.running(), 0U);
}

TEST_F(ServiceManager, WithoutAWatchdogNothingIsFed)
{
    simulation sim;
    sim.start(manager.feed_watchdog());
    sim.settle();
    EXPECT_EQ(sim.running(), 0U);
    EXPECT_THAT(told, IsEmpty());
}

TEST_F(ServiceManager, NobodyIsToldNothing)
{
    const service_manager nobody(nullptr, 1s);
    EXPECT_FALSE(nobody);
    EXPECT_TRUE(nobody.ready());
    simulation sim;
    sim.start(nobody.feed_watchdog());
    sim.settle();
    EXPECT_EQ(sim.running(), 0U);
}

TEST_F(ServiceManager, SaysWhatTheChannelAnswers)
{
    const service_manager full([](std::string_view) -> result<> {
        return make_error_code(boost::system::errc::resource_unavailable_try_again);
    });
    EXPECT_EQ(full.ready().error(), boost::system::errc::resource_unavailable_try_again);
}

}  // namespace
