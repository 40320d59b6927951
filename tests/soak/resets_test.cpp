#include "crowd.hpp"

#include "integration/support/echo_server.hpp"
#include "integration/support/process_figures.hpp"
#include "integration/support/rude_clients.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace {

using namespace soak;
using integration::descriptors_of;
using integration::resident_memory;
using integration::soon;

/// A hundred thousand of them: before a byte, inside a frame, over an answer that nobody reads, after
/// one that was read, and behind an end in good order.
TEST(Resets, FromEveryStateLeaveNothingBehind)
{
    constexpr int rounds = 20'000;
    integration::echo_server server({"--quiet"});
    ASSERT_TRUE(integration::echoes(server.port()));
    std::size_t descriptors = 0;
    std::size_t memory = 0;
    const auto start = steady::now();
    for (int i = 0; i < rounds; ++i) {
        ASSERT_TRUE(integration::reset_from_every_state(server.port()));
        if (i == rounds / 10) {  // what it needs is there
            std::this_thread::sleep_for(200ms);
            descriptors = descriptors_of(server.id());
            memory = resident_memory(server.id());
        }
    }
    const auto took = steady::now() - start;
    EXPECT_TRUE(soon([&] { return descriptors_of(server.id()) <= descriptors; }));
    const std::size_t left = descriptors_of(server.id());
    const std::size_t after = resident_memory(server.id());
    EXPECT_TRUE(integration::echoes(server.port()));
    const auto stopping = steady::now();
    const auto ended = server.stop(SIGTERM);
    const std::string summary = ended.output.substr(ended.output.find("stopped"));
    print(
        "100,000 resets in %.0f s: %zu descriptors before and %zu after, %.1f MiB and %.1f MiB; %s",
        seconds(took), descriptors, left, mebibytes(memory), mebibytes(after),
        summary.substr(0, summary.find(',')).c_str());
    EXPECT_LT(after, memory + 1024 * 1024);
    EXPECT_EQ(ended.code, 0);
    EXPECT_LT(steady::now() - stopping, 1s) << "sessions were left";
    EXPECT_THAT(ended.output, testing::HasSubstr("stopped after 100002 connections"));
}

}  // namespace
