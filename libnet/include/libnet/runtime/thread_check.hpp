#pragma once

#include <libnet/core/config.hpp>

#include <atomic>
#include <pthread.h>

namespace libnet::detail {

/// Notices two threads inside what is for one at a time, and ends the program with a word about it: there
/// is nothing to go on with after a data race. Threads that take turns are no race, and no trouble.
///
/// Cost  a few instructions and no locked one. So two that come in the same nanoseconds are not noticed
///       then, but the next time.
class LIBNET_ASIO_DECL thread_check {
public:
    void enter() noexcept
    {
        const pthread_t here = ::pthread_self();
        const pthread_t inside = inside_.load(std::memory_order_relaxed);
        if (inside == here) {
            return;
        }
        if (inside != pthread_t{}) [[unlikely]] {
            end_the_program();
        }
        inside_.store(here, std::memory_order_relaxed);
    }

    void leave() noexcept { inside_.store(pthread_t{}, std::memory_order_relaxed); }

private:
    [[noreturn]] static void end_the_program();

    std::atomic<pthread_t> inside_{};
};

}  // namespace libnet::detail
