#include <libnet/framing/any_framing.hpp>
#include <libnet/framing/checksummed.hpp>
#include <libnet/framing/delimited.hpp>
#include <libnet/framing/fixed.hpp>
#include <libnet/framing/framing.hpp>
#include <libnet/framing/length_prefix.hpp>
#include <libnet/framing/raw.hpp>
#include <libnet/framing/varint.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

using libnet::decoded;

static_assert(libnet::framing<libnet::length_prefix>);
static_assert(libnet::framing<libnet::delimited>);
static_assert(libnet::framing<libnet::raw>);
static_assert(libnet::framing<libnet::fixed>);
static_assert(libnet::framing<libnet::varint>);
static_assert(libnet::framing<libnet::checksummed<libnet::delimited>>);
static_assert(libnet::framing<libnet::any_framing>);

struct encodes_only {
    void encode(libnet::bytes, libnet::envelope&) const {}
};

struct encodes_by_changing_itself {
    decoded decode(libnet::bytes) { return {}; }
    void encode(libnet::bytes, libnet::envelope&) {}
};

struct decodes_only {
    decoded decode(libnet::bytes) { return {}; }
};

struct cannot_be_copied : encodes_by_changing_itself {
    cannot_be_copied(const cannot_be_copied&) = delete;
};

static_assert(libnet::framing<encodes_by_changing_itself>);
static_assert(!libnet::framing<encodes_only>);
static_assert(!libnet::framing<decodes_only>);
static_assert(!libnet::framing<cannot_be_copied>);
static_assert(!libnet::framing<std::string>);

TEST(Decoded, IsIncompleteUnlessTold)
{
    constexpr decoded nothing;
    EXPECT_EQ(nothing.state, decoded::status::incomplete);
    EXPECT_EQ(nothing.needed, 0U);
}

TEST(Decoded, TellsWhatWasFound)
{
    constexpr decoded frame = decoded::frame(4, 5, 11);
    EXPECT_EQ(frame.state, decoded::status::frame);
    EXPECT_EQ(frame.offset, 4U);
    EXPECT_EQ(frame.size, 5U);
    EXPECT_EQ(frame.consumed, 11U);

    constexpr decoded incomplete = decoded::incomplete(9);
    EXPECT_EQ(incomplete.state, decoded::status::incomplete);
    EXPECT_EQ(incomplete.needed, 9U);
    EXPECT_EQ(incomplete.consumed, 0U);

    constexpr decoded failed = decoded::failed(libnet::error::malformed_frame);
    EXPECT_EQ(failed.state, decoded::status::failed);
    EXPECT_EQ(failed.failure, libnet::error::malformed_frame);
    EXPECT_EQ(failed.consumed, 0U);
}

TEST(Envelope, AddsAndRefusesNothingAtFirst)
{
    const libnet::envelope fresh;
    EXPECT_TRUE(fresh.head.empty());
    EXPECT_TRUE(fresh.tail.empty());
    EXPECT_EQ(fresh.refusal, libnet::error{});
}

}  // namespace
