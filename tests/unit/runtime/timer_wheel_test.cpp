#include <libnet/runtime/timer_wheel.hpp>

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <vector>

namespace {

using namespace std::chrono_literals;
using libnet::duration;
using libnet::end_of_time;
using libnet::time_point;
using libnet::timer_wheel;
using libnet::detail::node_list;
using libnet::detail::timer_node;

struct plain_node : timer_node {
    plain_node() : timer_node([](timer_node&) {}) {}
};

const time_point origin{1000h};
constexpr duration tick = timer_wheel::tick;

std::vector<timer_node*> advance(timer_wheel& wheel, time_point now)
{
    node_list<timer_node> expired;
    wheel.advance(now, expired);
    std::vector<timer_node*> nodes;
    while (!expired.empty()) {
        nodes.push_back(&expired.pop_front());
    }
    return nodes;
}

TEST(TimerWheel, IsEmptyAtFirst)
{
    timer_wheel wheel(origin);
    EXPECT_TRUE(wheel.empty());
    EXPECT_EQ(wheel.size(), 0u);
    EXPECT_EQ(wheel.earliest(), end_of_time);
    EXPECT_TRUE(advance(wheel, origin + 24h).empty());
    EXPECT_EQ(wheel.earliest(), end_of_time);
}

TEST(TimerWheel, RoundsUpToTheNextTickNeverDown)
{
    timer_wheel wheel(origin);
    plain_node node;
    wheel.insert(node, origin + 5 * tick + 1ns);
    EXPECT_EQ(wheel.earliest(), origin + 6 * tick);
    EXPECT_TRUE(advance(wheel, origin + 6 * tick - 1ns).empty());
    EXPECT_EQ(advance(wheel, origin + 6 * tick).size(), 1u);
    wheel.insert(node, origin + 9 * tick);
    EXPECT_EQ(wheel.earliest(), origin + 9 * tick);
    EXPECT_TRUE(advance(wheel, origin + 9 * tick - 1ns).empty());
    EXPECT_EQ(advance(wheel, origin + 9 * tick).size(), 1u);
}

TEST(TimerWheel, ExpiresWhatIsInThePastAtTheNextTick)
{
    timer_wheel wheel(origin);
    plain_node a, b;
    wheel.insert(a, origin - 5s);
    EXPECT_EQ(wheel.earliest(), origin + tick);
    EXPECT_EQ(advance(wheel, origin + 1s).size(), 1u);
    wheel.insert(b, origin + 500ms);
    EXPECT_EQ(wheel.earliest(), origin + 1s + tick);
    EXPECT_TRUE(advance(wheel, origin + 1s).empty());
    EXPECT_EQ(advance(wheel, origin + 1s + tick).size(), 1u);
}

/// Ticks around every border between levels: 7, 8, 9, 63, 64, 65, 511, 512, 513, ...
std::vector<std::int64_t> borders()
{
    std::vector<std::int64_t> ticks;
    for (int level = 1; level != 13; ++level) {
        const std::int64_t border = std::int64_t{1} << (3 * level);
        for (const std::int64_t near : {-65, -64, -9, -8, -7, -2, -1, 0, 1, 2, 7, 8, 9, 64, 65}) {
            if (border + near > 0) {
                ticks.push_back(border + near);
                ticks.push_back(3 * border + near);
            }
        }
    }
    return ticks;
}

TEST(TimerWheel, IsExactAroundEveryBorderBetweenLevels)
{
    for (const std::int64_t started : {0, 1, 6, 7, 8, 63, 64, 4095, 4096, 262143}) {
        for (const std::int64_t wait : borders()) {
            timer_wheel wheel(origin);
            (void)advance(wheel, origin + started * tick);
            plain_node node;
            const time_point due = origin + (started + wait) * tick;
            wheel.insert(node, due);
            ASSERT_EQ(wheel.earliest(), due) << started << " + " << wait;
            ASSERT_TRUE(advance(wheel, due - 1ns).empty()) << started << " + " << wait;
            ASSERT_EQ(advance(wheel, due).size(), 1u) << started << " + " << wait;
            ASSERT_TRUE(wheel.empty());
        }
    }
}

TEST(TimerWheel, IsExactWhenItIsLookedAtOnTheWay)
{
    for (const std::int64_t wait : borders()) {
        timer_wheel wheel(origin);
        plain_node node;
        const time_point due = origin + wait * tick;
        wheel.insert(node, due);
        for (time_point at = origin; at < due; at += std::max(tick, (due - at) / 2)) {
            ASSERT_TRUE(advance(wheel, at).empty()) << wait;
            ASSERT_EQ(wheel.earliest(), due) << wait;
        }
        ASSERT_EQ(advance(wheel, due).size(), 1u) << wait;
    }
}

TEST(TimerWheel, WaitsForWhatIsAsFarAwayAsCanBe)
{
    timer_wheel wheel(origin);
    plain_node far, farther, farthest;
    wheel.insert(far, origin + 24h * 365 * 3);
    wheel.insert(farther, origin + 24h * 365 * 100);
    wheel.insert(farthest, end_of_time - 1ns);
    EXPECT_TRUE(advance(wheel, origin + 24h * 365 * 3 - tick).empty());
    EXPECT_EQ(advance(wheel, origin + 24h * 365 * 3).size(), 1u);
    EXPECT_TRUE(advance(wheel, origin + 24h * 365 * 100 - tick).empty());
    EXPECT_EQ(wheel.earliest(), origin + 24h * 365 * 100);
    EXPECT_EQ(advance(wheel, origin + 24h * 365 * 100).size(), 1u);
    EXPECT_EQ(wheel.size(), 1u);
}

TEST(TimerWheel, GoesOnWhenTheCoarsestLevelHasTurned)
{
    // Whatever the number of levels: insert shortly before each power of 8, due shortly after.
    for (int power = 1; power != 15; ++power) {
        const std::int64_t turn = std::int64_t{1} << (3 * power);
        if (turn > (end_of_time - origin) / tick - 10) {
            break;
        }
        timer_wheel wheel(origin);
        const time_point before = origin + (turn - 3) * tick;
        ASSERT_TRUE(advance(wheel, before).empty());
        plain_node node;
        wheel.insert(node, before + 5 * tick);
        ASSERT_TRUE(advance(wheel, before + tick).empty());
        ASSERT_TRUE(advance(wheel, before + 4 * tick).empty());
        ASSERT_EQ(advance(wheel, before + 5 * tick).size(), 1u) << power;
    }
}

TEST(TimerWheel, RemovesFromEveryLevelAndOnTheWayOut)
{
    timer_wheel wheel(origin);
    for (const std::int64_t wait : borders()) {
        plain_node node;
        wheel.insert(node, origin + wait * tick);
        EXPECT_EQ(wheel.size(), 1u);
        wheel.remove(node);
        EXPECT_TRUE(wheel.empty());
        EXPECT_EQ(wheel.earliest(), end_of_time);
    }
    plain_node a, b;
    wheel.insert(a, origin + tick);
    wheel.insert(b, origin + tick);
    node_list<timer_node> expired;
    wheel.advance(origin + 1s, expired);
    EXPECT_TRUE(wheel.empty());
    wheel.remove(b);  // expired, its callback has not run
    EXPECT_EQ(&expired.pop_front(), &a);
    EXPECT_TRUE(expired.empty());
    wheel.insert(b, origin + 2s);
    EXPECT_EQ(advance(wheel, origin + 2s).size(), 1u);
}

/// What a wheel has to do, done simply.
class reference_model {
public:
    void insert(timer_node& node, time_point due) { due_.emplace(&node, due); }
    void remove(timer_node& node) { due_.erase(&node); }
    bool holds(timer_node& node) const { return due_.contains(&node); }
    std::size_t size() const { return due_.size(); }

    void expect_expired(const std::vector<timer_node*>& expired, time_point now)
    {
        std::int64_t last_tick = 0;
        for (timer_node* node : expired) {
            const auto found = due_.find(node);
            ASSERT_NE(found, due_.end());
            ASSERT_LE(found->second, now) << "early";
            ASSERT_LE(last_tick, static_cast<std::int64_t>(node->order)) << "out of order";
            last_tick = static_cast<std::int64_t>(node->order);
            due_.erase(found);
        }
        for (const auto& [node, due] : due_) {
            ASSERT_GT(due + tick, now) << "more than a tick late";
        }
    }

    time_point earliest() const
    {
        time_point first = end_of_time;
        for (const auto& [node, due] : due_) {
            first = std::min(first, due);
        }
        return first;
    }

private:
    std::map<timer_node*, time_point> due_;
};

class TimerWheelAtRandom : public testing::TestWithParam<unsigned> {};

TEST_P(TimerWheelAtRandom, DoesWhatTheModelDoes)
{
    std::mt19937_64 random(GetParam());
    auto below = [&](std::int64_t n) {
        return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
    };
    // Waits of every magnitude, with a part of a tick.
    auto some_wait = [&] {
        return tick * (below(std::int64_t{1} << (1 + below(38)))) + duration(below(1'000'000));
    };

    std::vector<std::unique_ptr<plain_node>> nodes;
    for (int i = 0; i != 60; ++i) {
        nodes.push_back(std::make_unique<plain_node>());
    }
    timer_wheel wheel(origin);
    reference_model model;
    time_point now = origin;
    bool removed = false;
    for (int round = 0; round != 4000; ++round) {
        plain_node& node = *nodes[static_cast<std::size_t>(below(60))];
        switch (below(4)) {
        case 0:
        case 1:
            if (!model.holds(node)) {
                const time_point due = now + some_wait();
                wheel.insert(node, due);
                model.insert(node, due);
            }
            break;
        case 2:
            if (model.holds(node) && below(3) == 0) {
                wheel.remove(node);
                model.remove(node);
                removed = true;
            }
            break;
        default: {
            // To the wheel's own next look, a little further, or far away.
            const std::int64_t how = below(4);
            const time_point look = wheel.earliest();
            now = how == 0 && look != end_of_time ? std::max(now, look)
                                                  : now + some_wait() / (how == 1 ? 1 : 1024);
            model.expect_expired(advance(wheel, now), now);
            break;
        }
        }
        if (HasFatalFailure()) {
            return;
        }
        ASSERT_EQ(wheel.size(), model.size());
        const time_point due = model.earliest();
        if (due == end_of_time) {
            ASSERT_EQ(wheel.earliest(), end_of_time);
            removed = false;
        } else if (removed) {
            ASSERT_LT(wheel.earliest(), std::max(due, now) + 2 * tick);
        } else {
            ASSERT_GE(wheel.earliest(), due) << "wakes up for nothing";
            ASSERT_LT(wheel.earliest(), std::max(due, now) + 2 * tick);
        }
    }
}

TEST_P(TimerWheelAtRandom, DoesNotWakeUpWhileNothingIsDue)
{
    std::mt19937_64 random(GetParam());
    timer_wheel wheel(origin);
    std::vector<std::unique_ptr<plain_node>> nodes;
    std::size_t left = 200;
    for (std::size_t i = 0; i != left; ++i) {
        nodes.push_back(std::make_unique<plain_node>());
        wheel.insert(*nodes.back(), origin + tick * static_cast<std::int64_t>(
                                                        random() % (1u << (1 + random() % 30))));
    }
    // Woken at earliest() each time, every look finds something.
    while (!wheel.empty()) {
        const std::size_t expired = advance(wheel, wheel.earliest()).size();
        ASSERT_GT(expired, 0u);
        left -= expired;
    }
    EXPECT_EQ(left, 0u);
}

TEST_P(TimerWheelAtRandom, WakesUpInVainAtMostOnceForEachSlotAfterRemovals)
{
    std::mt19937_64 random(GetParam());
    timer_wheel wheel(origin);
    std::vector<std::unique_ptr<plain_node>> nodes;
    for (int i = 0; i != 2000; ++i) {
        nodes.push_back(std::make_unique<plain_node>());
        wheel.insert(*nodes.back(),
                     origin + tick * static_cast<std::int64_t>(1 + random() % 100'000));
    }
    for (std::size_t i = 0; i != nodes.size(); ++i) {
        if (i % 10 != 0) {
            wheel.remove(*nodes[i]);
        }
    }
    int in_vain = 0;
    while (!wheel.empty()) {
        in_vain += advance(wheel, wheel.earliest()).empty() ? 1 : 0;
    }
    EXPECT_LE(in_vain, 6 * 8);
}

INSTANTIATE_TEST_SUITE_P(Seeds, TimerWheelAtRandom, testing::Range(1u, 21u));

}  // namespace
