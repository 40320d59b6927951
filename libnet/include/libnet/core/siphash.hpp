#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>

#include <cstdint>

namespace libnet {

/// 128 bits that nobody else knows.
struct siphash_key {
    /// The halves of the key. Random and secret, or the hash protects nothing.
    std::uint64_t first = 0;
    std::uint64_t second = 0;
};

/// SipHash-2-4 (J.-P. Aumasson and D. J. Bernstein, 2012): who does not know the key can neither
/// guess the hash of anything, nor choose things that have one in common.
LIBNET_ASIO_DECL std::uint64_t siphash(const siphash_key& key, bytes data) noexcept;

}  // namespace libnet
