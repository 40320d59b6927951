#pragma once

#include <libnet/core/config.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/transport/stream.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace libnet::testing {

/// How a direction of an in-memory stream behaves, and what goes wrong in it. Change it whenever
/// you like; byte offsets count from the first byte that was ever written in this direction.
struct pipe_options {
    /// Larger than every number of a byte: never.
    static constexpr std::uint64_t no_byte = UINT64_MAX;

    /// Bytes that fit in between; a writer waits for the reader when it is full.
    std::size_t capacity = 64 * 1024;

    /// The most that one read hands out, one write takes (a short write).
    std::size_t largest_read = SIZE_MAX;
    std::size_t largest_write = SIZE_MAX;

    /// Reading beyond this byte meets the end of the stream, or a reset.
    std::uint64_t end_after = no_byte;
    std::uint64_t reset_after = no_byte;

    /// Writing beyond this byte fails with broken_pipe.
    std::uint64_t break_after = no_byte;

    /// Reading beyond this byte waits for ever, as for a peer that has vanished.
    std::uint64_t stall_after = no_byte;

    /// Becomes true when one of these four has made a difference. Empty: nobody asks.
    std::shared_ptr<bool> struck = nullptr;

    /// Whether try_write() writes at all; without it every write is asynchronous.
    bool immediate_writes = true;
};

/// Two streams that lead to each other, in memory, on one loop.
class LIBNET_ASIO_TESTING_DECL stream_pair {
public:
    /// Two ends on one loop, which must outlive them; what is written to the left goes forward.
    explicit stream_pair(loop& home, pipe_options forward = {}, pipe_options backward = {});
    ~stream_pair();

    /// The ends; each can be taken once.
    std::unique_ptr<stream> take_left();
    std::unique_ptr<stream> take_right();

    /// The direction from left to right, and back. Valid as long as either end or the pair.
    pipe_options& forward() noexcept;
    pipe_options& backward() noexcept;

    /// Bytes written so far from left to right, and back.
    std::uint64_t forward_bytes() const noexcept;
    std::uint64_t backward_bytes() const noexcept;

    /// What stands between the ends unread.
    std::size_t forward_waiting() const noexcept;
    std::size_t backward_waiting() const noexcept;

    class pipe;

private:
    std::shared_ptr<pipe> forward_;
    std::shared_ptr<pipe> backward_;
    std::unique_ptr<stream> left_;
    std::unique_ptr<stream> right_;
};

}  // namespace libnet::testing
