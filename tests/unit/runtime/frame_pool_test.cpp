#include "support/live_object.hpp"

#include <libnet/core/bytes.hpp>
#include <libnet/framing/receive_buffer.hpp>
#include <libnet/runtime/frame_pool.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define LIBNET_TESTS_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIBNET_TESTS_ADDRESS_SANITIZER
#endif
#endif

namespace {

using libnet::detail::allocate_frame;
using libnet::detail::free_frame;

TEST(FramePool, GivesMemoryOfEverySize)
{
    for (std::size_t size = 1; size != 5000; ++size) {
        void* frame = allocate_frame(size);
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(frame) % alignof(std::max_align_t), 0u) << size;
        std::memset(frame, 0xab, size);
        free_frame(frame, size);
    }
}

TEST(FramePool, HandsNoFrameOutTwice)
{
    std::vector<void*> frames;
    std::set<void*> distinct;
    for (int round = 0; round != 3; ++round) {
        for (int i = 0; i != 3000; ++i) {
            frames.push_back(allocate_frame(200));
            std::memset(frames.back(), i, 200);
            ASSERT_TRUE(distinct.insert(frames.back()).second);
        }
        for (void* frame : frames) {
            free_frame(frame, 200);
        }
        frames.clear();
        distinct.clear();
    }
}

TEST(FramePool, TakesFramesThatAnotherThreadMade)
{
    std::vector<void*> frames;
    std::thread maker([&] {
        for (int i = 0; i != 2000; ++i) {
            frames.push_back(allocate_frame(300));
        }
    });
    maker.join();  // its pool has gone
    for (void* frame : frames) {
        std::memset(frame, 1, 300);
        free_frame(frame, 300);
    }
}

/// Runs a task when its thread, and with it the pool, has come to its end.
struct late_runner {
    explicit late_runner(int& s) : sum(s) {}
    ~late_runner()
    {
        libnet::testing::simulation sim;
        auto body = [](int n) -> libnet::task<int> { co_return n; };
        for (int i = 0; i != 100; ++i) {
            sum += *sim.run(body(1));
        }
    }
    int& sum;
};

TEST(FramePool, ServesTasksThatRunWhileAThreadEnds)
{
    int sum = 0;
    std::thread([&] {
        static thread_local late_runner late(sum);  // older than the pool, so it dies after it
        late.sum += 0;
        free_frame(allocate_frame(100), 100);
    }).join();
    EXPECT_EQ(sum, 100);
}

#if !defined(LIBNET_TESTS_ADDRESS_SANITIZER)

TEST(FramePool, RecyclesTheFrameThatWasFreedLast)
{
    void* first = allocate_frame(497);
    free_frame(first, 497);
    void* second = allocate_frame(504);  // the same class of 16 bytes
    EXPECT_EQ(first, second);
    free_frame(second, 504);
}

TEST(FramePool, KeepsABoundedNumberOfFrames)
{
    std::vector<void*> frames;
    for (int i = 0; i != 10'000; ++i) {
        frames.push_back(allocate_frame(1024));
    }
    for (void* frame : frames) {
        free_frame(frame, 1024);
    }
    // What comes out of the pool again was freed last before it was full: 64 frames of 1 KiB.
    const std::set<void*> kept(frames.begin(), frames.begin() + 64);
    std::vector<void*> again;
    for (int i = 0; i != 64; ++i) {
        again.push_back(allocate_frame(1024));
        EXPECT_TRUE(kept.contains(again.back()));
    }
    for (void* frame : again) {
        free_frame(frame, 1024);
    }
}

#else

/// Recycling must not hide bugs: what looks into a frame that has ended is caught.
libnet::task<> expose(int*& local)
{
    int value = 5;
    local = &value;
    co_await libnet::fail(libnet::error::closed);
}

void look_into_a_frame_that_has_gone()
{
    libnet::testing::simulation sim;
    int* local = nullptr;
    (void)sim.run(expose(local));
    [[maybe_unused]] volatile int seen = *local;
}

void look_at_a_received_frame_after_the_next_receive()
{
    libnet::testing::simulation sim;
    auto [client, peer] = sim.connect();
    auto sender = [](libnet::connection& to) -> libnet::task<> {
        co_await to.send("the first message");
        co_await to.send("the second message");
        co_await to.flush();
    };
    auto receiver = [](libnet::connection& from) -> libnet::task<> {
        const libnet::bytes first = co_await libnet::checked(from.receive());
        (void)co_await libnet::checked(from.receive());
        [[maybe_unused]] volatile auto seen = first[0];  // too late
    };
    sim.start(sender(client));
    (void)sim.run(receiver(peer));
}

TEST(FramePoolDeathTest, AUseOfAFrameThatHasGoneIsCaught)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(look_into_a_frame_that_has_gone(), "AddressSanitizer: heap-use-after-free");
}

TEST(FramePoolDeathTest, AUseOfAReceivedFrameAfterTheNextReceiveIsCaught)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(look_at_a_received_frame_after_the_next_receive(), "AddressSanitizer");
}

#endif

}  // namespace
