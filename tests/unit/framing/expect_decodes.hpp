#pragma once

#include "support/decode_all.hpp"

#include <libnet/testing/for_each_split.hpp>

#include <gtest/gtest.h>

#include <source_location>
#include <string>
#include <string_view>
#include <vector>

namespace libnet::tests {

/// The stream gives these frames, and at the end this rest or failure, however it is cut.
template <framing F>
void expect_decodes(const F& codec, std::string_view stream, const std::vector<std::string>& frames,
                    const std::string& rest = {}, error failure = {},
                    std::source_location caller = std::source_location::current())
{
    const ::testing::ScopedTrace trace(caller.file_name(), static_cast<int>(caller.line()),
                                       "expect_decodes");
    const decoded_stream expected{frames, rest, failure, {}};
    libnet::testing::for_each_split(stream, [&](std::span<const bytes> pieces) {
        const decoded_stream actual = decode_all(codec, pieces);
        if (actual == expected) {
            return true;
        }
        SCOPED_TRACE("cut into " + libnet::testing::describe_split(pieces));
        EXPECT_EQ(actual.frames, frames);
        EXPECT_EQ(actual.rest, rest);
        EXPECT_STREQ(name_of(actual.failure), name_of(failure));
        EXPECT_EQ(actual.broken, "");
        return false;
    });
}

template <framing F>
void expect_fails(const F& codec, std::string_view stream, const std::vector<std::string>& frames,
                  error failure, std::source_location caller = std::source_location::current())
{
    expect_decodes(codec, stream, frames, {}, failure, caller);
}

}  // namespace libnet::tests
