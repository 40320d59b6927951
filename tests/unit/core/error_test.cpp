#include <libnet/core/error.hpp>

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <system_error>
#include <vector>

namespace {

using libnet::condition;
using libnet::error;
using libnet::error_code;

constexpr std::array timeouts{
    error::timeout,       error::connect_timeout,   error::handshake_timeout,
    error::frame_timeout, error::idle_timeout,      error::first_frame_timeout,
    error::send_timeout,  error::heartbeat_timeout, error::drain_timeout,
    error::close_timeout, error::lifetime_exceeded, error::call_timeout,
};

constexpr std::array bad_inputs{
    error::truncated_frame, error::truncated_stream,  error::frame_too_large,
    error::malformed_frame, error::checksum_mismatch, error::malformed_record,
    error::plain_text,      error::plain_http,        error::unexpected_tls,
    error::unexpected_http,
};

constexpr std::array bad_certificates{
    error::certificate_expired,   error::certificate_not_yet_valid, error::certificate_wrong_host,
    error::certificate_untrusted, error::certificate_not_pinned,    error::certificate_invalid,
    error::certificate_missing,   error::certificate_refused,
};

/// Every enumerator: they are numbered without gaps, and the last is followed by an unknown one.
std::vector<error> all_errors()
{
    std::vector<error> all;
    for (int number = 1; std::string(libnet::name_of(static_cast<error>(number))) != "unknown";
         ++number) {
        all.push_back(static_cast<error>(number));
    }
    return all;
}

bool contains(const auto& list, error wanted)
{
    return std::ranges::find(list, wanted) != list.end();
}

TEST(Error, IsNumberedWithoutGaps)
{
    ASSERT_GE(all_errors().size(), static_cast<std::size_t>(error::no_value));
    EXPECT_EQ(all_errors().front(), error::cancelled);
}

TEST(Error, HasATextAndANameOfItsOwn)
{
    std::set<std::string> names;
    std::set<std::string> texts;
    for (const error e : all_errors()) {
        const std::string name = libnet::name_of(e);
        const std::string text = error_code(e).message();
        EXPECT_FALSE(name.empty()) << static_cast<int>(e);
        EXPECT_FALSE(text.empty()) << name;
        EXPECT_TRUE(names.insert(name).second) << name << " is taken";
        EXPECT_TRUE(texts.insert(text).second) << name << ": \"" << text << "\" is taken";
    }
}

TEST(Error, IsNamedAsInTheEnumeration)
{
    EXPECT_STREQ(libnet::name_of(error::idle_timeout), "idle_timeout");
    EXPECT_STREQ(libnet::name_of(error::closed), "closed");
    EXPECT_STREQ(libnet::name_of(error::no_value), "no_value");
}

TEST(Error, AdmitsThatItDoesNotKnowANumber)
{
    EXPECT_STREQ(libnet::name_of(error{}), "unknown");
    EXPECT_STREQ(libnet::name_of(static_cast<error>(-1)), "unknown");
    EXPECT_EQ(error_code(10'000, libnet::error_category()).message(), "unknown libnet error");
}

TEST(Error, IsAFailureInACategoryOfItsOwn)
{
    const error_code code = error::closed;
    EXPECT_TRUE(code.failed());
    EXPECT_EQ(code.category(), libnet::error_category());
    EXPECT_STREQ(code.category().name(), "libnet");
    EXPECT_STREQ(libnet::condition_category().name(), "libnet.condition");
    EXPECT_EQ(code, error::closed);
    EXPECT_EQ(error::closed, code);
    EXPECT_NE(code, error::cancelled);
    EXPECT_NE(code, error_code(code.value(), boost::system::generic_category()));
}

TEST(Error, IsATimeoutOrIsNotOne)
{
    for (const error e : all_errors()) {
        const bool expected = contains(timeouts, e);
        const error_code code = e;
        EXPECT_EQ(code == condition::timeout, expected) << code.message();
        EXPECT_EQ(condition::timeout == code, expected) << code.message();
        EXPECT_EQ(code != condition::timeout, !expected) << code.message();
        EXPECT_EQ(code == std::errc::timed_out, expected) << code.message();
        EXPECT_EQ(code == boost::system::errc::timed_out, expected) << code.message();
    }
}

TEST(Error, IsBadInputOrIsNot)
{
    for (const error e : all_errors()) {
        const error_code code = e;
        EXPECT_EQ(code == condition::bad_input, contains(bad_inputs, e)) << code.message();
    }
}

TEST(Error, IsAboutACertificateOrIsNot)
{
    for (const error e : all_errors()) {
        const error_code code = e;
        EXPECT_EQ(code == condition::bad_certificate, contains(bad_certificates, e))
            << code.message();
    }
}

TEST(Error, NeverConfusesCancellationWithTimeout)
{
    for (const error e : all_errors()) {
        const error_code code = e;
        const bool expected = e == error::cancelled;
        EXPECT_EQ(code == std::errc::operation_canceled, expected) << code.message();
        EXPECT_EQ(code == boost::system::errc::operation_canceled, expected) << code.message();
    }
    EXPECT_NE(error_code(error::cancelled), condition::timeout);
    EXPECT_NE(error_code(error::cancelled), std::errc::timed_out);
}

TEST(Error, IsTheSameAsAStandardErrorCode)
{
    for (const error e : all_errors()) {
        const std::error_code code = e;
        EXPECT_EQ(code, e);
        EXPECT_EQ(code, std::error_code(error_code(e)));
        EXPECT_EQ(code.message(), error_code(e).message());
        EXPECT_EQ(code == condition::timeout, contains(timeouts, e)) << code.message();
        EXPECT_EQ(condition::timeout == code, contains(timeouts, e)) << code.message();
        EXPECT_EQ(code == std::errc::timed_out, contains(timeouts, e)) << code.message();
        EXPECT_EQ(code == condition::bad_input, contains(bad_inputs, e)) << code.message();
        EXPECT_EQ(code == std::errc::operation_canceled, e == error::cancelled) << code.message();
    }
}

TEST(Error, EqualsNoOtherCondition)
{
    const error_code code = error::closed;
    EXPECT_NE(code, std::errc::connection_reset);
    EXPECT_NE(code, boost::system::errc::success);
    EXPECT_NE(code, libnet::error_condition(1, libnet::error_category()));
    EXPECT_EQ(code, code.default_error_condition());
    EXPECT_NE(code, static_cast<condition>(1000));
}

TEST(Error, LeavesSuccessAndForeignCodesAlone)
{
    EXPECT_NE(error_code(), condition::timeout);
    EXPECT_NE(error_code(), condition::bad_input);
    const error_code reset =
        boost::system::errc::make_error_code(boost::system::errc::connection_reset);
    EXPECT_NE(reset, condition::timeout);
    EXPECT_NE(reset, condition::bad_input);
    EXPECT_NE(reset, error::closed);
}

TEST(Condition, HasATextOfItsOwn)
{
    const std::string timeout = make_error_condition(condition::timeout).message();
    const std::string bad_input = make_error_condition(condition::bad_input).message();
    EXPECT_FALSE(timeout.empty());
    EXPECT_FALSE(bad_input.empty());
    EXPECT_NE(timeout, bad_input);
    EXPECT_EQ(libnet::condition_category().message(99), "unknown libnet condition");
}

}  // namespace
