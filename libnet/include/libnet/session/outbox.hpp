#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>
#include <libnet/framing/plain_frame.hpp>
#include <libnet/runtime/operation.hpp>
#include <libnet/session/output_buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace libnet::detail {

class connection_core;

/// Messages that gather on their way out. It stands apart from the rest of a connection for the same
/// reason as the inbox: a message that only joins others that will leave anyway is framed and
/// appended by a few instructions in the session itself.
struct outbox : output_buffer {
    explicit outbox(connection_core& of) noexcept : core(of) {}

    /// Appends the message, unless there is more to it than that.
    LIBNET_ASIO_ALWAYS_INLINE bool put(bytes payload) noexcept
    {
        if (size() + plain_head + payload.size() >= gathers_until || !frame(payload)) {
            return false;
        }
        ++messages;
        return true;
    }

    /// Frames it and appends it, if that is done without the framing and there is room.
    LIBNET_ASIO_ALWAYS_INLINE bool frame(bytes payload) noexcept
    {
        const std::size_t whole = plain_head + payload.size();
        if (whole > room().size() ||
            payload.size() - 1 >= plain_most) {  // empty: nothing to copy from
            return false;
        }
        write_plain_frame(room().data(), payload);
        commit(whole);
        return true;
    }

    /// As many of them as put() would take one after the other; how many these were.
    std::size_t put_all(std::span<const bytes> payloads) noexcept
    {
        std::byte* const begin = room().data();
        const std::size_t gathered = gathers_until > size() ? gathers_until - size() - 1 : 0;
        std::size_t left = gathered < room().size() ? gathered : room().size();
        std::byte* at = begin;
        std::size_t accepted = 0;
        for (const bytes payload : payloads) {
            const std::size_t whole = plain_head + payload.size();
            if (whole > left || payload.size() - 1 >= plain_most) {
                break;
            }
            write_plain_frame(at, payload);
            at += whole;
            left -= whole;
            ++accepted;
        }
        commit(static_cast<std::size_t>(at - begin));
        messages += accepted;
        return accepted;
    }

    connection_core& core;

    /// Up to so many bytes there is nothing to do but to append: they will leave, nobody waits before
    /// us, nothing has failed. Else 0.
    std::size_t gathers_until = 0;

    /// The longest payload that goes out in a plain frame, and that is worth copying; 0 for another
    /// framing.
    std::size_t plain_most = 0;

    std::uint64_t messages = 0;  // accepted
};

LIBNET_ASIO_DECL readiness send_otherwise(outbox& o, bytes payload);
LIBNET_ASIO_DECL result<> take_send(void* o);
LIBNET_ASIO_DECL void wait_send(void* o, operation_waiter<void>& w);
LIBNET_ASIO_DECL void abandon_send(void* o, operation_waiter<void>& w) noexcept;
LIBNET_ASIO_DECL loop& home_of_outbox(void* o);

LIBNET_ASIO_ALWAYS_INLINE readiness poll_send(void* source, operation_arguments a)
{
    outbox& o = *static_cast<outbox*>(source);
    const bytes payload(reinterpret_cast<const std::byte*>(a.first), a.second);
    return o.put(payload) ? readiness::value : send_otherwise(o, payload);
}

inline const operation_vtable<void> sending{poll_send, take_send, wait_send, abandon_send,
                                            home_of_outbox};

/// `begun`: some of the batch were accepted, so that nobody waits any more.
LIBNET_ASIO_DECL readiness send_batch_otherwise(outbox& o, std::span<const bytes> rest, bool begun);
LIBNET_ASIO_DECL void wait_send_batch(void* o, operation_waiter<void>& w);

LIBNET_ASIO_ALWAYS_INLINE readiness poll_send_batch(void* source, operation_arguments a)
{
    outbox& o = *static_cast<outbox*>(source);
    const std::span<const bytes> payloads(reinterpret_cast<const bytes*>(a.first), a.second);
    const std::size_t accepted = o.put_all(payloads);
    return accepted == payloads.size()
               ? readiness::value
               : send_batch_otherwise(o, payloads.subspan(accepted), accepted != 0);
}

inline const operation_vtable<void> sending_batch{poll_send_batch, take_send, wait_send_batch,
                                                  abandon_send, home_of_outbox};

}  // namespace libnet::detail
