#include <libnet/core/literals.hpp>
#include <libnet/policy/heartbeat.hpp>

#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::literals;
using action = heartbeat_clock::action;

const time_point start = time_point{} + 24h;

TEST(Heartbeat, AsksASilentPeerAndGivesUpAtLast)
{
    const heartbeat how{.interval = 30s, .timeout = 90s};
    heartbeat_clock clock(start);
    EXPECT_EQ(clock.due(how), start + 30s);
    EXPECT_EQ(clock.look(how, start + 30s - 1ns), action::wait);
    EXPECT_EQ(clock.look(how, start + 30s), action::ping);
    EXPECT_EQ(clock.due(how), start + 60s);
    EXPECT_EQ(clock.look(how, start + 60s), action::ping);
    EXPECT_EQ(clock.due(how), start + 90s);
    EXPECT_EQ(clock.look(how, start + 90s - 1ns), action::wait);
    EXPECT_EQ(clock.look(how, start + 90s), action::give_up);
}

TEST(Heartbeat, ALineInUseIsNotAsked)
{
    const heartbeat how{.interval = 30s, .timeout = 90s};
    heartbeat_clock clock(start);
    clock.heard(start + 29s);
    EXPECT_EQ(clock.look(how, start + 30s), action::wait);
    EXPECT_EQ(clock.due(how), start + 59s);
    EXPECT_EQ(clock.look(how, start + 59s), action::ping);
    clock.heard(start + 60s);
    EXPECT_EQ(clock.due(how), start + 90s);
    EXPECT_EQ(clock.look(how, start + 119s), action::ping);
}

TEST(Heartbeat, MeasuresTheRoundTripOfItsLastQuestion)
{
    const heartbeat how{.interval = 30s, .timeout = 90s};
    heartbeat_clock clock(start);
    EXPECT_EQ(clock.answered(start + 1s), std::nullopt);
    EXPECT_EQ(clock.look(how, start + 30s), action::ping);
    EXPECT_EQ(clock.answered(start + 30s + 7ms), 7ms);
    EXPECT_EQ(clock.answered(start + 31s), std::nullopt);
}

TEST(Heartbeat, WhileWeDoNotListenThePeerHearsFromUsAndIsNotGivenUp)
{
    const heartbeat how{.interval = 30s, .timeout = 90s};
    heartbeat_clock clock(start);
    int pings = 0;
    time_point now = start;
    while (now < start + 10min) {
        now = clock.due(how);
        const action next = clock.look(how, now, false);
        EXPECT_NE(next, action::give_up);
        pings += next == action::ping ? 1 : 0;
    }
    EXPECT_EQ(pings, 20);
    EXPECT_EQ(clock.answered(now + 7ms), std::nullopt);  // it was we who took so long
    EXPECT_EQ(clock.look(how, now + 60s - 1ns), action::ping);
    EXPECT_EQ(clock.look(how, now + 60s), action::give_up);
}

TEST(Heartbeat, ThePeerHearsFromUsWhateverTheTimeoutIs)
{
    for (const duration timeout : {duration(45s), duration(30s), duration(10s), never}) {
        const heartbeat how{.interval = 30s, .timeout = timeout};
        heartbeat_clock clock(start);
        int pings = 0;
        for (time_point now = start; now < start + 10min; now = clock.due(how)) {
            pings += clock.look(how, now, false) == action::ping ? 1 : 0;
        }
        EXPECT_GE(pings, 12) << timeout / 1s;
    }
}

TEST(Heartbeat, ATimeoutShorterThanTheIntervalStrikesUnasked)
{
    const heartbeat how{.interval = 30s, .timeout = 10s};
    heartbeat_clock clock(start);
    EXPECT_EQ(clock.due(how), start + 10s);
    EXPECT_EQ(clock.look(how, start + 10s), action::give_up);
}

TEST(Heartbeat, NeverAsksOrNeverGivesUp)
{
    const heartbeat silent{.interval = never, .timeout = 10s};
    EXPECT_EQ(heartbeat_clock(start).due(silent), start + 10s);
    const heartbeat patient{.interval = 30s, .timeout = never};
    heartbeat_clock clock(start);
    for (int i = 1; i < 1000; ++i) {
        EXPECT_EQ(clock.look(patient, start + i * 30s), action::ping);
    }
}

TEST(Heartbeat, KnowsItsPayloads)
{
    const heartbeat words{.ping = "ping", .pong = "pong"};
    EXPECT_EQ(words.kind_of(as_bytes("ping")), beat::ping);
    EXPECT_EQ(words.kind_of(as_bytes("pong")), beat::pong);
    EXPECT_EQ(words.kind_of(as_bytes("pin")), beat::none);
    const heartbeat empty{};
    EXPECT_EQ(empty.kind_of({}), beat::pong);  // asks for no answer
    EXPECT_EQ(empty.kind_of(as_bytes("x")), beat::none);
    const heartbeat asked{.recognise = [](bytes b) {
        return as_text(b).starts_with("ping ") ? beat::ping : beat::none;
    }};
    EXPECT_EQ(asked.kind_of(as_bytes("ping 7")), beat::ping);
    EXPECT_EQ(asked.kind_of({}), beat::none);
}

}  // namespace
