#include "contract/stream_world.hpp"
#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>

#include <gtest/gtest.h>

/// One session, over every kind of stream.
namespace {

using namespace libnet;
using namespace libnet::tests;

class Echo : public ::testing::TestWithParam<stream_kind> {
protected:
    /// The echo on the right, `client` on the left, until both have ended.
    void talk(const any_framing& framing, const std::function<task<>(connection&)>& client)
    {
        const auto world = GetParam().make();
        auto ends = world->connect();
        const std::size_t before = world->ended();
        connection left(std::move(ends.left), {.framing = framing});
        connection right(std::move(ends.right), {.framing = framing, .idle_timeout = 5s});
        world->start(serve(right, echo(right)));
        world->start(client(left));
        EXPECT_TRUE(world->drive([&] { return world->ended() == before + 2; }));
        EXPECT_EQ(world->failed(), 0U);
    }
};

TEST_P(Echo, AnswersEverySize)
{
    for (const any_framing& framing :
         {any_framing(length_prefix{}), any_framing(delimited("\n"))}) {
        talk(framing, [](connection& peer) -> task<> {
            unsigned seed = 0;
            for (const std::size_t size : {0, 1, 1000, 16383, 16384, 65536, 1000000, 2}) {
                const std::string message = some_text(size, ++seed);
                co_await checked(peer.send(message));
                const bytes reply = co_await checked(peer.receive());
                EXPECT_TRUE(as_text(reply) == message) << size;
            }
            co_await checked(peer.close());
        });
    }
}

TEST_P(Echo, AnswersManyAtOnce)
{
    talk(length_prefix{}, [](connection& peer) -> task<> {
        constexpr unsigned count = 5000;
        for (unsigned i = 0; i < count; ++i) {
            const std::string message = some_text(i % 50, i);
            co_await checked(peer.send(message));
        }
        for (unsigned i = 0; i < count; ++i) {
            const bytes reply = co_await checked(peer.receive());
            EXPECT_TRUE(as_text(reply) == some_text(i % 50, i));
        }
        co_await checked(peer.close());
    });
}

TEST_P(Echo, AnswersAHalfClosedPeer)
{
    talk(length_prefix{}, [](connection& peer) -> task<> {
        co_await checked(peer.send("question"));
        co_await checked(peer.flush());
        peer.transport().shutdown_send();
        const bytes reply = co_await checked(peer.receive());
        EXPECT_EQ(as_text(reply), "question");
        const result<bytes> end = co_await peer.receive();
        EXPECT_EQ(end.error(), error::closed);
        co_await checked(peer.close());
    });
}

TEST_P(Echo, ClosingDeliversWhatTheKernelCouldNotTakeYet)
{
    const auto world = GetParam().make();
    auto ends = world->connect();
    const std::size_t before = world->ended();
    const std::string large = some_text(900000);
    std::size_t received = 0;
    world->start([](connection c, const std::string& message) -> task<> {
        for (int i = 0; i < 20; ++i) {
            co_await checked(c.send(message));
        }
    }(connection(std::move(ends.left)), large));
    world->start([](connection c, const std::string& message, std::size_t& count) -> task<> {
        while (auto frame = co_await c.receive()) {
            count += as_text(*frame) == message ? 1 : 0;
        }
    }(connection(std::move(ends.right)), large, received));
    EXPECT_TRUE(world->drive([&] { return world->ended() == before + 2; }));
    EXPECT_EQ(received, 20U);
    world->settle();
}

INSTANTIATE_TEST_SUITE_P(All, Echo, ::testing::ValuesIn(stream_kinds()),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
