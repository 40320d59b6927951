#include "support/black_holes.hpp"
#include "support/stampede.hpp"

#include <gmock/gmock.h>

#include <cstddef>
#include <vector>

/// What becomes of clients when the network or the server fails: all of them end their waits in time,
/// and come back without trampling each other.
namespace libnet {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::Le;

// 10,000 of them: soak_tests, BlackHoles.
TEST(BlackHoles, EveryAwaitEndsByItsDeadline)
{
    const auto seen = tests::run_black_holes(100);
    EXPECT_THAT(seen.complaints, IsEmpty());
    EXPECT_GT(seen.waits, 10 * seen.networks);
}

// A tenth of 5,000: soak_tests, Stampede. A small crowd is more uneven.
class Stampede : public ::testing::TestWithParam<tests::absence> {};

INSTANTIATE_TEST_SUITE_P(AServerThat, Stampede,
                         ::testing::Values(tests::absence::refuses, tests::absence::unreachable,
                                           tests::absence::vanished, tests::absence::mute),
                         [](const auto& tested) { return tests::name_of(tested.param); });

TEST_P(Stampede, AfterAMinuteOfOutageNoSecondSeesMoreThanATenthOfTheClients)
{
    constexpr std::size_t clients = 300;
    tests::stampede crowd(GetParam(), clients);
    const std::vector<std::size_t> each_second = crowd.run();
    EXPECT_EQ(crowd.before(), clients);
    EXPECT_EQ(crowd.after(), clients);  // everybody once
    EXPECT_THAT(each_second, Each(Le(clients / 8)));
    EXPECT_EQ(crowd.left_over(), 0U);
}

}  // namespace
}  // namespace libnet
