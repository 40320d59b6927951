#include <libnet/core/result.hpp>

#include <boost/system/system_error.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <type_traits>

namespace {

libnet::result<int> half(int number)
{
    if (number % 2 != 0) {
        return libnet::error::malformed_frame;
    }
    return number / 2;
}

libnet::result<> finish(bool in_order)
{
    if (!in_order) {
        return libnet::error::cancelled;
    }
    return {};
}

TEST(Result, HoldsAValueOrTheReasonWhyThereIsNone)
{
    ASSERT_TRUE(half(4));
    EXPECT_EQ(*half(4), 2);
    EXPECT_FALSE(half(3));
    EXPECT_EQ(half(3).error(), libnet::error::malformed_frame);
}

TEST(Result, ThrowsTheReasonIfAskedForTheValue)
{
    EXPECT_EQ(half(8).value(), 4);
    try {
        half(3).value();
        FAIL() << "no exception";
    } catch (const boost::system::system_error& failure) {
        EXPECT_EQ(failure.code(), libnet::error::malformed_frame);
    }
}

TEST(Result, OfVoidIsSuccessOrAReason)
{
    static_assert(std::is_same_v<libnet::result<>, libnet::result<void>>);
    EXPECT_TRUE(finish(true));
    EXPECT_EQ(finish(false).error(), libnet::error::cancelled);
    EXPECT_THROW(finish(false).value(), boost::system::system_error);
}

TEST(Result, CarriesWhatCanOnlyBeMoved)
{
    libnet::result<std::unique_ptr<int>> owner = std::make_unique<int>(7);
    const std::unique_ptr<int> taken = std::move(owner).value();
    EXPECT_EQ(*taken, 7);
}

}  // namespace
