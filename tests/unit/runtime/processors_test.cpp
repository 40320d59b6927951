#include <libnet/runtime/processors.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace {

using libnet::detail::processors_of_quota;

TEST(Processors, OfAQuotaAreRoundedUp)
{
    EXPECT_EQ(processors_of_quota("200000 100000"), 2u);
    EXPECT_EQ(processors_of_quota("150000 100000"), 2u);
    EXPECT_EQ(processors_of_quota("50000 100000"), 1u);
    EXPECT_EQ(processors_of_quota("1 100000"), 1u);
    EXPECT_EQ(processors_of_quota("6400000 100000"), 64u);
}

TEST(Processors, WithoutAQuotaAreNotBounded)
{
    for (const char* none :
         {"max 100000", "-1 100000", "", " ", "200000", "200000 ", "200000 0", "0 100000",
          "200000 100000 1", "200000 100000\n", "two 100000", "200000,100000"}) {
        EXPECT_EQ(processors_of_quota(none), std::nullopt) << '\'' << none << '\'';
    }
}

TEST(Processors, ThereIsAtLeastOne)
{
    EXPECT_GE(libnet::usable_processors(), 1u);
}

#if defined(__linux__)
TEST(Processors, AreThoseOfTheAffinity)
{
    std::thread([] {
        const auto allowed = libnet::detail::allowed_processors();
        ASSERT_FALSE(allowed.empty());
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(static_cast<unsigned>(allowed.back()), &one);
        ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);  // of this thread
        EXPECT_EQ(libnet::detail::allowed_processors(), std::vector{allowed.back()});
        EXPECT_EQ(libnet::usable_processors(), 1u);
    }).join();
}
#endif

}  // namespace
