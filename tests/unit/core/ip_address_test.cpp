#include "support/addresses.hpp"

#include <libnet/core/ip_address.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

using namespace libnet;
using namespace libnet::tests;

TEST(IpAddress, IsOfFourBytesOrSixteenOrNone)
{
    EXPECT_TRUE(ip_address().empty());
    EXPECT_TRUE(v4(192, 0, 2, 1).is_v4());
    EXPECT_FALSE(v4(192, 0, 2, 1).is_v6());
    EXPECT_TRUE(equal(v4(192, 0, 2, 1).octets(), as_bytes("\xC0\x00\x02\x01"sv)));
    EXPECT_TRUE(v6({0x2001, 0xDB8}, 1).is_v6());
    EXPECT_FALSE(v6({0x2001, 0xDB8}, 1).is_v4());
    for (std::size_t size = 0; size <= 20; ++size) {
        const std::string octets(size, '\1');
        EXPECT_EQ(ip_address(as_bytes(octets)).empty(), size != 4 && size != 16) << size;
    }
}

TEST(IpAddress, MappedIntoIpv6IsIpv4)
{
    EXPECT_EQ(v6({0, 0, 0, 0, 0, 0xFFFF, 0xC000}, 0x0201), v4(192, 0, 2, 1));
    EXPECT_NE(v6({0, 0, 0, 0, 0, 0xFFFE, 0xC000}, 0x0201), v4(192, 0, 2, 1));
    EXPECT_TRUE(v6({0, 0, 0, 0, 1, 0xFFFF, 0xC000}, 0x0201).is_v6());
    EXPECT_TRUE(v6({}, 1).is_v6());  // ::1
}

TEST(IpAddress, KnowsItsNetwork)
{
    EXPECT_EQ(v4(192, 0, 2, 255).network(32), v4(192, 0, 2, 255));
    EXPECT_EQ(v4(192, 0, 2, 255).network(31), v4(192, 0, 2, 254));
    EXPECT_EQ(v4(192, 0, 2, 255).network(25), v4(192, 0, 2, 128));
    EXPECT_EQ(v4(192, 0, 2, 255).network(24), v4(192, 0, 2, 0));
    EXPECT_EQ(v4(192, 0, 2, 255).network(1), v4(128, 0, 0, 0));
    EXPECT_EQ(v4(192, 0, 2, 255).network(0), v4(0, 0, 0, 0));
    EXPECT_EQ(v4(192, 0, 2, 255).network(1000), v4(192, 0, 2, 255));
    EXPECT_EQ(v6({0x2001, 0xDB8, 0xAAAA, 0xBBBB, 0xCCCC}, 1).network(64),
              v6({0x2001, 0xDB8, 0xAAAA, 0xBBBB}, 0));
    EXPECT_EQ(v6({0x2001, 0xDB8, 0xAAAA, 0xBBBB}, 1).network(56),
              v6({0x2001, 0xDB8, 0xAAAA, 0xBB00}, 0));
    EXPECT_EQ(ip_address().network(8), ip_address());
}

TEST(IpAddress, TheAddressesOfANetworkStandSideBySide)
{
    EXPECT_LT(v4(10, 0, 0, 255), v4(10, 0, 1, 0));
    EXPECT_LT(v4(127, 0, 0, 1), v4(128, 0, 0, 0));
    EXPECT_LT(v4(255, 255, 255, 255), v6({}, 1));
    EXPECT_LT(ip_address(), v4(0, 0, 0, 0));
}

std::string reread(std::string_view text)
{
    const auto address = ip_address::parse(text);
    return address ? address->to_string() : "refused";
}

TEST(IpAddress, IsReadAndWritten)
{
    EXPECT_EQ(ip_address::parse("192.0.2.1").value(), v4(192, 0, 2, 1));
    EXPECT_EQ(ip_address::parse("2001:db8::1").value(), v6({0x2001, 0xDB8}, 1));
    for (const std::string_view same :
         {"0.0.0.0", "255.255.255.255", "10.0.0.1", "::", "::1", "1::", "1::2", "2001:db8::1",
          "1:2:3:4:5:6:7:8", "1:0:3:4:5:6:7:8", "::3:4:5:6:7:8", "1:2:3:4:5:6::", "1::4:5:0:0:8",
          "1:0:0:4::8", "fe80::abcd:ef01:2345:6789"}) {
        EXPECT_EQ(reread(same), same);
    }
    EXPECT_EQ(ip_address().to_string(), "");
}

TEST(IpAddress, HasOneShortestForm)
{
    EXPECT_EQ(reread("2001:0DB8:0000:0000:0000:0000:0000:0001"), "2001:db8::1");
    EXPECT_EQ(reread("0:0:0:0:0:0:0:0"), "::");
    EXPECT_EQ(reread("::ffff:192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(reread("64:ff9b::192.0.2.33"), "64:ff9b::c000:221");
    EXPECT_EQ(reread("1:2:3:4:5:6:192.0.2.33"), "1:2:3:4:5:6:c000:221");
    EXPECT_EQ(reread("1:2:3::5:6:7:8"), "1:2:3:0:5:6:7:8");
}

TEST(IpAddress, RefusesWhatIsNone)
{
    for (const std::string_view text :
         {"", ".", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "256.0.0.1", "1.2.3.4 ",
          " 1.2.3.4", "01.2.3.4", "1.2.3.04", "1.2.3.0004", "-1.2.3.4", "+1.2.3.4", "a.b.c.d",
          "localhost", ":", ":::", "1:", ":1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "1:2:3:4:5:6:7:8:",
          "1:2:3:4:5:6:7:8:9", "1::2::3", "1::2:", ":1::2", "12345::", "g::", "::1.2.3", "::1.2.3.4.5",
          "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "::1%1", "[::1]", "1:2:3:4:5:6:7::8:9",
          "1:2:3:4::5:6:7:8"}) {
        EXPECT_EQ(reread(text), "refused") << text;
        if (!ip_address::parse(text)) {
            EXPECT_EQ(ip_address::parse(text).error(), error::invalid_endpoint) << text;
        }
    }
}

}  // namespace
