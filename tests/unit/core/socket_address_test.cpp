#include "support/addresses.hpp"

#include <libnet/core/socket_address.hpp>

#include <gtest/gtest.h>

namespace {

using namespace libnet;
using namespace libnet::tests;

TEST(SocketAddress, IsWrittenAsPeopleDo)
{
    EXPECT_EQ((socket_address{v4(192, 0, 2, 1), 9000}).to_string(), "192.0.2.1:9000");
    EXPECT_EQ((socket_address{v6({0x2001, 0xDB8}, 1), 443}).to_string(), "[2001:db8::1]:443");
    EXPECT_EQ((socket_address{v6({0xFE80}, 1), 80, 2}).to_string(), "[fe80::1%2]:80");
}

TEST(SocketAddress, IsSortedByAddressThenPort)
{
    EXPECT_LT((socket_address{v4(10, 0, 0, 1), 9}), (socket_address{v4(10, 0, 0, 1), 10}));
    EXPECT_LT((socket_address{v4(10, 0, 0, 1), 9}), (socket_address{v4(10, 0, 0, 2), 1}));
    EXPECT_NE((socket_address{v6({0xFE80}, 1), 80, 2}), (socket_address{v6({0xFE80}, 1), 80, 3}));
}

}  // namespace
