#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/error.hpp>

#include <array>
#include <concepts>
#include <cstddef>

namespace libnet {

/// What a framing found at the front of the bytes received so far.
///
///     |<-------------- consumed ------------->|
///     +--------+---------------------+--------+------------------
///     | head   | payload             | tail   | the next frame ...
///     +--------+---------------------+--------+------------------
///     |<offset>|<------- size ------>|
struct decoded {
    /// What the bytes are so far.
    enum class status : unsigned char { incomplete, frame, failed };

    std::size_t offset = 0;    ///< where the payload begins
    std::size_t size = 0;      ///< its length
    std::size_t consumed = 0;  ///< the whole frame with head and tail
    std::size_t needed = 0;    ///< incomplete: bytes in total below which it stays incomplete
    error failure{};           ///< failed: why
    status state = status::incomplete;  ///< which of the fields above mean something

    /// A whole frame: `size` bytes of payload after `offset`, `consumed` bytes altogether.
    static constexpr decoded frame(std::size_t offset, std::size_t size,
                                   std::size_t consumed) noexcept
    {
        return {offset, size, consumed, 0, {}, status::frame};
    }

    /// Not yet: ask again when there are at least `needed` bytes from the frame's first on.
    /// A hint about size, not a promise: memory grows as bytes arrive, never as lengths announce.
    static constexpr decoded incomplete(std::size_t needed) noexcept
    {
        return {0, 0, 0, needed, {}, status::incomplete};
    }

    /// These bytes will never be a frame: the connection ends with this error.
    static constexpr decoded failed(error why) noexcept
    {
        return {0, 0, 0, 0, why, status::failed};
    }
};

/// What goes on the wire around a payload: a new one for each. The views must live until the next
/// encode(): a framing's own members, or the scratch space here.
struct envelope {
    bytes head;                         ///< sent before the payload
    bytes tail;                         ///< sent after the payload
    error refusal{};                    ///< set: the payload cannot be sent, and nothing is
    std::array<std::byte, 32> scratch;  ///< what head and tail may show; not cleared

    envelope() noexcept {}  // scratch stays as it is: this stands on the path of every message
};

/// Where a message begins and ends. A framing is a small value: each connection has a copy, unless
/// `decode` and `encode` are const. Then there is nothing to keep apart, and connections share one, over
/// all threads.
///
/// `decode` looks at everything received and not yet consumed, from a frame's first byte on. It
/// may remember how far it has looked (the same bytes come again, with more behind them) and must
/// have forgotten it after a frame or a failure. It must reject a frame above its limit as soon as
/// it can know, before the body has arrived.
///
/// `encode` fills an envelope that is as its constructor left it, or sets `refusal`. It need not be
/// const: what it makes may stand in the framing until the next encode().
template <class F>
concept framing = std::copyable<F> && requires(F& f, bytes data, envelope& out) {
    {
        f.decode(data)
    } -> std::same_as<decoded>;
    {
        f.encode(data, out)
    } -> std::same_as<void>;
};

}  // namespace libnet
