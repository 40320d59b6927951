#pragma once

#include <chrono>
#include <thread>

namespace integration {

/// Sanitizers slow programs down and grow their memory: what is measured is measured without them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool instrumented = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool instrumented = true;
#else
inline constexpr bool instrumented = false;
#endif
#else
inline constexpr bool instrumented = false;
#endif

/// Longer than anything here takes that goes well, on a busy machine too.
inline constexpr std::chrono::milliseconds patience{instrumented ? 20'000 : 10'000};

/// Whether `holds` becomes true in time.
template <class Condition>
bool soon(Condition holds, std::chrono::milliseconds limit = patience)
{
    const auto until = std::chrono::steady_clock::now() + limit;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > until) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

/// What is promised to take `so_long` may take a second more, or five in an instrumented build.
inline constexpr std::chrono::milliseconds about(std::chrono::milliseconds so_long)
{
    return so_long + std::chrono::milliseconds(instrumented ? 5000 : 1000);
}

}  // namespace integration
