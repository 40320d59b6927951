#include "support/stampede.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <iostream>

/// Five thousand clients of a server that was away for a minute.
namespace {

using libnet::tests::absence;

class Stampede : public ::testing::TestWithParam<absence> {};

INSTANTIATE_TEST_SUITE_P(AServerThat, Stampede,
                         ::testing::Values(absence::refuses, absence::unreachable,
                                           absence::vanished, absence::mute),
                         [](const auto& tested) { return libnet::tests::name_of(tested.param); });

TEST_P(Stampede, AfterAMinuteOfOutageNoSecondSeesMoreThanATenthOfTheClients)
{
    constexpr std::size_t clients = 5000;
    libnet::tests::stampede crowd(GetParam(), clients);
    const std::vector<std::size_t> each_second = crowd.run();
    EXPECT_EQ(crowd.before(), clients);
    EXPECT_EQ(crowd.after(), clients);
    const std::size_t most = *std::max_element(each_second.begin(), each_second.end());
    EXPECT_LE(most, clients / 10);
    EXPECT_EQ(crowd.left_over(), 0U);
    std::cout << "proof: a server that " << libnet::tests::name_of(GetParam()) << " for 60 s, "
              << clients << " clients, in the busiest second " << most << " come back\n";
}

}  // namespace
