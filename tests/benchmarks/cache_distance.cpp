/// How far two cores are from each other: a cache line is handed to and fro between two threads,
/// and the time of a round trip is printed, in nanoseconds: the lowest of many, which others on the
/// same cores do not disturb. What is measured while the distance is different cannot be compared.
///
///     cache_distance CORE CORE

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <pthread.h>
#include <sched.h>
#include <thread>

namespace {

alignas(128) std::atomic<int> ball{0};

void pin_to(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (::pthread_setaffinity_np(::pthread_self(), sizeof set, &set) != 0) {
        std::fprintf(stderr, "cache_distance: cannot run on core %d\n", core);
        std::exit(1);
    }
}

}  // namespace

int main(int count, char** arguments)
{
    if (count != 3) {
        std::fprintf(stderr, "cache_distance CORE CORE\n");
        return 2;
    }
    constexpr int samples = 500;
    constexpr int trips = 200;
    std::thread other([core = std::atoi(arguments[2])] {
        pin_to(core);
        for (int i = 0; i < samples * trips; ++i) {
            while (ball.load(std::memory_order_acquire) != 2 * i + 1) {}
            ball.store(2 * i + 2, std::memory_order_release);
        }
    });
    pin_to(std::atoi(arguments[1]));
    double shortest = 1e12;
    for (int sample = 0; sample < samples; ++sample) {
        const auto began = std::chrono::steady_clock::now();
        for (int trip = 0; trip < trips; ++trip) {
            const int i = sample * trips + trip;
            ball.store(2 * i + 1, std::memory_order_release);
            while (ball.load(std::memory_order_acquire) != 2 * i + 2) {}
        }
        const std::chrono::duration<double, std::nano> took =
            std::chrono::steady_clock::now() - began;
        shortest = std::min(shortest, took.count() / trips);
    }
    other.join();
    std::printf("%.1f\n", shortest);
    return 0;
}
