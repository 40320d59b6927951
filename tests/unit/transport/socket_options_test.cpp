#include <libnet/transport/socket_options.hpp>

#include <gtest/gtest.h>

namespace {

using namespace libnet::literals;

TEST(SocketOptions, HaveTheDefaultsThatServersWant)
{
    const libnet::socket_options options;
    EXPECT_TRUE(options.reuse_address);
    EXPECT_TRUE(options.no_delay);
    EXPECT_EQ(options.backlog, 4096);
    EXPECT_FALSE(options.send_buffer);
    EXPECT_FALSE(options.receive_buffer);
    EXPECT_FALSE(options.v6_only);
}

TEST(SocketOptions, ASilentPeerIsGivenUpAtTheSameTimeByBothWays)
{
    const libnet::socket_options options;
    ASSERT_TRUE(options.keep_alive);
    const auto& alive = *options.keep_alive;
    EXPECT_EQ(alive.after, 60s);
    EXPECT_EQ(alive.interval, 10s);
    EXPECT_EQ(alive.probes, 3);
    EXPECT_EQ(options.user_timeout, alive.after + alive.probes * alive.interval);
}

}  // namespace
