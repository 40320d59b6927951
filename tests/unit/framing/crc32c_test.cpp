#include <libnet/framing/crc32c.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>

namespace {

using libnet::as_bytes;
using libnet::crc32c;

/// The checksum by its definition, bit by bit.
std::uint32_t by_definition(std::string_view text)
{
    std::uint32_t rest = 0xFFFFFFFF;
    for (const char c : text) {
        rest ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) {
            rest = rest >> 1 ^ (rest % 2 != 0 ? 0x82F63B78 : 0);  // 1EDC6F41, its bits reversed
        }
    }
    return rest ^ 0xFFFFFFFF;
}

std::string ascending(std::size_t size)
{
    std::string text(size, 0);
    std::iota(text.begin(), text.end(), char{0});
    return text;
}

TEST(Crc32c, IsThatOfTheStandard)
{
    // RFC 3720, B.4: there they stand as bytes, in the order in which they are sent.
    std::string descending = ascending(32);
    std::ranges::reverse(descending);
    EXPECT_EQ(crc32c(as_bytes(std::string(32, '\0'))), 0x8A9136AAU);
    EXPECT_EQ(crc32c(as_bytes(std::string(32, '\xFF'))), 0x62A8AB43U);
    EXPECT_EQ(crc32c(as_bytes(ascending(32))), 0x46DD794EU);
    EXPECT_EQ(crc32c(as_bytes(descending)), 0x113FDB5CU);
    EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
}

TEST(Crc32c, OfNothingIsNothing)
{
    EXPECT_EQ(crc32c({}), 0U);
    EXPECT_EQ(crc32c({}, 0xE3069283), 0xE3069283U);
}

TEST(Crc32c, GoesOnFromWhatStoodBefore)
{
    const std::string text = ascending(127) + "123456789";
    const std::uint32_t whole = by_definition(text);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        const libnet::bytes data = as_bytes(text);
        EXPECT_EQ(crc32c(data.subspan(cut), crc32c(data.first(cut))), whole) << cut;
    }
    std::uint32_t one_by_one = 0;
    for (const std::byte& byte : as_bytes(text)) {
        one_by_one = crc32c({&byte, 1}, one_by_one);
    }
    EXPECT_EQ(one_by_one, whole);
}

TEST(Crc32c, IsThatOfTheDefinitionForEveryLengthAndByte)
{
    for (std::size_t size = 0; size < 300; ++size) {
        const std::string text = ascending(size);
        EXPECT_EQ(crc32c(as_bytes(text)), by_definition(text)) << size;
    }
}

}  // namespace
