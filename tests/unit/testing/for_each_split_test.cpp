#include <libnet/testing/for_each_split.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace {

using libnet::bytes;
using libnet::testing::describe_split;
using libnet::testing::for_each_split;
using libnet::testing::split_options;
using split = std::vector<std::string>;

std::vector<split> all_splits(std::string_view input, split_options options = {})
{
    std::vector<split> splits;
    for_each_split(
        input,
        [&](std::span<const bytes> pieces) {
            split& current = splits.emplace_back();
            for (const bytes piece : pieces) {
                current.push_back(libnet::to_string(piece));
            }
        },
        options);
    return splits;
}

TEST(ForEachSplit, LosesAndReordersNothing)
{
    const std::string input = "The quick brown fox jumps over the lazy dog";
    const auto splits = all_splits(input);
    EXPECT_GT(splits.size(), input.size());
    for (const split& pieces : splits) {
        std::string joined;
        for (const std::string& piece : pieces) {
            EXPECT_FALSE(piece.empty());
            joined += piece;
        }
        EXPECT_EQ(joined, input);
    }
}

TEST(ForEachSplit, BeginsWithTheWholeAndSingleBytes)
{
    const auto splits = all_splits("abcd");
    ASSERT_GE(splits.size(), 2U);
    EXPECT_EQ(splits[0], split{"abcd"});
    EXPECT_EQ(splits[1], (split{"a", "b", "c", "d"}));
}

TEST(ForEachSplit, CutsAShortInputInEveryWay)
{
    const auto splits = all_splits("abcd");
    const std::set<split> distinct(splits.begin(), splits.end());
    EXPECT_EQ(distinct.size(), 8U);  // three places, each cut or not
}

TEST(ForEachSplit, CutsInTwoAtEveryPlace)
{
    const std::string input(500, 'x');
    const auto splits = all_splits(input, {.random_splits = 0});
    std::set<std::size_t> places;
    for (const split& pieces : splits) {
        if (pieces.size() == 2) {
            places.insert(pieces[0].size());
        }
    }
    EXPECT_EQ(places.size(), 499U);
}

TEST(ForEachSplit, CutsALongInputInTwoNearItsEnds)
{
    const std::string input(1000, 'x');
    const auto splits = all_splits(input, {.cuts_in_two = 100, .random_splits = 0});
    std::set<std::size_t> places;
    for (const split& pieces : splits) {
        if (pieces.size() == 2) {
            places.insert(pieces[0].size());
        }
    }
    EXPECT_EQ(places.size(), 100U);
    EXPECT_TRUE(places.contains(1) && places.contains(50) && places.contains(950) &&
                places.contains(999));
    EXPECT_FALSE(places.contains(51) || places.contains(949));
}

TEST(ForEachSplit, HandlesWhatCannotBeCut)
{
    EXPECT_EQ(all_splits(""), std::vector<split>{split{}});
    EXPECT_EQ(all_splits("a"), std::vector<split>{split{"a"}});
    for (const split& pieces : all_splits("ab")) {
        EXPECT_TRUE(pieces == split{"ab"} || pieces == (split{"a", "b"}));
    }
}

TEST(ForEachSplit, RepeatsItselfWithTheSameSeed)
{
    const std::string input(100, 'x');
    EXPECT_EQ(all_splits(input, {.seed = 7}), all_splits(input, {.seed = 7}));
    EXPECT_NE(all_splits(input, {.seed = 7}), all_splits(input, {.seed = 8}));
}

TEST(ForEachSplit, StopsWhenAVisitorHasSeenEnough)
{
    const bytes input = libnet::as_bytes("abcdef");
    std::size_t total = 0;
    EXPECT_TRUE(for_each_split(input, [&](auto) { ++total; }));
    for (std::size_t limit = 1; limit < total; ++limit) {
        std::size_t visits = 0;
        EXPECT_FALSE(for_each_split(input, [&](auto) { return ++visits != limit; }));
        EXPECT_EQ(visits, limit);
    }
    std::size_t visits = 0;
    EXPECT_TRUE(for_each_split(input, [&](auto) { return ++visits != total + 1; }));
}

TEST(DescribeSplit, NamesTheSizes)
{
    const std::vector<bytes> pieces{libnet::as_bytes("Hello"), libnet::as_bytes("!")};
    EXPECT_EQ(describe_split(pieces), "5 + 1");
    EXPECT_EQ(describe_split({}), "nothing");
    const std::vector<bytes> many(100, libnet::as_bytes("x"));
    EXPECT_EQ(describe_split(many),
              "1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + ... (100 pieces)");
}

}  // namespace
