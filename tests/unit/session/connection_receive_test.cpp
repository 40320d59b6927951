#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

std::string prefixed(std::string_view payload)
{
    const auto size = static_cast<std::uint32_t>(payload.size());
    std::string frame;
    for (const int shift : {24, 16, 8, 0}) {
        frame += static_cast<char>(size >> shift & 0xFFU);
    }
    return frame + std::string(payload);
}

task<> write_and_end(connection& wire, std::string data)
{
    co_await checked(wire.send(data));
    co_await checked(wire.close());
}

struct ended {
    std::vector<std::string> frames;
    error_code why;
};

task<ended> receive_to_the_end(connection& peer)
{
    ended all;
    for (;;) {
        auto frame = co_await peer.receive();
        if (!frame) {
            all.why = frame.error();
            co_return all;
        }
        all.frames.push_back(to_string(*frame));
    }
}

ended after(std::string data, connection_options options = {}, pipe_options pipe = {})
{
    simulation sim;
    wired w(sim, std::move(options), {}, pipe);
    sim.start(write_and_end(w.wire, std::move(data)));
    return sim.run(receive_to_the_end(w.subject)).value();
}

TEST(ConnectionReceive, NamesAnotherProtocolByItsFirstWords)
{
    const std::string client_hello("\x16\x03\x01\x00\xc8\x01", 6);
    EXPECT_EQ(after(client_hello).why, error::unexpected_tls);
    EXPECT_EQ(after(client_hello, {}, {.largest_read = 1}).why, error::unexpected_tls);
    EXPECT_EQ(after("POST /here HTTP/1.1\r\n").why, error::unexpected_http);
    EXPECT_EQ(after("PRI * HTTP/2.0\r\n").why, error::unexpected_http);
    EXPECT_EQ(after("\x16\x03\x05\x01\x02\x01").why, error::frame_too_large) << "no such version";
    EXPECT_EQ(after(std::string("\x16\x03\x01\x00\xc8\x02", 6)).why, error::frame_too_large)
        << "a record, but not that of a client";
    EXPECT_EQ(after("SSH-2.0-OpenSSH\r\n").why, error::frame_too_large);
    EXPECT_EQ(after(prefixed("hello") + client_hello).why, error::frame_too_large)
        << "only what comes first";
    EXPECT_EQ(error_code(error::unexpected_tls), condition::bad_input);
}

TEST(ConnectionReceive, HandsOutSeveralFramesOfOneRead)
{
    simulation sim;
    wired w(sim);
    sim.start(write_and_end(w.wire, prefixed("one") + prefixed("") + prefixed("three")));
    sim.settle();
    const ended all = sim.run(receive_to_the_end(w.subject)).value();
    EXPECT_THAT(all.frames, ::testing::ElementsAre("one", "", "three"));
    EXPECT_EQ(w.calls->reads, 2U);  // the frames, the end
}

TEST(ConnectionReceive, EndsWithClosedBetweenFrames)
{
    EXPECT_EQ(after("").why, error::closed);
    EXPECT_EQ(after(prefixed("Hello")).why, error::closed);
}

TEST(ConnectionReceive, EndsWithTruncatedFrameInsideOne)
{
    const std::string whole = prefixed("Hello");
    for (std::size_t size = 1; size < whole.size(); ++size) {
        SCOPED_TRACE(size);
        const ended all = after(whole + whole.substr(0, size));
        EXPECT_EQ(all.why, error::truncated_frame);
        EXPECT_THAT(all.frames, ::testing::ElementsAre("Hello"));
    }
}

TEST(ConnectionReceive, RefusesALengthAboveTheLimitBeforeItsBodyComes)
{
    const ended all = after(prefixed("fine") + std::string("\x00\x10\x00\x01", 4));
    EXPECT_EQ(all.why, error::frame_too_large);
    EXPECT_THAT(all.frames, ::testing::ElementsAre("fine"));
}

TEST(ConnectionReceive, RemembersItsFirstFailure)
{
    simulation sim;
    wired w(sim);
    sim.start(write_and_end(w.wire, "\xFF\xFF\xFF\xFF"));
    EXPECT_EQ(sim.run(receive_to_the_end(w.subject)).value().why, error::frame_too_large);
    EXPECT_EQ(w.subject.ended(), error::frame_too_large);
    w.subject.fail(error::idle_timeout);
    EXPECT_EQ(sim.run(receive_to_the_end(w.subject)).value().why, error::frame_too_large);
    EXPECT_EQ(sim.run(send_all(w.subject, {"x"})).error(), error::frame_too_large);
    EXPECT_EQ(w.subject.info().ended, error::frame_too_large);
    EXPECT_FALSE(w.subject.handle().alive());
}

TEST(ConnectionReceive, ThatWasToFailWithASuccessIsClosed)
{
    simulation sim;
    wired w(sim);
    w.subject.fail({});
    EXPECT_EQ(sim.run(receive_to_the_end(w.subject)).value().why, error::closed);
    EXPECT_EQ(w.subject.ended(), error::closed);
}

TEST(ConnectionReceive, TellsAResetFromAnEnd)
{
    EXPECT_EQ(after(prefixed("Hello"), {}, {.reset_after = 3}).why,
              boost::system::errc::connection_reset);
}

TEST(ConnectionReceive, KeepsAViewUntilTheNextReceive)
{
    simulation sim;
    wired w(sim);
    auto both = [&]() -> task<> {
        co_await checked(w.wire.send(prefixed("first") + prefixed("second")));
        const bytes view = co_await checked(w.subject.receive());
        for (int i = 0; i < 50; ++i) {  // whatever comes meanwhile
            co_await checked(w.wire.send(prefixed(some_text(3000))));
            co_await checked(yield());
            co_await checked(w.subject.send("reply"));
        }
        EXPECT_EQ(as_text(view), "first");
        const bytes next = co_await checked(w.subject.receive());
        EXPECT_EQ(as_text(next), "second");
    };
    EXPECT_TRUE(sim.run(both()));
}

task<std::vector<std::size_t>> batch_sizes(connection& peer, std::string& content)
{
    std::vector<std::size_t> sizes;
    while (auto batch = co_await peer.receive_batch()) {
        sizes.push_back(batch->size());
        for (const bytes frame : *batch) {
            content += as_text(frame);
        }
    }
    co_return sizes;
}

TEST(ConnectionReceive, BatchesEndAt256)
{
    simulation sim;
    wired w(sim, {.framing = delimited("\n")});
    std::string lines;
    for (int i = 0; i < 600; ++i) {
        lines += "x\n";
    }
    sim.start(write_and_end(w.wire, lines));
    std::string content;
    const auto sizes = sim.run(batch_sizes(w.subject, content)).value();
    EXPECT_THAT(sizes, ::testing::ElementsAre(256, 256, 88));
    EXPECT_EQ(content, std::string(600, 'x'));
    EXPECT_EQ(w.subject.info().messages_received, 600U);
}

TEST(ConnectionReceive, ABatchEndsBeforeABadFrame)
{
    simulation sim;
    wired w(sim);
    sim.start(write_and_end(w.wire, prefixed("a") + prefixed("b") + "\xFF\xFF\xFF\xFF"));
    std::string content;
    EXPECT_THAT(sim.run(batch_sizes(w.subject, content)).value(), ::testing::ElementsAre(2));
    EXPECT_EQ(content, "ab");
    EXPECT_EQ(w.subject.ended(), error::frame_too_large);
}

TEST(ConnectionReceive, ACancelledReceiveLosesNothing)
{
    simulation sim;
    wired w(sim);
    const std::string data = prefixed("Hello") + prefixed("World");
    auto drip = [&]() -> task<> {
        for (const char c : data) {
            co_await checked(w.wire.send(std::string_view(&c, 1)));
            co_await checked(sleep_for(300ms));
        }
        co_await checked(w.wire.close());
    };
    auto impatient = [&]() -> task<std::string> {
        std::string content;
        for (;;) {
            auto frame = co_await within(100ms, w.subject.receive());
            if (frame) {
                content += as_text(*frame);
            } else if (frame.error() != error::timeout) {
                co_return content;
            }
        }
    };
    sim.start(drip());
    EXPECT_EQ(sim.run(impatient()).value(), "HelloWorld");
}

TEST(ConnectionReceive, KeepsNoMoreThanHasCome)
{
    simulation sim;
    wired w(sim);
    sim.start(swallow(w.subject));
    sim.start(send_all(w.wire, {std::string("\x00\x10\x00\x00", 4) + some_text(100)}));
    sim.settle();
    EXPECT_EQ(w.subject.info().unread, 104U);
    EXPECT_LE(w.calls->largest_room, 8_KiB);
}

/// A framing that lies.
struct liar {
    decoded answer;
    decoded decode(bytes) const noexcept { return answer; }
    void encode(bytes, envelope&) const noexcept {}
};

TEST(ConnectionReceive, DoesNotBelieveAFramingThatGoesBeyondTheBytes)
{
    for (const decoded lie : {decoded::frame(0, 0, 0), decoded::frame(0, 9, 9),
                              decoded::frame(3, 1, 2), decoded::frame(1, 2, 2)}) {
        EXPECT_EQ(after("ab", {.framing = liar{lie}}).why, error::malformed_frame);
    }
}

TEST(ConnectionReceive, ARaisedNeedOfAFramingNeverHangsTheEnd)
{
    EXPECT_EQ(after("ab", {.framing = liar{decoded::incomplete(SIZE_MAX)}}).why,
              error::truncated_frame);
    EXPECT_EQ(after("ab", {.framing = liar{decoded::incomplete(0)}}).why, error::truncated_frame);
}

}  // namespace
