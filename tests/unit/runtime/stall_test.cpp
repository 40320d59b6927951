#include "support/run_on.hpp"

#include <libnet/runtime/clock.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/stall_report.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using libnet::checked;
using libnet::duration;
using libnet::never;
using libnet::result;
using libnet::stall_report;
using libnet::task;
using libnet::tests::run_on;

/// A loop whose work takes as long as it says.
class StallTest : public testing::Test {
protected:
    StallTest() { home().use_clock(clock_); }

    libnet::loop& home() { return libnet::loop_of(io_); }

    void watch(duration longest = 25ms)
    {
        home().on_stall([this](const stall_report& r) { reports_.push_back(r); }, longest);
    }

    void take(duration time) { clock_.step(clock_.now() + time); }

    void start(task<> body)
    {
        libnet::spawn(io_, std::move(body), [](std::exception_ptr, result<>) {});
    }

    /// Runs a group of whose tasks one stalls.
    template <class Tasks>
    std::string whom_the_report_names(Tasks& tasks)
    {
        auto body = [&]() -> task<> { co_await checked(libnet::with_group(tasks)); };
        watch();
        start(body());
        io_.run();
        EXPECT_EQ(reports_.size(), 1U);
        return reports_.empty() ? "" : reports_[0].session;
    }

    libnet::manual_clock clock_;
    asio::io_context io_;
    std::vector<stall_report> reports_;
};

unsigned line_of(const std::vector<std::source_location>& trace, std::size_t n = 0)
{
    return n < trace.size() ? trace[n].line() : 0;
}

bool names_this_file(const std::source_location& place)
{
    return std::string_view(place.file_name()).ends_with("stall_test.cpp");
}

TEST_F(StallTest, NobodyIsToldUnlessSomebodyAsked)
{
    auto body = [&]() -> task<> {
        take(50ms);
        co_await checked(libnet::yield());
    };
    start(body());
    io_.run();
    EXPECT_TRUE(reports_.empty());
}

TEST_F(StallTest, SaysHowLongAndBetweenWhichAwaits)
{
    unsigned first = 0;
    unsigned second = 0;
    auto inner = [&]() -> task<> {
        first = __LINE__ + 1;
        co_await checked(libnet::yield());
        take(50ms);
        second = __LINE__ + 1;
        co_await checked(libnet::yield());
    };
    unsigned outer = 0;
    auto body = [&]() -> task<> {
        outer = __LINE__ + 1;
        co_await checked(inner());
    };
    watch();
    start(body());
    io_.run();
    ASSERT_EQ(reports_.size(), 1U);
    const stall_report& report = reports_[0];
    EXPECT_EQ(report.lasted, 50ms);
    ASSERT_EQ(report.from.size(), 3U) << "yield's own, and the two here";
    EXPECT_EQ(line_of(report.from, 1), first);
    EXPECT_EQ(line_of(report.from, 2), outer);
    ASSERT_EQ(report.to.size(), 3U);
    EXPECT_EQ(line_of(report.to, 1), second);
    EXPECT_EQ(line_of(report.to, 2), outer);
    EXPECT_TRUE(names_this_file(report.to[1]));
    EXPECT_EQ(report.session, "");
}

TEST_F(StallTest, OfATaskThatHasJustBegunOrEnds)
{
    auto body = [&]() -> task<> {
        take(30ms);
        co_await checked(libnet::yield());
        take(40ms);
    };
    watch();
    start(body());
    io_.run();
    ASSERT_EQ(reports_.size(), 2U);
    EXPECT_TRUE(reports_[0].from.empty());
    EXPECT_FALSE(reports_[0].to.empty());
    EXPECT_EQ(reports_[1].lasted, 40ms);
    EXPECT_FALSE(reports_[1].from.empty());
    EXPECT_TRUE(reports_[1].to.empty());
}

TEST_F(StallTest, ManyThatAreQuickAreNoStall)
{
    auto body = [&]() -> task<> {
        for (int i = 0; i != 10; ++i) {
            take(25ms);
            co_await checked(libnet::yield());
        }
    };
    watch();
    for (int i = 0; i != 10; ++i) {
        start(body());
    }
    io_.run();
    EXPECT_TRUE(reports_.empty());
    EXPECT_EQ(home().now() - libnet::manual_clock().now(), 2500ms);
}

TEST_F(StallTest, TheTimeThatALoopSleepsIsNoStall)
{
    auto body = [&]() -> task<> { co_await checked(libnet::sleep_for(1h)); };
    watch();
    start(body());
    io_.poll();
    {
        const libnet::loop::turn this_turn(home());
        take(0ms);
    }
    clock_.step(clock_.now() + 2h);  // nobody's turn
    io_.run();
    EXPECT_TRUE(reports_.empty());
}

std::string named(const void* whom)
{
    return static_cast<const char*>(whom);
}

TEST_F(StallTest, ATaskOfAGroupWorksForWhomTheGroupsOwnTaskWorks)
{
    auto slow = [&]() -> task<> {
        co_await checked(libnet::yield());
        take(26ms);
    };
    auto own_group = [&](libnet::group& g) -> task<> {
        g.start(slow());
        co_await checked(g.join());
    };
    auto groups_inside = [&]() -> task<> { co_await checked(libnet::with_group(own_group)); };
    auto many = [&](libnet::group& g) -> task<> {
        (co_await libnet::detail::fiber_await{}).describe_by(named, "whom");
        g.start(groups_inside());
        co_await checked(g.join());
    };
    EXPECT_EQ(whom_the_report_names(many), "whom");
}

TEST_F(StallTest, OnlyTheOneThatStalledIsNamed)
{
    auto quick = [&]() -> task<> {
        (co_await libnet::detail::fiber_await{}).describe_by(named, "quick");
        co_await checked(libnet::yield());
    };
    auto slow = [&]() -> task<> {
        (co_await libnet::detail::fiber_await{}).describe_by(named, "slow");
        co_await checked(libnet::yield());
        take(26ms);
    };
    auto many = [&](libnet::group& g) -> task<> {
        g.start(quick());
        g.start(slow());
        g.start(quick());
        co_await checked(g.join());
    };
    EXPECT_EQ(whom_the_report_names(many), "slow");
}

TEST_F(StallTest, WhatIsNoTaskHasNoPlace)
{
    watch();
    {
        const libnet::loop::turn this_turn(home());
        take(26ms);
    }
    ASSERT_EQ(reports_.size(), 1U);
    EXPECT_EQ(reports_[0].lasted, 26ms);
    EXPECT_TRUE(reports_[0].from.empty());
    EXPECT_TRUE(reports_[0].to.empty());
}

TEST_F(StallTest, ATaskThatIsDestroyedMeanwhileIsForgotten)
{
    watch();
    auto waits = []() -> task<> { co_await checked(libnet::sleep_for(1h)); };
    auto body = [&]() -> task<> {
        auto child = waits();
        take(26ms);
        co_return;
    };
    start(body());
    start(waits());
    io_.poll();
    EXPECT_EQ(reports_.size(), 1U);
}

TEST_F(StallTest, TheLimitCanBeSet)
{
    auto body = [&]() -> task<> {
        take(3ms);
        co_await checked(libnet::yield());
    };
    watch(2ms);
    start(body());
    io_.run();
    EXPECT_EQ(reports_.size(), 1U);
    watch(never);
    start(body());
    io_.restart();
    io_.run();
    home().on_stall(nullptr);
    start(body());
    io_.restart();
    io_.run();
    EXPECT_EQ(reports_.size(), 1U);
}

TEST_F(StallTest, TheHookMaySwitchItselfOffAndItsOwnTimeDoesNotCount)
{
    int told = 0;
    auto body = [&]() -> task<> {
        for (int i = 0; i != 3; ++i) {
            take(26ms);
            co_await checked(libnet::yield());
        }
    };
    home().on_stall([&](const stall_report& r) {
        EXPECT_EQ(r.lasted, 26ms);
        take(1s);
        if (++told == 2) {
            home().on_stall(nullptr);
            EXPECT_EQ(r.lasted, 26ms) << "the hook is still there";
        }
    });
    start(body());
    io_.run();
    EXPECT_EQ(told, 2);
}

TEST(Stall, IsSeenInRealTime)
{
    asio::io_context io;
    std::vector<stall_report> reports;
    unsigned line = 0;
    auto body = [&]() -> task<> {
        (co_await libnet::this_loop()).on_stall([&](const stall_report& r) {
            reports.push_back(r);
        });
        co_await checked(libnet::sleep_for(1ms));
        std::this_thread::sleep_for(50ms);
        line = __LINE__ + 1;
        co_await checked(libnet::sleep_for(1ms));
    };
    EXPECT_TRUE(run_on(io, body()));
    const auto found = std::find_if(reports.begin(), reports.end(), [&](const stall_report& r) {
        return r.lasted >= 50ms && line_of(r.to, 1) == line;
    });
    EXPECT_NE(found, reports.end()) << reports.size();
}

TEST(StallReport, IsALineForPeople)
{
    stall_report report{.lasted = 47'600us};
    EXPECT_EQ(report.text(), "no task, but libnet kept the loop for 48 ms");
    const auto here = std::source_location::current();
    const std::string place = std::string(here.file_name()) + ":" + std::to_string(here.line());
    report.to = {here, here};
    EXPECT_EQ(report.text(),
              "a task kept the loop for 48 ms, from its beginning to " + place + " < " + place);
    report.session = "127.0.0.1:50722";
    report.from = {here};
    report.to = {};
    EXPECT_EQ(report.text(),
              "127.0.0.1:50722 kept the loop for 48 ms, from " + place + " to its end");
}

}  // namespace
