#include "unit/framing/expect_decodes.hpp"

#include <libnet/framing/fixed.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace {

using libnet::as_bytes;
using libnet::error;
using libnet::fixed;
using libnet::tests::encode_one;
using libnet::tests::expect_decodes;

TEST(Fixed, SplitsAStreamIntoFrames)
{
    expect_decodes(fixed(5), "HelloWorld", {"Hello", "World"});
    expect_decodes(fixed(5), "HelloWorld!", {"Hello", "World"}, "!");
    expect_decodes(fixed(1), "abc", {"a", "b", "c"});
    expect_decodes(fixed(5), "", {});
}

TEST(Fixed, WaitsForTheLastByte)
{
    expect_decodes(fixed(5), "Hell", {}, "Hell");
    expect_decodes(fixed(SIZE_MAX), "Hello", {}, "Hello");
    EXPECT_EQ(fixed(5).decode({}).needed, 5U);
    EXPECT_EQ(fixed(5).decode(as_bytes("Hell")).needed, 5U);
}

TEST(Fixed, SendsThatSizeAndNoOther)
{
    EXPECT_EQ(encode_one(fixed(5), as_bytes("Hello")).value(), "Hello");
    for (const std::string_view payload : {"", "Hell", "World!", "HelloWorld"}) {
        EXPECT_EQ(encode_one(fixed(5), as_bytes(payload)).error(), error::refused_payload)
            << payload;
    }
}

TEST(Fixed, GivesBackWhatWasSent)
{
    const std::string first(1000, 'a');
    const std::string second(1000, 'b');
    const fixed codec(1000);
    expect_decodes(codec,
                   encode_one(codec, as_bytes(first)).value() +
                       encode_one(codec, as_bytes(second)).value(),
                   {first, second});
}

TEST(Fixed, ThrowsForNoSize)
{
    EXPECT_THROW(fixed(0), std::invalid_argument);
    static constexpr fixed at_compile_time(1);
    EXPECT_EQ(encode_one(at_compile_time, as_bytes("a")).value(), "a");
}

}  // namespace
