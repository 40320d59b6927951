#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

constexpr std::size_t header = 4;

TEST(ConnectionSend, GathersUntilTheSessionWaitsForInput)
{
    simulation sim;
    wired w(sim);
    std::size_t before_receive = 99;
    auto session = [&]() -> task<> {
        for (int i = 0; i < 100; ++i) {
            co_await checked(w.subject.send("Hello"));
        }
        before_receive = w.calls->writes();
        co_await checked(w.subject.receive());
    };
    sim.start(session());
    sim.settle();
    EXPECT_EQ(before_receive, 0U);
    EXPECT_EQ(w.calls->writes(), 1U);
    EXPECT_EQ(w.pair.forward_bytes(), 100 * (header + 5));
}

TEST(ConnectionSend, GathersUntilTheTurnEnds)
{
    simulation sim;
    wired w(sim);
    auto session = [&]() -> task<> {
        for (int i = 0; i < 100; ++i) {
            co_await checked(w.subject.send("Hello"));
        }
        co_await checked(sleep_for(1h));
    };
    sim.start(session());
    sim.settle();  // no time passes
    EXPECT_EQ(w.calls->writes(), 1U);
    EXPECT_EQ(w.pair.forward_bytes(), 100 * (header + 5));
    EXPECT_EQ(w.subject.info().unsent, 0U);
    EXPECT_EQ(w.subject.info().messages_sent, 100U);
}

TEST(ConnectionSend, GathersWhatSeveralTasksSend)
{
    simulation sim;
    wired w(sim);
    for (int i = 0; i < 50; ++i) {
        sim.start([](connection& c) -> task<> {
            co_await checked(c.send("x"));
            co_await checked(c.send("y"));
        }(w.subject));
    }
    sim.settle();
    EXPECT_LE(w.calls->writes(), 2U);
    EXPECT_EQ(w.pair.forward_bytes(), 100 * (header + 1));
}

/// The first of a turn and those that join it take different ways, and some of these another yet.
TEST(ConnectionSend, FramesMessagesOfAnySizeWhetherTheyJoinOthersOrNot)
{
    for (const length_prefix_options& how :
         {length_prefix_options{.max_frame = 100}, length_prefix_options{.max_frame = 100, .width = 2},
          length_prefix_options{.max_frame = 100, .order = std::endian::little}}) {
        simulation sim;
        auto [left, right] = sim.connect({.framing = length_prefix(how)},
                                         {.framing = length_prefix(how)}, {.capacity = 1_MiB});
        std::vector<std::string> taken;
        std::size_t refused = 0;
        auto sender = [&]() -> task<> {
            for (int turn = 0; turn < 3; ++turn) {
                for (const std::size_t size : {0, 1, 99, 100, 101, 4, 0, 1000, 64}) {
                    const std::string payload = some_text(size);
                    if (const auto sent = co_await left.send(payload); sent) {
                        taken.push_back(payload);
                    } else {
                        EXPECT_EQ(sent.error(), error::frame_too_large);
                        ++refused;
                    }
                }
                co_await checked(sleep_for(1s));
            }
        };
        EXPECT_TRUE(sim.run(sender()));
        EXPECT_EQ(refused, 6U);
        EXPECT_EQ(taken.size(), 21U);
        std::vector<std::string> received;
        auto session = [&]() -> task<> {
            while (received.size() < taken.size()) {
                const bytes frame = co_await checked(right.receive());
                received.push_back(to_string(frame));
            }
        };
        EXPECT_TRUE(sim.run(session()));
        EXPECT_TRUE(received == taken);
        EXPECT_EQ(left.info().messages_sent, taken.size());
        EXPECT_EQ(left.info().messages_refused, refused);
    }
}

TEST(ConnectionSend, WritesAtTheHighWaterMark)
{
    simulation sim;
    wired w(sim, {.high_water_mark = 1000}, {.capacity = 1_MiB});
    std::vector<std::string> messages(100, std::string(96, 'x'));  // 100 bytes each
    sim.start(send_all(w.subject, messages));
    sim.settle();
    EXPECT_EQ(w.calls->writes(), 10U);
}

TEST(ConnectionSend, DoesNotCopyALargePayloadThatTheStreamTakes)
{
    simulation sim;
    wired w(sim, {}, {.capacity = 1_MiB});
    const std::string large = some_text(16_KiB);
    auto session = [&]() -> task<> {
        co_await checked(w.subject.send("small"));
        co_await checked(w.subject.send(large));
        EXPECT_EQ(w.calls->writes(), 1U);  // with its small neighbour
        EXPECT_EQ(w.calls->last_piece, large.data());
        EXPECT_EQ(w.subject.info().unsent, 0U);
    };
    EXPECT_TRUE(sim.run(session()));
    sim.settle();
    EXPECT_EQ(w.calls->writes(), 1U);
}

TEST(ConnectionSend, KeepsOrderWhenALargePayloadIsTakenInPart)
{
    simulation sim;
    auto [left, right] = sim.connect({}, {}, {.capacity = 5000});
    const std::vector<std::string> sent{"a", some_text(40000), "b", some_text(20000, 1), "c"};
    sim.start(send_all(left, sent));
    std::vector<std::string> received;
    auto session = [&]() -> task<> {
        while (received.size() < sent.size()) {
            const bytes frame = co_await checked(right.receive());
            received.push_back(to_string(frame));
        }
    };
    EXPECT_TRUE(sim.run(session()));
    EXPECT_TRUE(received == sent);
}

TEST(ConnectionSend, ThePayloadIsFreeWhenItReturns)
{
    for (const std::size_t size : {std::size_t{100}, std::size_t{15_KiB}, std::size_t{64_KiB}}) {
        simulation sim;
        auto [left, right] = sim.connect({}, {}, {.capacity = 700});
        auto sender = [&, size](connection& c) -> task<> {
            for (unsigned i = 0; i < 5; ++i) {
                std::string payload = some_text(size, i);
                co_await checked(c.send(payload));
                std::ranges::fill(payload, '?');
            }
        };
        sim.start(sender(left));
        auto session = [&]() -> task<> {
            for (unsigned i = 0; i < 5; ++i) {
                const bytes frame = co_await checked(right.receive());
                EXPECT_TRUE(as_text(frame) == some_text(size, i));
            }
        };
        EXPECT_TRUE(sim.run(session()));
    }
}

/// Fills the pipe and the buffer, so that whoever sends next has to wait.
task<> fill(connection& peer, std::size_t mark)
{
    co_await checked(peer.send(std::string_view(some_text(mark))));
}

TEST(ConnectionSend, SendersAboveTheMarkAreServedInOrder)
{
    simulation sim;
    auto [left, right] = sim.connect({.high_water_mark = 100}, {}, {.capacity = 10});
    const std::string first = some_text(200);
    sim.start(send_all(left, {first}));
    std::vector<int> done;
    auto sender = [&](int number) -> task<> {
        const std::string payload = std::to_string(number);
        co_await checked(left.send(payload));
        done.push_back(number);
    };
    for (int i = 0; i < 50; ++i) {
        sim.start(sender(i));
    }
    sim.settle();
    EXPECT_TRUE(done.empty());
    std::vector<std::string> received;
    auto session = [&]() -> task<> {
        while (received.size() < 51) {
            const bytes frame = co_await checked(right.receive());
            received.push_back(to_string(frame));
        }
    };
    EXPECT_TRUE(sim.run(session()));
    ASSERT_EQ(done.size(), 50U);
    EXPECT_TRUE(std::ranges::is_sorted(done));
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(received[static_cast<std::size_t>(i) + 1], std::to_string(i));
    }
}

/// Each fills the buffer alone and leaves in one write, inside the wake of the one before it.
TEST(ConnectionSend, ManyWaitingSendersAreServedInOrderWithoutDeepeningTheStack)
{
    simulation sim;
    constexpr int count = 20000;
    auto [left, right] =
        sim.connect({.send_timeout = never, .high_water_mark = 1}, {}, {.capacity = 64});
    sim.start(send_all(left, {some_text(200)}));
    int next = 0;
    bool ordered = true;
    auto sender = [&](int number) -> task<> {
        co_await checked(left.send("x"));
        ordered = ordered && number == next++;
    };
    for (int i = 0; i < count; ++i) {
        sim.start(sender(i));
    }
    sim.settle();
    EXPECT_EQ(next, 0);
    sim.start(swallow(right));
    sim.settle();
    EXPECT_EQ(next, count);
    EXPECT_TRUE(ordered);
}

TEST(ConnectionSend, ACancelledSendHasSentNothing)
{
    simulation sim;
    auto [left, right] = sim.connect({.high_water_mark = 100}, {}, {.capacity = 10});
    auto sender = [&]() -> task<> {
        co_await checked(fill(left, 200));
        const result<> impatient = co_await within(1s, left.send("never"));
        EXPECT_EQ(impatient.error(), error::timeout);
        co_await checked(left.send("last"));
    };
    sim.start(sender());
    sim.advance(2s);
    auto session = [&]() -> task<std::string> {
        co_await checked(right.receive());
        const bytes frame = co_await checked(right.receive());
        co_return to_string(frame);
    };
    EXPECT_EQ(sim.run(session()).value(), "last");
}

TEST(ConnectionSend, ARefusedPayloadHarmsNothing)
{
    simulation sim;
    auto [left, right] =
        sim.connect({.framing = delimited("\n", {.max_frame = 10})}, {.framing = delimited("\n")});
    auto session = [&]() -> task<> {
        co_await checked(left.send("before"));
        const result<> injected = co_await left.send("two\nlines");
        EXPECT_EQ(injected.error(), error::refused_payload);
        const result<> large = co_await left.send("01234567890");
        EXPECT_EQ(large.error(), error::frame_too_large);
        EXPECT_FALSE(left.ended());
        co_await checked(left.send("after"));
        co_await checked(left.close());
    };
    sim.start(session());
    EXPECT_THAT(sim.run(receive_all(right)).value(), ::testing::ElementsAre("before", "after"));
}

TEST(ConnectionSend, ARefusedPayloadIsRefusedAlsoAfterWaiting)
{
    simulation sim;
    auto [left, right] = sim.connect({.framing = delimited("\n"), .high_water_mark = 100},
                                     {.framing = delimited("\n")}, {.capacity = 10});
    auto session = [&]() -> task<> {
        co_await checked(fill(left, 200));
        const result<> refused = co_await left.send("two\nlines");
        EXPECT_EQ(refused.error(), error::refused_payload);
        co_await checked(left.send("after"));
    };
    sim.start(session());
    auto reading = [&]() -> task<std::string> {
        co_await checked(right.receive());
        const bytes frame = co_await checked(right.receive());
        co_return to_string(frame);
    };
    EXPECT_EQ(sim.run(reading()).value(), "after");
}

/// Counts what it encodes: number (1), length (4), payload; hands out all of it.
struct numbered {
    decoded decode(bytes received) const
    {
        const decoded rest =
            lengths.decode(received.subspan(std::min<std::size_t>(1, received.size())));
        return rest.state == decoded::status::frame
                   ? decoded::frame(0, 1 + rest.consumed, 1 + rest.consumed)
                   : decoded::incomplete(1 + rest.needed);
    }
    void encode(bytes payload, envelope& out)
    {
        lengths.encode(payload, out);
        head[0] = static_cast<std::byte>(next++);
        std::ranges::copy(out.head, head.begin() + 1);
        out.head = head;
    }

    length_prefix lengths = length_prefix();
    std::array<std::byte, 1 + header> head{};
    unsigned next = 0;
};

TEST(ConnectionSend, EncodesEachMessageOnce)
{
    simulation sim;
    auto [left, right] = sim.connect({.framing = numbered{}}, {.framing = numbered{}});
    constexpr unsigned count = 200;
    auto session = [&]() -> task<> {
        for (unsigned i = 0; i < count;
             ++i) {  // also those for which the buffer grows, and large ones
            co_await checked(left.send(std::string(i * 100, 'x')));
        }
        co_await checked(left.close());
    };
    sim.start(session());
    const auto received = sim.run(receive_all(right)).value();
    ASSERT_EQ(received.size(), count);
    for (unsigned i = 0; i < count; ++i) {
        EXPECT_EQ(static_cast<unsigned char>(received[i][0]), i);
    }
}

TEST(ConnectionSend, AHalfClosedPeerStillGetsItsAnswers)
{
    simulation sim;
    auto [left, right] = sim.connect();
    auto client = [&]() -> task<std::string> {
        co_await checked(left.send("question"));
        co_await checked(left.flush());
        left.transport().shutdown_send();
        const bytes frame = co_await checked(left.receive());
        co_return to_string(frame);
    };
    auto server = [&]() -> task<> {
        co_await checked(right.receive());
        const result<bytes> end = co_await right.receive();
        EXPECT_EQ(end.error(), error::closed);
        EXPECT_FALSE(right.ended());
        co_await checked(sleep_for(1s));
        co_await checked(right.send("answer"));
        co_await checked(right.flush());
    };
    sim.start(server());
    EXPECT_EQ(sim.run(client()).value(), "answer");
}

TEST(ConnectionSend, FlushWaitsForWhatWasAcceptedAndNoLonger)
{
    simulation sim;
    auto [left, right] =
        sim.connect({.send_timeout = never, .high_water_mark = 50}, {}, {.capacity = 10});
    bool flushed = false;
    int later = 0;
    auto flushing = [&]() -> task<> {
        co_await checked(fill(left, 100));
        co_await checked(left.flush());
        flushed = true;
    };
    auto endless = [&]() -> task<> {
        for (;;) {
            const std::string more = some_text(40);
            co_await checked(left.send(more));
            ++later;
        }
    };
    sim.start(flushing());
    sim.start(endless());
    sim.start(endless());
    sim.settle();
    EXPECT_FALSE(flushed);
    auto some = [&]() -> task<> {
        for (int i = 0; i < 10; ++i) {
            co_await checked(right.receive());
        }
    };
    EXPECT_TRUE(sim.run(some()));
    EXPECT_TRUE(flushed);
    EXPECT_GT(later, 0);
}

TEST(ConnectionSend, FlushAfterAFailureAnswersIt)
{
    simulation sim;
    auto [left, right] = sim.connect({}, {}, {.capacity = 10, .break_after = 20});
    const result<> broken = sim.run(send_all(left, {some_text(100)}));
    EXPECT_FALSE(broken);  // nobody reads: the writer waits, and finds out when the deadline is up
    const result<> again = sim.run(send_all(left, {}));
    EXPECT_EQ(again.error(), left.ended());
}

TEST(ConnectionSend, AMarkOfNothingStillSends)
{
    simulation sim;
    auto [left, right] = sim.connect({.high_water_mark = 0});
    EXPECT_TRUE(sim.run(send_all(left, {"one", "two"})));
}

}  // namespace
