#pragma once

#include <libnet/core/config.hpp>

#include <source_location>

/// Where an await stands in the source. A source_location as a default argument is an object, which the
/// compiler keeps in the frame of every coroutine, 8 bytes for each await, and writes there each time; the
/// pointer that libstdc++ has in it is not, with GCC.
namespace libnet::detail {

// Clang's builtin function may only be called inside of the library's own class.
#if defined(__GLIBCXX__) && defined(__GNUC__) && !defined(__clang__)
#define LIBNET_ASIO_AWAIT_PLACE __builtin_source_location()
#endif

#if defined(LIBNET_ASIO_AWAIT_PLACE)

using await_place = decltype(LIBNET_ASIO_AWAIT_PLACE);

inline std::source_location location_of(await_place place) noexcept
{
    static_assert(sizeof(std::source_location) == sizeof place);
    return __builtin_bit_cast(std::source_location, place);
}

#else

#define LIBNET_ASIO_AWAIT_PLACE std::source_location::current()

using await_place = std::source_location;

inline std::source_location location_of(await_place place) noexcept
{
    return place;
}

#endif

}  // namespace libnet::detail
