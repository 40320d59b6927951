#include <libnet/framing/receive_buffer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

namespace {

using namespace libnet::literals;
using libnet::receive_buffer;

constexpr std::size_t first = receive_buffer::smallest_read;

/// Receives as a connection does: at most `text.size()` bytes, as many as there is room for.
std::size_t receive(receive_buffer& buffer, std::string_view text, std::size_t needed = 0)
{
    const libnet::mutable_bytes room = buffer.prepare(needed);
    const std::size_t count = std::min(room.size(), text.size());
    std::ranges::copy(libnet::as_bytes(text.substr(0, count)), room.begin());
    buffer.commit(count);
    return count;
}

void receive_all(receive_buffer& buffer, std::string_view text, std::size_t needed = 0)
{
    while (!text.empty()) {
        text.remove_prefix(receive(buffer, text, needed));
    }
}

/// A text without repetitions, so that misplaced bytes are seen.
std::string numbers(std::size_t size)
{
    std::string text;
    for (int i = 0; text.size() < size; ++i) {
        text += std::to_string(i) + ' ';
    }
    text.resize(size);
    return text;
}

TEST(ReceiveBuffer, HoldsNoMemoryAtFirst)
{
    const receive_buffer buffer;
    EXPECT_EQ(buffer.capacity(), 0U);
    EXPECT_EQ(buffer.size(), 0U);
    EXPECT_TRUE(buffer.empty());
    EXPECT_TRUE(buffer.data().empty());
}

TEST(ReceiveBuffer, ShowsWhatArrivedAndWasNotConsumed)
{
    receive_buffer buffer;
    receive(buffer, "Hello");
    receive(buffer, "World");
    EXPECT_EQ(libnet::as_text(buffer.data()), "HelloWorld");
    EXPECT_EQ(buffer.size(), 10U);
    buffer.consume(4);
    EXPECT_EQ(libnet::as_text(buffer.data()), "oWorld");
    receive(buffer, "!");
    EXPECT_EQ(libnet::as_text(buffer.data()), "oWorld!");
    buffer.consume(7);
    EXPECT_TRUE(buffer.empty());
    receive(buffer, "again");
    EXPECT_EQ(libnet::as_text(buffer.data()), "again");
}

TEST(ReceiveBuffer, BeginsWithFourKibibytes)
{
    receive_buffer buffer;
    EXPECT_EQ(buffer.prepare().size(), 4_KiB);
    EXPECT_EQ(buffer.capacity(), 4_KiB);
    EXPECT_TRUE(buffer.empty());
}

TEST(ReceiveBuffer, AllocatesForWhatCameNotForWhatIsAnnounced)
{
    for (const std::size_t announced : {1_MiB, 1_GiB, SIZE_MAX / 2, SIZE_MAX}) {
        receive_buffer buffer;
        EXPECT_EQ(buffer.prepare(announced).size(), first);
        receive(buffer, "ten bytes!", announced);
        EXPECT_EQ(buffer.prepare(announced).size(), first - 10);
        EXPECT_EQ(buffer.capacity(), first);
    }
}

TEST(ReceiveBuffer, NeverExceedsTwiceWhatCameAndOneRead)
{
    const std::string text = numbers(1_MiB);
    for (const std::size_t announced : {std::size_t{0}, 1_MiB, SIZE_MAX}) {
        for (const std::size_t piece : {std::size_t{100}, first - 1, first, 100_KiB, 1_MiB}) {
            receive_buffer buffer;
            std::size_t largest_read = first;  // a read that fills the room doubles it
            for (std::size_t at = 0; at < text.size();) {
                const std::size_t room = buffer.prepare(announced).size();
                EXPECT_LE(buffer.capacity(), 2 * buffer.size() + largest_read);
                const std::size_t count =
                    receive(buffer, std::string_view(text).substr(at, piece), announced);
                at += count;
                if (count == room) {
                    largest_read = std::min(2 * largest_read, receive_buffer::largest_read);
                }
            }
            EXPECT_EQ(libnet::as_text(buffer.data()), text);
        }
    }
}

TEST(ReceiveBuffer, LetsALongFrameDoubleWhatCame)
{
    // 64 KiB in small pieces: reads stay small, and still the buffer does not grow in small steps.
    receive_buffer buffer;
    const std::string text = numbers(64_KiB);
    for (std::size_t at = 0; at < text.size(); at += 1_KiB) {
        ASSERT_EQ(receive(buffer, std::string_view(text).substr(at, 1_KiB), 1_MiB), 1_KiB);
    }
    EXPECT_EQ(libnet::as_text(buffer.data()), text);
    EXPECT_GT(buffer.capacity(), 64_KiB);
    EXPECT_LE(buffer.capacity(), 128_KiB + first);
}

TEST(ReceiveBuffer, DoesNotAllocateMoreThanALongFrameNeeds)
{
    receive_buffer buffer;
    receive_all(buffer, numbers(1_MiB), 1_MiB + 1);
    const std::size_t before = buffer.capacity();
    const std::string fill = numbers(before - buffer.size());
    receive_all(buffer, fill, before + 1);
    EXPECT_EQ(buffer.capacity(), before);
    buffer.prepare(before + 1);
    EXPECT_LE(buffer.capacity(), before + before / 2 + receive_buffer::largest_read);
}

TEST(ReceiveBuffer, DoublesItsReadsWhileTheyFillTheRoom)
{
    receive_buffer buffer;
    const std::string text = numbers(1_MiB);
    std::size_t expected = first;
    for (int read = 0; read < 10; ++read) {
        EXPECT_EQ(buffer.prepare().size(), expected) << read;
        buffer.consume(receive(buffer, text));
        expected = std::min(2 * expected, receive_buffer::largest_read);
    }
    EXPECT_EQ(buffer.capacity(), receive_buffer::largest_read);
}

TEST(ReceiveBuffer, DoesNotDoubleItsReadsIfTheyDoNotFillTheRoom)
{
    receive_buffer buffer;
    for (int read = 0; read < 100; ++read) {
        EXPECT_EQ(receive(buffer, numbers(first - 1)), first - 1);
        buffer.consume(first - 1);
    }
    EXPECT_EQ(buffer.capacity(), first);
}

TEST(ReceiveBuffer, KeepsWhatItHoldsWhileItGrows)
{
    const std::string text = numbers(300'000);
    for (const std::size_t piece :
         {std::size_t{1}, std::size_t{7}, std::size_t{4097}, text.size()}) {
        receive_buffer buffer;
        for (std::size_t at = 0; at < text.size();) {
            at += receive(buffer, std::string_view(text).substr(at, piece));
        }
        EXPECT_EQ(libnet::as_text(buffer.data()), text) << piece;
    }
}

TEST(ReceiveBuffer, KeepsWhatItHoldsWhilePartsAreConsumed)
{
    const std::string text = numbers(200'000);
    for (const std::size_t in : {100, 1000, 5000, 50'000}) {
        for (const std::size_t out : {50, 900, 5000, 49'000}) {
            receive_buffer buffer;
            std::string seen;
            for (std::size_t at = 0; at < text.size();) {
                at += receive(buffer, std::string_view(text).substr(at, in));
                const std::size_t count = std::min(out, buffer.size());
                seen += libnet::as_text(buffer.data().first(count));
                buffer.consume(count);
            }
            seen += libnet::as_text(buffer.data());
            ASSERT_EQ(seen, text) << in << " in, " << out << " out";
        }
    }
}

TEST(ReceiveBuffer, CopiesEachByteAFewTimesAtMost)
{
    // Every way of feeding it that once was, or could be, quadratic.
    for (const std::size_t consumed : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
        for (const std::size_t filled : {std::size_t{0}, 512_KiB}) {
            for (const std::size_t announced : {std::size_t{0}, SIZE_MAX}) {
                receive_buffer buffer;
                receive_all(buffer, numbers(filled));
                std::size_t copied = 0;
                std::size_t received = filled;
                for (int step = 0; step < 200'000; ++step, received += 4) {
                    const std::byte* const before = buffer.data().data();
                    buffer.prepare(announced);
                    if (buffer.data().data() != before) {
                        copied += buffer.size();
                    }
                    receive(buffer, "abcd", announced);
                    buffer.consume(consumed);
                }
                EXPECT_LE(copied, 6 * received)
                    << filled << " at first, 4 in, " << consumed << " out at a time";
            }
        }
    }
}

TEST(ReceiveBuffer, AllocatesNothingOnceItHasSettled)
{
    for (const std::size_t frame : {64, 1000, 3000, 5000, 20'000}) {
        receive_buffer buffer;
        const std::string text = numbers(10'007);
        std::size_t settled = 0;
        for (int round = 0; round < 2000; ++round) {
            if (round == 1000) {
                settled = buffer.capacity();
            }
            receive(buffer, text, frame);
            while (buffer.size() >= frame) {
                buffer.consume(frame);
            }
        }
        EXPECT_EQ(buffer.capacity(), settled) << frame;
    }
}

TEST(ReceiveBuffer, MovesRatherThanGrowsIfThatGainsAsMuch)
{
    receive_buffer buffer;
    const std::string text = numbers(1_KiB);
    while (buffer.size() < 64_KiB || buffer.prepare().size() > 3_KiB) {
        receive(buffer, text);
    }
    const std::size_t before = buffer.capacity();
    const std::size_t consumed = before * 2 / 5;
    const std::string kept = libnet::to_string(buffer.data().subspan(consumed));
    buffer.consume(consumed);
    receive_all(buffer, text);
    receive_all(buffer, text);
    EXPECT_GE(buffer.prepare().size(), consumed / 2);
    EXPECT_EQ(buffer.capacity(), before);
    EXPECT_EQ(libnet::as_text(buffer.data()), kept + text + text);
}

TEST(ReceiveBuffer, GivesItsMemoryBackWhenItIsEmpty)
{
    receive_buffer buffer;
    receive_all(buffer, numbers(1_MiB));
    buffer.consume(1_MiB);
    EXPECT_GT(buffer.capacity(), 0U);
    buffer.release();
    EXPECT_EQ(buffer.capacity(), 0U);
    EXPECT_TRUE(buffer.data().empty());
    EXPECT_EQ(buffer.prepare().size(), first) << "reads begin small again";
    receive(buffer, "Hello");
    EXPECT_EQ(libnet::as_text(buffer.data()), "Hello");
}

TEST(ReceiveBuffer, KeepsItsMemoryWhileSomethingIsInIt)
{
    receive_buffer buffer;
    receive(buffer, "Hello");
    buffer.consume(4);
    const std::size_t before = buffer.capacity();
    buffer.release();
    EXPECT_EQ(buffer.capacity(), before);
    EXPECT_EQ(libnet::as_text(buffer.data()), "o");
}

TEST(ReceiveBuffer, CanBeReleasedBeforeItWasUsedAndTwice)
{
    receive_buffer buffer;
    buffer.release();
    receive(buffer, "Hello");
    buffer.consume(5);
    buffer.release();
    buffer.release();
    EXPECT_EQ(buffer.capacity(), 0U);
}

TEST(ReceiveBuffer, HandsItsBytesToAnother)
{
    receive_buffer first_owner;
    receive(first_owner, "Hello");
    receive_buffer second_owner = std::move(first_owner);
    EXPECT_EQ(libnet::as_text(second_owner.data()), "Hello");

    receive_buffer third_owner;
    receive(third_owner, "gone");
    third_owner = std::move(second_owner);
    EXPECT_EQ(libnet::as_text(third_owner.data()), "Hello");
}

TEST(ReceiveBuffer, IsAsNewAfterItWasMovedFrom)
{
    receive_buffer buffer;
    receive(buffer, "Hello");
    const receive_buffer other = std::move(buffer);
    EXPECT_TRUE(buffer.empty());  // NOLINT(bugprone-use-after-move): promised
    EXPECT_EQ(buffer.capacity(), 0U);
    receive(buffer, "World");
    EXPECT_EQ(libnet::as_text(buffer.data()), "World");
    EXPECT_EQ(libnet::as_text(other.data()), "Hello");
}

}  // namespace
