#pragma once

#include <libnet/framing/framing.hpp>
#include <libnet/framing/plain_frame.hpp>

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace libnet {

namespace detail {

/// A frame that was found: what is in it, and how many bytes of the stream it takes.
struct found_frame {
    bytes payload;
    std::size_t consumed = 0;
};

/// Whether an answer of decode() can be true. A framing may be the user's own.
constexpr bool is_sound(const decoded& found, std::size_t received) noexcept
{
    return found.consumed != 0 && found.consumed <= received && found.offset <= found.consumed &&
           found.size <= found.consumed - found.offset;
}

/// Decodes until nothing is left, `frames` is full or no frame follows; `last` says which. Answers
/// how many were found.
template <class F>
std::size_t decode_run(F& framing, bytes received, std::span<found_frame> frames, decoded& last)
{
    std::size_t count = 0;
    last = decoded::incomplete(0);
    while (count != frames.size() && !received.empty()) {
        const decoded found = framing.decode(received);
        if (found.state != decoded::status::frame) {
            last = found;
            break;
        }
        if (!is_sound(found, received.size())) [[unlikely]] {
            last = decoded::failed(error::malformed_frame);
            break;
        }
        frames[count++] = {{received.data() + found.offset, found.size}, found.consumed};
        received = {received.data() + found.consumed, received.size() - found.consumed};
    }
    return count;
}

/// The same for plain frames with payloads of at most `most`, as far as they are whole and right; the
/// framing itself is asked for what comes then. `most` of 0: none.
inline std::size_t decode_plain_run(std::size_t most, bytes& received,
                                    std::span<found_frame> frames) noexcept
{
    std::size_t count = 0;
    const plain_sizes sizes{0, most == 0 ? 0 : most + 1};
    while (count != frames.size()) {
        const std::size_t whole = plain_frame_at(received, sizes);
        if (whole == 0) {
            break;
        }
        frames[count++] = {plain_payload(received, whole), whole};
        received = {received.data() + whole, received.size() - whole};
    }
    return count;
}

/// std::copy is a loop, memcpy must not see a null pointer; and 4 bytes are one store.
inline std::byte* put(std::byte* at, bytes piece) noexcept
{
    if (piece.size() == sizeof(std::uint32_t)) {
        std::memcpy(at, piece.data(), sizeof(std::uint32_t));
    } else if (!piece.empty()) {
        std::memcpy(at, piece.data(), piece.size());
    }
    return at + piece.size();
}

constexpr std::size_t not_written = SIZE_MAX;

/// Encodes, and writes the whole frame into `room`. Answers its length; or not_written, if it does
/// not fit or, as `e` says, is refused.
template <class F>
std::size_t encode_into(F& framing, bytes payload, mutable_bytes room, envelope& e)
{
    framing.encode(payload, e);
    const std::size_t whole = e.head.size() + payload.size() + e.tail.size();
    if (whole > room.size() || e.refusal != error{}) [[unlikely]] {
        return not_written;
    }
    put(put(put(room.data(), e.head), payload), e.tail);
    return whole;
}

template <class F>
constexpr bool remembers_nothing = requires(const F& f, bytes b, envelope& e) {
    f.decode(b);
    f.encode(b, e);
};

}  // namespace detail

/// Any framing behind one type: what options, servers and connections hold. Copying copies the
/// framing, with whatever it remembers; one that remembers nothing, which is to say that decode() and
/// encode() are const, is shared by all copies, whatever their threads. Calls cost a virtual call;
/// connections use those below that do more in one.
class any_framing {
public:
    // Not itself first: whether any_framing is a framing depends on its being copyable.
    /// Takes a copy of `f`, whose decoder begins where that one stands. One allocation.
    template <class F>
        requires(!std::same_as<F, any_framing>) && framing<F>
    any_framing(F f) : model_(std::make_shared<model<F>>(std::move(f)))  // implicit on purpose
    {
    }

    any_framing(const any_framing& other)
        : model_(other.model_->remembers() ? other.model_->clone() : other.model_)
    {
    }
    any_framing(any_framing&&) noexcept = default;
    any_framing& operator=(any_framing other) noexcept
    {
        model_ = std::move(other.model_);
        return *this;
    }
    ~any_framing() = default;

    /// As those of the framing inside.
    decoded decode(bytes received) { return model_->decode(received); }
    void encode(bytes payload, envelope& out) { model_->encode(payload, out); }

    /// Many frames in one call, and a frame with its payload; see detail above.
    std::size_t decode_run(bytes received, std::span<detail::found_frame> frames, decoded& last)
    {
        return model_->decode_run(received, frames, last);
    }
    std::size_t encode_into(bytes payload, mutable_bytes room, envelope& e)
    {
        return model_->encode_into(payload, room, e);
    }

    /// The longest payload of plain frames; 0 if frames look different.
    std::size_t plain_most() const noexcept { return model_->plain_most(); }

private:
    struct interface {
        virtual ~interface() = default;
        virtual decoded decode(bytes received) = 0;
        virtual void encode(bytes payload, envelope& out) = 0;
        virtual std::size_t decode_run(bytes received, std::span<detail::found_frame> frames,
                                       decoded& last) = 0;
        virtual std::size_t encode_into(bytes payload, mutable_bytes room, envelope& e) = 0;
        virtual std::size_t plain_most() const noexcept = 0;
        virtual bool remembers() const noexcept = 0;
        virtual std::shared_ptr<interface> clone() const = 0;
    };

    template <class F>
    struct model final : interface {
        explicit model(F f) : framing_(std::move(f)) {}
        decoded decode(bytes received) override { return framing_.decode(received); }
        void encode(bytes payload, envelope& out) override { framing_.encode(payload, out); }
        std::size_t decode_run(bytes received, std::span<detail::found_frame> frames,
                               decoded& last) override
        {
            const std::size_t first =
                detail::decode_plain_run(model::plain_most(), received, frames);
            return first + detail::decode_run(framing_, received, frames.subspan(first), last);
        }
        std::size_t encode_into(bytes payload, mutable_bytes room, envelope& e) override
        {
            return detail::encode_into(framing_, payload, room, e);
        }
        std::size_t plain_most() const noexcept override
        {
            if constexpr (requires { plain_most_of(framing_); }) {
                return plain_most_of(framing_);
            } else {
                return 0;
            }
        }
        bool remembers() const noexcept override { return !detail::remembers_nothing<F>; }
        std::shared_ptr<interface> clone() const override
        {
            return std::make_shared<model>(framing_);
        }

        std::conditional_t<detail::remembers_nothing<F>, const F, F> framing_;
    };

    std::shared_ptr<interface> model_;
};

}  // namespace libnet
