#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/siphash.hpp>
#include <libnet/core/socket_address.hpp>
#include <libnet/core/time.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace libnet {

/// Proof that somebody receives what is sent to its address, without a byte of memory for those who
/// have not given it.
///
///     client  ->  hello                            from an address that nobody knows
///     server  ->  challenge   | 6C 6E C0 01 | epoch 4 | hash 8 |          which is then forgotten
///     client  ->  proof       | 6C 6E C0 02 | epoch 4 | hash 8 | hello
///
/// The hash is SipHash-2-4 of the address, the port and the epoch, with a key that the server alone
/// knows; an epoch is a stretch of time. Numbers are big-endian.
class LIBNET_ASIO_DECL address_cookie {
public:
    /// What is sent as a challenge, in bytes.
    static constexpr std::size_t size = 16;
    using challenge = std::array<std::byte, size>;

    /// A cookie holds for one `lifetime` at least, and two at most.
    explicit address_cookie(const siphash_key& key, duration lifetime = std::chrono::seconds(30));

    /// The challenge for `who`, which is good for a while from `now` on.
    challenge make(const socket_address& who, time_point now) const noexcept;

    /// What stands behind the cookie in a proof that is valid; nothing if this is none.
    std::optional<bytes> proven(const socket_address& who, bytes datagram,
                                time_point now) const noexcept;

    // The client's part needs no key.

    /// Whether it has the form of a challenge; not whether it is one of ours.
    static bool is_challenge(bytes datagram) noexcept;

    /// The head of a proof, to which the datagram that was meant to be sent is appended.
    static challenge answer(bytes challenge) noexcept;

private:
    challenge made(const socket_address& who, std::uint32_t epoch) const noexcept;
    std::uint32_t epoch_at(time_point now) const noexcept;

    siphash_key key_;
    duration lifetime_;
};

}  // namespace libnet
