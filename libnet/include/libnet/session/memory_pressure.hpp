#pragma once

#include <cstddef>

namespace libnet {

/// How a server stands with its `memory_budget`.
struct memory_pressure {
    bool is_tight = false;  ///< or no longer
    std::size_t used = 0;   ///< bytes
    std::size_t limit = 0;  ///< bytes: the budget
};

}  // namespace libnet
