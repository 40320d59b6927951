#include "support/black_holes.hpp"

#include <gmock/gmock.h>

#include <iostream>

/// Ten thousand networks that swallow things.
namespace {

TEST(BlackHoles, EveryAwaitEndsByItsDeadline)
{
    std::size_t waits = 0;
    EXPECT_THAT(libnet::tests::run_black_holes(10'000, waits), testing::IsEmpty());
    std::cout << "proof: 10,000 black holes, " << waits << " waits, each ended by its deadline\n";
}

}  // namespace
