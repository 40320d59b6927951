#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/time.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace libnet {

/// Counts what happened lately: in the current tenth of `span` and the nine before it. Time is an
/// argument, and one before an earlier one counts as that.
///
///     sliding_window window(10s);
///     ++window.at(t).calls;
///     if (window.sum(t).marked > 20) ...
///
/// Cost     ten pairs of numbers; a sum adds them up.
class LIBNET_ASIO_DECL sliding_window {
public:
    /// Of the last window.
    struct counts {
        std::uint64_t calls = 0;   ///< all of them
        std::uint64_t marked = 0;  ///< those of a kind: failures, retries
    };

    /// Errors   throws std::invalid_argument for a span shorter than 10 ticks of the clock.
    explicit sliding_window(duration span);

    /// Where to count what happens now. Until the next call.
    counts& at(time_point t) noexcept;

    /// Of the window that ends at `t`.
    counts sum(time_point t) noexcept;

    /// Forgets all.
    void clear() noexcept { slots_ = {}; }

private:
    static constexpr std::size_t slot_count = 10;

    void advance(time_point t) noexcept;

    duration width_;
    time_point end_ = time_point::min();  // of the current slot
    std::size_t current_ = 0;
    std::array<counts, slot_count> slots_{};
};

}  // namespace libnet
