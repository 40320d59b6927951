#include <libnet/core/bytes.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace {

using libnet::as_bytes;
using libnet::as_text;

TEST(Bytes, ViewsTextWithoutACopy)
{
    const std::string text = "Hello";
    const libnet::bytes data = as_bytes(text);
    EXPECT_EQ(static_cast<const void*>(data.data()), text.data());
    EXPECT_EQ(data.size(), 5U);
    EXPECT_EQ(data[0], std::byte{'H'});
    EXPECT_EQ(as_text(data).data(), text.data());
    EXPECT_EQ(as_text(data), "Hello");
}

TEST(Bytes, CarriesEveryValueOfAByte)
{
    std::string text;
    for (int value = 0; value < 256; ++value) {
        text.push_back(static_cast<char>(value));
    }
    EXPECT_EQ(libnet::to_string(as_bytes(text)), text);
    EXPECT_EQ(std::to_integer<int>(as_bytes(text)[255]), 255);
}

TEST(Bytes, CopiesIntoAStringOfItsOwn)
{
    std::string text = "before";
    const std::string copy = libnet::to_string(as_bytes(text));
    text = "after!";
    EXPECT_EQ(copy, "before");
}

TEST(Bytes, TreatsNothingAsAnEmptyText)
{
    EXPECT_TRUE(as_text(libnet::bytes()).empty());
    EXPECT_TRUE(as_bytes("").empty());
    EXPECT_TRUE(as_bytes(std::string_view()).empty());
    EXPECT_EQ(libnet::to_string({}), "");
}

TEST(Bytes, AreEqualIfLengthAndContentAre)
{
    const std::string hello = "Hello";
    const std::string twin = "Hello";
    EXPECT_TRUE(libnet::equal(as_bytes(hello), as_bytes(twin)));
    EXPECT_FALSE(libnet::equal(as_bytes("Hello"), as_bytes("Hellx")));
    EXPECT_FALSE(libnet::equal(as_bytes("Hello"), as_bytes("Hell")));
    EXPECT_TRUE(libnet::equal({}, as_bytes("")));
    EXPECT_FALSE(libnet::equal({}, as_bytes("x")));
}

TEST(Bytes, ThatCanBeWrittenCanBeRead)
{
    std::array<std::byte, 2> storage{std::byte{'o'}, std::byte{'k'}};
    const libnet::mutable_bytes room = storage;
    room[0] = std::byte{'O'};
    EXPECT_EQ(as_text(room), "Ok");
}

}  // namespace
