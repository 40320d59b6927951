#include "support/client_socket.hpp"
#include "support/echo_server.hpp"
#include "support/process_figures.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

/// What peers send that is no message: their connection ends with a reason of its own, the others
/// go on, and nothing grows.
namespace {

using namespace integration;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::size_t little_memory = 8 << 20;

struct bad_input {
    std::string name;
    std::vector<std::string> flags;
    std::string sent;
    bool half_closes;
    std::string reason;
};

void PrintTo(const bad_input& b, std::ostream* out)
{
    *out << b.name;
}

class BadInput : public testing::TestWithParam<bad_input> {};

TEST_P(BadInput, EndsItsConnectionOnly)
{
    const bad_input& bad = GetParam();
    echo_server server(bad.flags);
    client_socket good(server.port());
    const std::string hello = bad.flags.empty() ? framed("hello") : "hello\n";
    ASSERT_TRUE(good.send(hello));
    ASSERT_EQ(good.read(hello.size()), hello);
    const std::size_t before = resident_memory(server.id());

    client_socket peer(server.port());
    ASSERT_TRUE(peer.send(hello + bad.sent));
    if (bad.half_closes) {
        peer.half_close();
    }
    EXPECT_EQ(peer.read_to_end(), hello) << "what was whole is answered first";
    EXPECT_TRUE(peer.ended()) << "no reset";
    peer.close();

    EXPECT_THAT(server.line("closed"), AllOf(HasSubstr(bad.reason), HasSubstr(" (1 message,")));
    if (!instrumented) {
        EXPECT_LT(resident_memory(server.id()), before + little_memory);
    }
    ASSERT_TRUE(good.send(hello));
    EXPECT_EQ(good.read(hello.size()), hello);
}

// Whoever looks for the reason shall not have to look at bytes.
TEST(BadInput, AnotherProtocolOnItsPortIsNamed)
{
    const std::string client_hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
    echo_server server;
    for (const auto& [said, reason] :
         {std::pair(client_hello, "the peer speaks TLS, and here is none ("),
          std::pair(std::string("GET / HTTP/1.1\r\n\r\n"),
                    "the peer speaks HTTP, and this is another protocol (")}) {
        client_socket peer(server.port());
        ASSERT_TRUE(peer.send(said));
        EXPECT_EQ(peer.read_to_end(), "");
        peer.close();
        EXPECT_THAT(server.line("closed"), AllOf(HasSubstr(reason), HasSubstr(") Pr")));
    }
}

const std::string too_large = "a frame is larger than the limit";
const std::string cut_off = "the stream ended in the middle of a frame";

INSTANTIATE_TEST_SUITE_P(
    Kinds, BadInput,
    testing::Values(
        bad_input{"OneByteAboveTheCap", {}, std::string("\x00\x10\x00\x01", 4), false, too_large},
        bad_input{"FourGibibytes", {}, std::string("\xff\xff\xff\xff", 4), false, too_large},
        bad_input{"FourGibibytesAndSome",
                  {},
                  "\xff\xff\xff\xff" + std::string(300'000, 'x'),
                  false,
                  too_large},
        bad_input{"AnotherProtocol", {}, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", false, too_large},
        bad_input{"CutOffInTheLength", {}, std::string("\0\0", 2), true, cut_off},
        bad_input{"CutOffInThePayload", {}, std::string("\0\0\0\x09hal", 7), true, cut_off},
        bad_input{"LineThatNeverEnds",
                  {"--framing", "line", "--max-frame", "64KiB"},
                  std::string(100'000, 'x'),
                  false,
                  too_large},
        bad_input{"LineWithoutItsEnd", {"--framing", "line"}, "no end", true, cut_off}),
    [](const auto& i) { return i.param.name; });

// The largest frame that is allowed, from many peers, of which none sends the body.
TEST(BadInput, AnnouncedBytesTakeNoMemory)
{
    if (instrumented) {
        GTEST_SKIP() << "memory is measured without sanitizers";
    }
    echo_server server({"--quiet", "--max-frame", "1GiB"});
    ASSERT_TRUE(echoes(server.port()));
    const std::size_t before = resident_memory(server.id());
    std::vector<client_socket> peers;
    for (int i = 0; i < 100; ++i) {
        peers.emplace_back(server.port());
        ASSERT_TRUE(peers.back().send(std::string("\x40\x00\x00\x00", 4) + std::string(1000, 'x')));
    }
    ASSERT_TRUE(echoes(server.port()));
    EXPECT_LT(resident_memory(server.id()), before + little_memory);
}

// The server ends the connection first, while the client is still sending: it has to see what was
// answered and then the end, no reset.
TEST(BadInput, ClosingOverUnreadBytesIsNoReset)
{
    echo_server server;
    client_socket client(server.port());
    ASSERT_TRUE(client.send(framed("hello")));
    const std::string junk = "\xff\xff\xff\xff" + std::string(600'000, 'x');
    for (std::size_t i = 0; i < junk.size(); i += 20'000) {
        ASSERT_TRUE(client.send(junk.substr(i, 20'000))) << i << ": " << client.error();
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    client.half_close();
    EXPECT_EQ(client.read_to_end(), framed("hello"));
    EXPECT_TRUE(client.ended()) << client.error();
    EXPECT_THAT(server.line("closed"), HasSubstr(too_large));
}

// It never stops sending: closing is bounded too.
TEST(BadInput, PeerThatSendsForEverIsCutOff)
{
    echo_server server;
    client_socket client(server.port());
    const auto start = std::chrono::steady_clock::now();
    const std::string junk(10'000, '\xff');
    while (client.send(junk) && std::chrono::steady_clock::now() - start < patience) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, about(std::chrono::seconds(3)));
    EXPECT_THAT(server.line("closed"), HasSubstr(too_large));
    EXPECT_TRUE(echoes(server.port()));
}

// A writer that does not read: the server stops reading from it instead of gathering its answers.
TEST(BadInput, WriterThatDoesNotReadIsHeldBack)
{
    echo_server server({"--quiet"});
    ASSERT_TRUE(echoes(server.port()));
    const std::size_t before = resident_memory(server.id());
    client_socket client(server.port(), 4096);
    const std::string block = framed(std::string(60'000, 'x'));
    std::size_t sent = 0;
    while (sent < (64u << 20) && client.send(block, std::chrono::milliseconds(500))) {
        sent += block.size();
    }
    EXPECT_LT(sent, 64u << 20) << "the client was never held back";
    if (!instrumented) {
        EXPECT_LT(resident_memory(server.id()), before + little_memory);
    }
    EXPECT_TRUE(echoes(server.port()));
}

}  // namespace
