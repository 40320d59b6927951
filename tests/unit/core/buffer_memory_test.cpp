#include <libnet/core/buffer_memory.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace {

using libnet::detail::buffer_memory;

/// Fills each with its own number, and looks again when all of them are there.
TEST(BufferMemory, EachHasItsOwnBytes)
{
    std::vector<buffer_memory> all;
    for (std::size_t size : {1, 255, 256, 257, 1024, 4095, 4096, 4097, 100'000}) {
        for (int i = 0; i < 200; ++i) {
            all.emplace_back(size);
            EXPECT_GE(all.back().size(), size);
            EXPECT_LE(all.back().size(), std::max<std::size_t>(256, 2 * size));
            std::memset(all.back().get(), static_cast<int>(all.size() % 251), all.back().size());
        }
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto mine = static_cast<std::byte>((i + 1) % 251);
        ASSERT_EQ(all[i].get()[0], mine);
        ASSERT_EQ(all[i].get()[all[i].size() - 1], mine);
    }
}

TEST(BufferMemory, IsMovedAndGivenBackOnce)
{
    buffer_memory first(1000);
    std::byte* const where = first.get();
    buffer_memory second = std::move(first);
    EXPECT_EQ(first.get(), nullptr);
    EXPECT_EQ(first.size(), 0U);
    EXPECT_EQ(second.get(), where);
    second = buffer_memory(2000);
    EXPECT_GE(second.size(), 2000U);
    second = {};
    EXPECT_EQ(second.get(), nullptr);
}

/// In whatever order they come back, one slab of each size stays.
TEST(BufferMemory, PagesGoBackToTheSystem)
{
    const std::size_t before = buffer_memory::pages();
    std::vector<buffer_memory> all;
    for (std::size_t size = 256; size <= 4096; size *= 2) {
        for (int i = 0; i < 1000; ++i) {
            all.emplace_back(size);
        }
    }
    if (buffer_memory::pages() == before) {
        GTEST_SKIP() << "memory is not pooled under AddressSanitizer";
    }
    EXPECT_GE(buffer_memory::pages() - before, 1000 * (256 + 512 + 1024 + 2048 + 4096) * 9U / 10);
    std::ranges::shuffle(all, std::minstd_rand(17));
    all.clear();
    EXPECT_LE(buffer_memory::pages(), before + 5 * 64 * 1024U);
}

TEST(BufferMemory, MayBeGivenBackByAnotherThread)
{
    for (int round = 0; round < 20; ++round) {
        std::vector<buffer_memory> theirs;
        std::thread([&] {
            for (int i = 0; i < 100; ++i) {
                theirs.emplace_back(4096);
            }
        }).join();
        std::vector<std::thread> both;
        for (int t = 0; t < 2; ++t) {
            both.emplace_back([&theirs, t] {
                for (std::size_t i = static_cast<std::size_t>(t); i < theirs.size(); i += 2) {
                    theirs[i] = {};
                    theirs[i] = buffer_memory(512);
                }
            });
        }
        for (std::thread& t : both) {
            t.join();
        }
        std::set<std::byte*> different;
        for (const buffer_memory& m : theirs) {
            different.insert(m.get());
        }
        EXPECT_EQ(different.size(), theirs.size());
    }
}

}  // namespace
