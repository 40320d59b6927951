#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace flags {

/// Lets one line a second pass. A flood of events must not become a flood of lines: a log that nobody
/// reads fast enough would stop the program that writes it. Any thread.
class once_a_second {
public:
    /// How many were held back since the last one that passed; nothing if this one is held back, too.
    std::optional<std::uint64_t> pass()
    {
        const std::lock_guard lock(mutex_);
        const auto now = std::chrono::steady_clock::now();
        if (now < quiet_until_) {
            ++unsaid_;
            return std::nullopt;
        }
        quiet_until_ = now + std::chrono::seconds(1);
        return std::exchange(unsaid_, 0);
    }

    /// "", ", and 12 more before"
    static std::string more(std::uint64_t unsaid)
    {
        return unsaid == 0 ? "" : ", and " + std::to_string(unsaid) + " more before";
    }

private:
    std::mutex mutex_;
    std::chrono::steady_clock::time_point quiet_until_{};
    std::uint64_t unsaid_ = 0;
};

}  // namespace flags
