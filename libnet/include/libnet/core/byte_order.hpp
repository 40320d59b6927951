#pragma once

#include <bit>
#include <cstdint>

namespace libnet::detail {

/// The same bytes the other way round: one instruction.
constexpr std::uint8_t reversed(std::uint8_t value) noexcept
{
    return value;
}

#if defined(__GNUC__)
constexpr std::uint16_t reversed(std::uint16_t value) noexcept
{
    return __builtin_bswap16(value);
}
constexpr std::uint32_t reversed(std::uint32_t value) noexcept
{
    return __builtin_bswap32(value);
}
constexpr std::uint64_t reversed(std::uint64_t value) noexcept
{
    return __builtin_bswap64(value);
}
#else
constexpr std::uint16_t reversed(std::uint16_t value) noexcept
{
    return static_cast<std::uint16_t>(value << 8 | value >> 8);
}
constexpr std::uint32_t reversed(std::uint32_t value) noexcept
{
    return value << 24 | (value & 0xFF00) << 8 | (value >> 8 & 0xFF00) | value >> 24;
}
constexpr std::uint64_t reversed(std::uint64_t value) noexcept
{
    const auto low = static_cast<std::uint32_t>(value);
    const auto high = static_cast<std::uint32_t>(value >> 32);
    return static_cast<std::uint64_t>(reversed(low)) << 32 | reversed(high);
}
#endif

/// From this machine's order into `order` of the two, or back.
template <class Field>
constexpr Field in_order(Field value, std::endian order) noexcept
{
    return order == std::endian::native ? value : reversed(value);
}

}  // namespace libnet::detail
