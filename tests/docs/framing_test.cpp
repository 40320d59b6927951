#include <libnet/libnet.hpp>
#include <libnet/testing/for_each_split.hpp>
#include <libnet/testing/simulation.hpp>
#include <libnet/testing/stream_pair.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::literals;

// [pieces]
TEST(Bytes, ArriveInPiecesOfTheNetworksChoosing)
{
    libnet::testing::simulation sim;
    libnet::testing::stream_pair network(sim.home());
    auto [sender, receiver] = sim.connect(network, {.framing = raw()}, {.framing = raw()});
    for (const std::string_view message : {"Hello", "World", "!"}) {
        EXPECT_TRUE(sim.run(sender.send(message)));
    }
    network.forward().largest_read = 3;  // the network's choice
    EXPECT_EQ(to_string(sim.run(receiver.receive()).value()), "Hel");
    network.forward().largest_read = 1000;
    EXPECT_EQ(to_string(sim.run(receiver.receive()).value()), "loWorld!");
}
// [end]

// [each_message]
task<> note_each_message(connection& peer, std::vector<std::string>& messages)
{
    while (auto message = co_await peer.receive()) {
        messages.push_back(to_string(*message));
    }
}
// [end]

// [first_line]
// WRONG: looks for a line in what one read has brought.
task<> note_each_line(connection& peer, std::vector<std::string>& lines)
{
    while (auto read = co_await peer.receive()) {  // with raw()
        std::istringstream text(to_string(*read));
        std::string line;
        std::getline(text, line);
        lines.push_back(line);
    }
}
// [end]

// [rest_of_the_line]
// WRONG: keeps what is no line yet, as long as the peer likes.
task<> note_each_whole_line(connection& peer, std::vector<std::string>& lines)
{
    std::string rest;
    while (auto read = co_await peer.receive()) {  // with raw()
        rest += as_text(*read);
        for (std::size_t end; (end = rest.find('\n')) != std::string::npos;) {
            lines.push_back(rest.substr(0, end));
            rest.erase(0, end + 1);
        }
    }
}
// [end]

using noting = task<> (*)(connection&, std::vector<std::string>&);

/// What a session has noted, and how it ended, when these pieces have arrived one by one.
struct noted {
    std::vector<std::string> messages;
    error_code ended;
};

noted note(noting session, const any_framing& framing, const std::vector<std::string>& pieces)
{
    libnet::testing::simulation sim;
    auto [network, peer] = sim.connect({.framing = raw()}, {.framing = framing});
    noted result;
    sim.serve(peer, [&](connection& p) { return session(p, result.messages); });
    for (const std::string& piece : pieces) {
        (void)sim.run(network.send(piece));
        sim.settle();
    }
    result.ended = peer.ended();
    sim.cancel();
    sim.settle();
    return result;
}

using texts = std::vector<std::string>;

TEST(ReadsTakenForMessages, AreCutAndGluedTogether)
{
    EXPECT_EQ(note(note_each_message, raw(), {"Hel", "loWorld!"}).messages,
              (texts{"Hel", "loWorld!"}));
}

TEST(ReadsTakenForLines, CutAndLoseLines)
{
    EXPECT_EQ(note(note_each_line, raw(), {"Hello\n", "World\n"}).messages,
              (texts{"Hello", "World"}));
    EXPECT_EQ(note(note_each_line, raw(), {"Hel", "lo\n"}).messages, (texts{"Hel", "lo"}));
    EXPECT_EQ(note(note_each_line, raw(), {"Hello\nWorld\n"}).messages, (texts{"Hello"}));
}

TEST(LinesKeptWithoutALimit, GrowAsLongAsThePeerLikes)
{
    const texts pieces{"Hel", "lo\nWo", "rld\n"};
    EXPECT_EQ(note(note_each_whole_line, raw(), pieces).messages, (texts{"Hello", "World"}));
    const texts endless(100, std::string(1_KiB, 'x'));
    EXPECT_FALSE(note(note_each_whole_line, raw(), endless).ended);
    EXPECT_EQ(note(note_each_message, delimited("\n", {.max_frame = 8_KiB}), endless).ended,
              error::frame_too_large);
}

TEST(Messages, ArriveAsTheyWereSentHoweverTheNetworkCuts)
{
    const std::string wire("\0\0\0\5Hello\0\0\0\5World\0\0\0\1!", 23);
    libnet::testing::for_each_split(wire, [](std::span<const bytes> pieces) {
        texts arrived;
        for (const bytes piece : pieces) {
            arrived.push_back(to_string(piece));
        }
        const noted result = note(note_each_message, length_prefix(), arrived);
        EXPECT_EQ(result.messages, (texts{"Hello", "World", "!"}));
    });
    EXPECT_EQ(note(note_each_message, delimited("\n"), {"Hel", "lo\nWo", "rld\n"}).messages,
              (texts{"Hello", "World"}));
}

// [choosing]
connection_options frames_with_a_length()
{
    return {.framing = length_prefix({.max_frame = 64_KiB, .width = 2})};
}

connection_options lines()
{
    return {.framing = delimited("\r\n", {.max_frame = 8_KiB})};
}

connection_options protocol_buffers()
{
    return {.framing = varint({.max_frame = 64_KiB})};
}

connection_options records_of_sixteen_bytes()
{
    return {.framing = fixed(16)};
}

connection_options frames_that_are_checked()
{
    return {.framing = checksummed(length_prefix())};
}

connection_options whatever_arrives()
{
    return {.framing = raw()};
}
// [end]

// [own_header]
/// 01 80 00 05 Hello: type, flags, two bytes that count what follows them.
constexpr length_prefix with_a_type({.width = 2, .offset = 2});

task<> say(connection& peer, std::byte type, std::string_view text)
{
    std::vector<std::byte> message(4 + text.size());
    message[0] = type;
    std::ranges::copy(as_bytes(text), message.begin() + 4);
    with_a_type.set_length(message);
    co_await checked(peer.send(message));
}

task<std::string> hear(connection& peer, std::byte type)
{
    const bytes message = co_await checked(peer.receive());
    if (message[0] != type) {  // at least 4 bytes, whatever the peer sends
        co_await fail(error::malformed_frame);
    }
    co_return to_string(message.subspan(4));
}
// [end]

// [netstring]
/// Netstrings: the length as decimal digits, a colon, the payload, a comma: `5:Hello,`.
class netstring {
public:
    explicit netstring(std::size_t max_frame = 64_KiB) : max_frame_(max_frame) {}

    decoded decode(bytes received) const
    {
        const std::string_view text = as_text(received);
        std::size_t size = 0;
        const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), size);
        const auto digits = static_cast<std::size_t>(end - text.data());
        if (failure == std::errc::result_out_of_range || size > max_frame_) {
            return decoded::failed(error::frame_too_large);  // as soon as it can be known
        }
        if (digits == text.size()) {
            return decoded::incomplete(digits + 1);
        }
        if (digits == 0 || text[digits] != ':') {
            return decoded::failed(error::malformed_frame);
        }
        const std::size_t whole = digits + 1 + size + 1;
        if (text.size() < whole) {
            return decoded::incomplete(whole);
        }
        if (text[whole - 1] != ',') {
            return decoded::failed(error::malformed_frame);
        }
        return decoded::frame(digits + 1, size, whole);
    }

    void encode(bytes payload, envelope& out) const
    {
        if (payload.size() > max_frame_) {
            out.refusal = error::frame_too_large;
            return;
        }
        char* const begin = reinterpret_cast<char*>(out.scratch.data());
        char* const end = std::to_chars(begin, begin + 20, payload.size()).ptr;
        *end = ':';
        out.head = as_bytes({begin, end + 1});
        out.tail = as_bytes(",");
    }

private:
    std::size_t max_frame_;
};
// [end]

task<std::string> send_and_receive(connection& from, connection& to, std::string_view payload)
{
    co_await checked(from.send(payload));
    const bytes frame = co_await checked(to.receive());
    co_return to_string(frame);
}

TEST(Framings, AreChosenInTheOptions)
{
    libnet::testing::simulation sim;
    for (const connection_options& options :
         {frames_with_a_length(), lines(), protocol_buffers(), records_of_sixteen_bytes(),
          frames_that_are_checked(), whatever_arrives()}) {
        auto [left, right] = sim.connect(options, options);
        EXPECT_EQ(sim.run(send_and_receive(left, right, "sixteen letters.")).value(),
                  "sixteen letters.");
    }
}

TEST(Framings, HandOutAHeaderOfYourOwn)
{
    libnet::testing::simulation sim;
    auto [left, right] = sim.connect({.framing = with_a_type}, {.framing = with_a_type});
    EXPECT_TRUE(sim.run(say(left, std::byte{1}, "Hello")));
    EXPECT_TRUE(sim.run(say(left, std::byte{1}, "")));
    EXPECT_TRUE(sim.run(say(left, std::byte{2}, "World")));
    EXPECT_EQ(sim.run(hear(right, std::byte{1})).value(), "Hello");
    EXPECT_EQ(sim.run(hear(right, std::byte{1})).value(), "");
    EXPECT_EQ(sim.run(hear(right, std::byte{1})).error(), error::malformed_frame);
    const std::string length_forgotten = "\1abcHello";
    EXPECT_EQ(sim.run(left.send(length_forgotten)).error(), error::refused_payload);
}

TEST(Framings, SeeDamageIfTheyAreChecksummed)
{
    libnet::testing::simulation sim;
    auto [network, peer] = sim.connect({.framing = raw()}, frames_that_are_checked());
    const std::string damaged("\0\0\0\5Hallo\x22\x8B\x4C\xE3", 13);
    EXPECT_TRUE(sim.run(network.send(damaged)));
    EXPECT_EQ(sim.run(peer.receive()).error(), error::checksum_mismatch);
}

// [netstring_test]
TEST(Netstring, FindsTheSameFramesHoweverTheyArrive)
{
    using libnet::testing::for_each_split;
    for_each_split("5:Hello,0:,6:World!,", [](std::span<const bytes> pieces) {
        SCOPED_TRACE(libnet::testing::describe_split(pieces));
        netstring framing;
        receive_buffer received;
        std::vector<std::string> frames;
        for (const bytes piece : pieces) {
            const mutable_bytes room = received.prepare();
            std::copy(piece.begin(), piece.end(), room.begin());
            received.commit(piece.size());
            for (;;) {
                const decoded found = framing.decode(received.data());
                if (found.state != decoded::status::frame) {
                    break;
                }
                frames.push_back(to_string(received.data().subspan(found.offset, found.size)));
                received.consume(found.consumed);
            }
        }
        EXPECT_EQ(frames, (std::vector<std::string>{"Hello", "", "World!"}));
        EXPECT_TRUE(received.empty());
    });
}
// [end]

TEST(Netstring, RejectsWhatIsNone)
{
    netstring framing(9);
    const auto failure = [&](std::string_view text) {
        return framing.decode(as_bytes(text)).failure;
    };
    EXPECT_EQ(failure("10"), error::frame_too_large);
    EXPECT_EQ(failure("99999999999999999999999"), error::frame_too_large);
    EXPECT_EQ(failure("hello"), error::malformed_frame);
    EXPECT_EQ(failure(":,"), error::malformed_frame);
    EXPECT_EQ(failure("-1:,"), error::malformed_frame);
    EXPECT_EQ(failure("1:xx"), error::malformed_frame);
}

TEST(Netstring, TravelsOverAConnection)
{
    libnet::testing::simulation sim;
    auto [left, right] = sim.connect({.framing = netstring()}, {.framing = netstring()});
    EXPECT_EQ(sim.run(send_and_receive(left, right, "Hello")).value(), "Hello");
    EXPECT_EQ(sim.run(send_and_receive(left, right, "")).value(), "");
    const std::string large(64_KiB + 1, 'x');
    EXPECT_EQ(sim.run(send_and_receive(left, right, large)).error(), error::frame_too_large);
}

}  // namespace
