#pragma once

#include <cstddef>
#include <cstdint>

namespace libnet {

/// Switches a limit that is a number off, in so many words.
inline constexpr std::size_t no_limit = SIZE_MAX;

}  // namespace libnet
