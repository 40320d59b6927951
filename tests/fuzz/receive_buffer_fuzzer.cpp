// Input: pairs of bytes, an operation and its size.

#include "fuzzing.hpp"

#include <libnet/core/literals.hpp>
#include <libnet/framing/receive_buffer.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>

namespace {

using namespace libnet::literals;
using libnet::bytes;
using libnet::receive_buffer;
using libnet::tests::fuzz_input;

constexpr std::size_t most_buffered = 256_KiB;  // keeps one run short

/// A receive buffer beside the simplest thing that it can be compared with.
class checked_buffer {
public:
    void receive(std::size_t wanted, std::size_t needed)
    {
        const std::size_t before = buffer_.capacity();
        const libnet::mutable_bytes room = buffer_.prepare(needed);
        CHECK(!room.empty());
        CHECK(room.data() == buffer_.data().data() + buffer_.size());
        CHECK(buffer_.size() + room.size() <= buffer_.capacity());
        CHECK(buffer_.capacity() <= std::max(before, 2 * model_.size() + read_));
        check();

        const std::size_t count = std::min(wanted, room.size());
        for (std::size_t filled = 0; filled < count;) {
            const bytes piece = take_from_pattern(count - filled);
            std::ranges::copy(piece, room.begin() + filled);
            model_ += libnet::as_text(piece);
            filled += piece.size();
        }
        buffer_.commit(count);
        if (count == room.size()) {
            read_ = std::min(2 * read_, receive_buffer::largest_read);
        }
        check();
    }

    void consume(std::size_t count)
    {
        count = std::min(count, model_.size());
        buffer_.consume(count);
        model_.erase(0, count);
        check();
    }

    void release()
    {
        const std::size_t before = buffer_.capacity();
        buffer_.release();
        CHECK(buffer_.capacity() == (model_.empty() ? 0 : before));
        if (model_.empty()) {
            read_ = receive_buffer::smallest_read;
        }
        check();
    }

    void move()
    {
        receive_buffer other = std::move(buffer_);
        CHECK(buffer_.empty() && buffer_.capacity() == 0);
        buffer_ = std::move(other);
        check();
    }

    std::size_t size() const { return model_.size(); }

private:
    void check() const
    {
        CHECK(libnet::as_text(buffer_.data()) == model_);
        CHECK(buffer_.size() == model_.size());
        CHECK(buffer_.empty() == model_.empty());
    }

    /// The next bytes of an endless stream without a short period.
    bytes take_from_pattern(std::size_t most)
    {
        static const std::string pattern = [] {
            std::string text(8191, ' ');
            std::uint32_t state = 1;
            for (char& byte : text) {
                state = state * 1664525 + 1013904223;
                byte = static_cast<char>(state >> 24);
            }
            return text;
        }();
        const bytes taken =
            libnet::as_bytes(pattern).subspan(next_, std::min(most, pattern.size() - next_));
        next_ = (next_ + taken.size()) % pattern.size();
        return taken;
    }

    receive_buffer buffer_;
    std::string model_;
    std::size_t read_ = receive_buffer::smallest_read;  // the read that the last ones have earned
    std::size_t next_ = 0;
};

/// From a byte, sizes of every magnitude: 0 to 15, then in sixteenths of a power of two.
std::size_t magnitude(std::size_t byte)
{
    return byte < 16 ? byte : (byte % 16 + 16) << (byte / 16 - 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    constexpr std::array<std::size_t, 8> announced{0,      1,     100,   4_KiB,
                                                   64_KiB, 1_MiB, 1_GiB, SIZE_MAX};
    fuzz_input input(data, std::min<std::size_t>(size, 256));
    checked_buffer buffer;
    while (!input.empty()) {
        const std::size_t operation = input.byte();
        const std::size_t count = magnitude(input.byte());
        const std::size_t needed = announced[operation / 8 % announced.size()];
        switch (operation % 8) {
        case 0: buffer.release(); break;
        case 1: buffer.move(); break;
        case 2:
        case 3: buffer.consume(count); break;
        case 4: buffer.consume(buffer.size()); break;
        case 5:  // as much as there is room for
            if (buffer.size() < most_buffered) {
                buffer.receive(SIZE_MAX, needed);
            }
            break;
        default:
            if (buffer.size() < most_buffered) {
                buffer.receive(count, needed);
            }
        }
    }
    return 0;
}
