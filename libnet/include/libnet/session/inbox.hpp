#pragma once

#include <libnet/core/buffer_memory.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>
#include <libnet/framing/any_framing.hpp>
#include <libnet/framing/plain_frame.hpp>
#include <libnet/framing/receive_buffer.hpp>
#include <libnet/runtime/operation.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

namespace libnet::detail {

class connection_core;

/// A view, written in one piece. It will be copied in one piece soon, and a processor waits for bytes that were
/// written in two.
LIBNET_ASIO_ALWAYS_INLINE void write_together(bytes& view, const std::byte* data,
                                              std::size_t size) noexcept
{
#if defined(__GNUC__) && defined(__x86_64__)
    using two_words = std::uintptr_t __attribute__((vector_size(2 * sizeof(std::uintptr_t))));
    const two_words both{reinterpret_cast<std::uintptr_t>(data), size};
    static_assert(sizeof view == sizeof both);
    std::memcpy(static_cast<void*>(&view), &both, sizeof both);
#else
    view = {data, size};
#endif
}

/// What was received, and the frames at its front. It stands apart from the rest of a connection so that
/// a receive() that finds its frame here can be inlined into the session: with small messages that come
/// close together, the calls would cost more than the work.
struct inbox {
    using ahead_frames = std::array<found_frame, 20>;

    explicit inbox(connection_core& of) noexcept : core(of) {}

    /// Hands out the next frame, if it is a plain one or was found; the one before is done with.
    LIBNET_ASIO_ALWAYS_INLINE bool next() noexcept
    {
        received.consume(std::exchange(handed_out, 0));
        if (has_found()) [[unlikely]] {
            const found_frame& found = ahead()[ahead_next++];
            frame = found.payload;
            handed_out = found.consumed;
            ++messages;
            return true;
        }
        const bytes unseen = received.data();
        const std::size_t whole = plain_frame_at(unseen, plain);
        if (whole == 0) {
            return false;
        }
        write_together(frame, unseen.data() + plain_head, whole - plain_head);
        handed_out = whole;
        needed = 0;
        ++messages;
        return true;
    }

    /// So many bytes before the next frame are nobody's.
    void skip(std::size_t count) noexcept
    {
        if (handed_out != 0) {
            handed_out += count;  // go together with the frame that somebody looks at
        } else {
            received.consume(count);
        }
    }

    /// Whether frames were looked for and found.
    bool has_found() const noexcept { return ahead_next != ahead_end; }

    /// Whether a whole frame is here that was not handed out.
    bool has_frames() const noexcept { return has_found() || plain_frame_at(unseen(), plain) != 0; }

    /// What no frame was looked for in yet.
    bytes unseen() const noexcept { return received.data().subspan(handed_out); }

    /// Nobody will ask for it any more.
    LIBNET_ASIO_DECL void clear() noexcept;

    /// Room for the next read, and for what is found in it. As receive_buffer::prepare().
    mutable_bytes prepare(std::size_t most) { return prepare(needed, most); }
    mutable_bytes prepare(std::size_t whole, std::size_t most)
    {
        if (ahead_memory.get() == nullptr) [[unlikely]] {
            ahead_memory = buffer_memory(sizeof(ahead_frames));
            ::new (ahead_memory.get()) ahead_frames;
        }
        return received.prepare(whole, most);
    }

    /// The same where everything stays as it is; else nothing.
    mutable_bytes same_room(std::size_t most) noexcept
    {
        return ahead_memory.get() != nullptr ? received.same_room(most) : mutable_bytes{};
    }

    /// Gives all memory back if nothing was received that somebody still needs.
    LIBNET_ASIO_DECL void release() noexcept;

    /// Frames that were found and not handed out, from `ahead_next` to `ahead_end`. Not before prepare().
    ahead_frames& ahead() const noexcept
    {
        return *reinterpret_cast<ahead_frames*>(ahead_memory.get());
    }

    std::size_t memory() const noexcept { return received.capacity() + ahead_memory.size(); }

    /// Frames that are here are as good as lost: the connection has failed.
    void forget_found() noexcept
    {
        ahead_next = ahead_end = 0;
        plain.count = 0;
    }

    connection_core& core;
    receive_buffer received;
    bytes frame;                 // the last that was handed out
    std::size_t handed_out = 0;  // bytes at the front that the last views show
    std::size_t needed = 0;      // below so many bytes there is no whole frame
    plain_sizes plain;           // handed out without being looked for
    std::uint32_t ahead_next = 0;
    std::uint32_t ahead_end = 0;
    std::uint64_t messages = 0;
    buffer_memory ahead_memory;
};

LIBNET_ASIO_DECL readiness next_frame(inbox& i);
/// Where next() has found none.
LIBNET_ASIO_HOT LIBNET_ASIO_DECL readiness look_for_frame(inbox& i);
LIBNET_ASIO_DECL result<bytes> why_no_frame(const inbox& i);
LIBNET_ASIO_HOT LIBNET_ASIO_DECL void wait_for_frame(void* i, operation_waiter<bytes>& w);
LIBNET_ASIO_DECL void abandon_frame(void* i, operation_waiter<bytes>& w) noexcept;
LIBNET_ASIO_DECL loop& home_of_inbox(void* i);

LIBNET_ASIO_ALWAYS_INLINE readiness poll_frame(void* source, operation_arguments)
{
    inbox& i = *static_cast<inbox*>(source);
#if defined(LIBNET_ASIO_ADDRESS_SANITIZER)
    return next_frame(i);  // which marks what was consumed as not to be looked at
#else
    return i.next() ? readiness::value : look_for_frame(i);
#endif
}

LIBNET_ASIO_ALWAYS_INLINE result<bytes> take_frame(void* source)
{
    const inbox& i = *static_cast<const inbox*>(source);
    if (i.handed_out != 0) [[likely]] {
        return i.frame;
    }
    return why_no_frame(i);
}

LIBNET_ASIO_ALWAYS_INLINE const bytes& found_frame_of(void* source) noexcept
{
    return static_cast<const inbox*>(source)->frame;
}

inline const operation_vtable<bytes> receiving{poll_frame,    take_frame,    wait_for_frame,
                                               abandon_frame, home_of_inbox, found_frame_of};

}  // namespace libnet::detail
