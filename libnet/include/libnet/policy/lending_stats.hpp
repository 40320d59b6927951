#pragma once

#include <libnet/core/time.hpp>

#include <cstddef>
#include <cstdint>

namespace libnet {

/// What a pool has, and what became of what it had.
struct lending_stats {
    std::size_t size = 0;      ///< all of the next four
    std::size_t opening = 0;   ///< being made
    std::size_t idle = 0;      ///< ready to be lent
    std::size_t checking = 0;  ///< being looked at
    std::size_t in_use = 0;    ///< lent
    std::size_t waiting = 0;   ///< borrowers

    std::uint64_t lent = 0;    ///< times
    std::uint64_t waited = 0;  ///< those of them that had to wait
    duration wait_time{};      ///< of these together
    duration longest_wait{};   ///< that anybody had
    std::uint64_t refused =
        0;  ///< borrowers that were told pool_exhausted, circuit_open or draining

    std::uint64_t created = 0;    ///< connections since the start
    std::uint64_t failed = 0;     ///< attempts to connect
    std::uint64_t expired = 0;    ///< closed for their age, or for being idle
    std::uint64_t moved = 0;      ///< closed for one to an endpoint that had fewer
    std::uint64_t lost = 0;       ///< ended by the server while idle, or failed their check
    std::uint64_t broken = 0;     ///< ended by an error while lent
    std::uint64_t discarded = 0;  ///< given back in the middle of something
};

}  // namespace libnet
