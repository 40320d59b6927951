#include <libnet/core/ip_network.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace libnet;

bool contains(const char* network, const char* address)
{
    return ip_network::parse(network).value().contains(ip_address::parse(address).value());
}

TEST(IpNetwork, IsWhatHasItsFirstBits)
{
    EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
    EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.1"));
    EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.200"));
    EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.100"));
    EXPECT_TRUE(contains("2001:db8::/32", "2001:db8:ffff::1"));
    EXPECT_FALSE(contains("2001:db8::/32", "2001:db9::1"));
    EXPECT_TRUE(contains("192.0.2.1", "192.0.2.1"));
    EXPECT_FALSE(contains("192.0.2.1", "192.0.2.2"));
    EXPECT_TRUE(contains("0.0.0.0/0", "198.51.100.1"));
}

TEST(IpNetwork, IsOfOneFamily)
{
    EXPECT_FALSE(contains("0.0.0.0/0", "::1"));
    EXPECT_FALSE(contains("::/0", "192.0.2.1"));
    EXPECT_FALSE(contains("::/0", "::ffff:192.0.2.1"));
    EXPECT_TRUE(contains("0.0.0.0/0", "::ffff:192.0.2.1"));
}

TEST(IpNetwork, OfPeersWithoutAnAddressHasNoOthers)
{
    EXPECT_EQ(ip_network::parse("unix").value(), ip_network());
    EXPECT_TRUE(ip_network().contains(ip_address()));
    EXPECT_FALSE(contains("unix", "127.0.0.1"));
    EXPECT_FALSE(ip_network::parse("0.0.0.0/0").value().contains(ip_address()));
}

TEST(IpNetwork, IsWrittenAsItIsRead)
{
    for (const char* text :
         {"10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32", "::1/128", "unix", "0.0.0.0/0"}) {
        EXPECT_EQ(ip_network::parse(text).value().to_string(), text);
    }
    EXPECT_EQ(ip_network(ip_address::parse("10.1.2.3").value(), 8).to_string(), "10.0.0.0/8");
    EXPECT_EQ(ip_network(ip_address::parse("10.1.2.3").value(), 99).to_string(), "10.1.2.3/32");
}

TEST(IpNetwork, RefusesWhatIsNone)
{
    for (const char* text :
         {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10/8", "10.0.0.1/8",
          "::1/129", "/8", "example.org", "10.0.0.0/8/8", "::ffff:192.0.2.1/128"}) {
        EXPECT_EQ(ip_network::parse(text).error(), error::invalid_endpoint) << text;
    }
}

}  // namespace
