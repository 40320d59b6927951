#include "support/black_holes.hpp"

#include <gmock/gmock.h>

#include <iostream>

/// Ten thousand networks that swallow things.
namespace {

TEST(BlackHoles, EveryAwaitEndsByItsDeadline)
{
    const auto seen = libnet::tests::run_black_holes(10'000);
    EXPECT_THAT(seen.complaints, testing::IsEmpty());
    std::cout << "proof: of " << seen.waits << " waits in " << seen.networks << " black holes "
              << seen.complaints.size() << " ended after their deadline\n";
}

}  // namespace
