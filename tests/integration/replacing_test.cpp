#include "support/replacements.hpp"

#include <gtest/gtest.h>

/// Ending and replacing a server under load, in a small form: tests/soak/replacing_test.cpp does it in
/// full.
namespace {

using namespace integration;

TEST(EndingUnderLoad, LosesNoRequest)
{
    for (int round = 0; round < 3 && !HasFailure(); ++round) {
        end_under_load(100);
    }
}

TEST(Replacing, BySocketsBesideEachOther)
{
    by_reuse_port process;
    replace_under_load(process, 3, 20);
}

TEST(Replacing, BySocketsThatAreTakenOver)
{
    by_takeover process;
    replace_under_load(process, 3, 20);
}

TEST(Replacing, BySocketsOfWhoStartsThem)
{
    by_activation process;
    replace_under_load(process, 3, 20);
}

}  // namespace
