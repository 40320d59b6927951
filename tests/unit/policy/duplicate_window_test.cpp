#include <libnet/policy/duplicate_window.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <set>

namespace {

using libnet::duplicate_window;
using verdict = duplicate_window<64>::verdict;

TEST(DuplicateWindow, TellsNewestLateAndDuplicate)
{
    duplicate_window<64> window;
    EXPECT_EQ(window.look(5), verdict::newest);
    EXPECT_EQ(window.look(5), verdict::duplicate);
    EXPECT_EQ(window.look(7), verdict::newest);
    EXPECT_EQ(window.look(6), verdict::late);
    EXPECT_EQ(window.look(6), verdict::duplicate);
    EXPECT_EQ(window.look(0), verdict::late);
}

TEST(DuplicateWindow, DoesNotKnowWhatIsTooOld)
{
    duplicate_window<64> window;
    window.look(100);
    EXPECT_EQ(window.look(37), verdict::late);
    EXPECT_EQ(window.look(36), verdict::too_old);
    EXPECT_EQ(window.look(1'000'000), verdict::newest);
    EXPECT_EQ(window.look(999'937), verdict::late);
    EXPECT_EQ(window.look(100), verdict::too_old);
    EXPECT_EQ(window.look(UINT64_MAX), verdict::newest);
    EXPECT_EQ(window.look(UINT64_MAX), verdict::duplicate);
}

// Against a set that remembers everything.
template <std::size_t Size>
void agrees_with_a_memory_without_bound()
{
    using what = typename duplicate_window<Size>::verdict;
    duplicate_window<Size> window;
    std::set<std::uint64_t> seen;
    std::uint64_t newest = 0;
    std::uint64_t random = 1;
    for (int i = 0; i < 20'000; ++i) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        const std::uint64_t number =
            static_cast<std::uint64_t>(i) / 4 + (random >> 33) % (Size + Size / 2);
        const what v = window.look(number);
        if (seen.empty() || number > newest) {
            EXPECT_EQ(v, what::newest);
            newest = number;
        } else if (newest - number >= Size) {
            EXPECT_EQ(v, what::too_old);
        } else {
            EXPECT_EQ(v, seen.contains(number) ? what::duplicate : what::late);
        }
        seen.insert(number);
    }
}

TEST(DuplicateWindow, AgreesWithAMemoryWithoutBound)
{
    agrees_with_a_memory_without_bound<64>();
    agrees_with_a_memory_without_bound<200>();  // in several words, and not all of the last
    agrees_with_a_memory_without_bound<1>();
}

}  // namespace
