#include "integration/support/replacements.hpp"

#include <gtest/gtest.h>

/// Ending and replacing a server under load.
namespace {

using namespace integration;

TEST(EndingUnderLoad, LosesNoRequestOfAThousandConnectionsInTwentyRounds)
{
    for (int round = 0; round < 20 && !HasFailure(); ++round) {
        end_under_load(1000);
    }
}

TEST(Replacing, AHundredTimesBySocketsBesideEachOther)
{
    by_reuse_port process;
    replace_under_load(process, 100, 50);
}

TEST(Replacing, AHundredTimesBySocketsThatAreTakenOver)
{
    by_takeover process;
    replace_under_load(process, 100, 50);
}

TEST(Replacing, AHundredTimesBySocketsOfWhoStartsThem)
{
    by_activation process;
    replace_under_load(process, 100, 50);
}

}  // namespace
