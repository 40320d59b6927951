#include <libnet/libnet.hpp>
#include <libnet/testing/for_each_split.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <charconv>
#include <string>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::literals;

// [choosing]
connection_options frames_with_a_length()
{
    return {.framing = length_prefix({.max_frame = 64_KiB, .width = 2})};
}

connection_options lines()
{
    return {.framing = delimited("\r\n", {.max_frame = 8_KiB})};
}

connection_options whatever_arrives()
{
    return {.framing = raw()};
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
         {frames_with_a_length(), lines(), whatever_arrives()}) {
        auto [left, right] = sim.connect(options, options);
        EXPECT_EQ(sim.run(send_and_receive(left, right, "hello")).value(), "hello");
    }
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
