#pragma once

#include <libnet/runtime/clock.hpp>
#include <libnet/runtime/fiber.hpp>
#include <libnet/runtime/stall_report.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <source_location>

namespace libnet::detail {

/// Looks at the clock between the pieces of work that a loop does, and remembers whose each was.
class stall_watch {
public:
    using hook = std::function<void(const stall_report&)>;

    stall_watch(hook tell, duration longest, time_point now);

    void piece_begins(time_point now) noexcept { begun_ = now; }

    /// It is that of a task, whose innermost frame goes on; or of none.
    void piece_of(const promise_base* innermost) noexcept;

    /// The task is being destroyed.
    void forget(const fiber& f) noexcept;

    /// Whether the piece took too long. The next one begins.
    bool piece_ended(time_point now, stall_report& report);

    const hook& tell() const noexcept { return tell_; }

private:
    static constexpr std::size_t deepest = 16;

    hook tell_;
    duration longest_;
    time_point begun_;
    const fiber* running_ = nullptr;
    std::array<std::source_location, deepest> from_;
    std::size_t depth_ = 0;
};

}  // namespace libnet::detail
