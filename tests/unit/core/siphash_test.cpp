#include <libnet/core/siphash.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace {

using namespace libnet;

// The key 00 01 .. 0f and the messages "", 00, 00 01, 00 01 02, ...: the vectors of its authors.
TEST(SipHash, AnswersAsItsAuthorsDo)
{
    constexpr siphash_key key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
    constexpr std::array<std::uint64_t, 16> expected{
        0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
        0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
        0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
        0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5};
    std::array<std::byte, 16> message{};
    for (std::size_t i = 0; i < message.size(); ++i) {
        message[i] = std::byte(i);
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(siphash(key, bytes(message).first(i)), expected[i]) << i;
    }
}

TEST(SipHash, DependsOnBothHalvesOfTheKey)
{
    const bytes text = as_bytes("text");
    EXPECT_NE(siphash({1, 2}, text), siphash({1, 3}, text));
    EXPECT_NE(siphash({1, 2}, text), siphash({2, 2}, text));
}

}  // namespace
