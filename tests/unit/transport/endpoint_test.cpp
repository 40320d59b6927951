#include <libnet/core/error.hpp>
#include <libnet/transport/endpoint.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

using libnet::endpoint;

TEST(Endpoint, ReadsHostAndPort)
{
    struct row {
        const char* text;
        endpoint expected;
    };
    for (const row& r :
         {row{"127.0.0.1:9000", {"127.0.0.1", 9000}}, row{"[::1]:9000", {"::1", 9000}},
          row{"[fe80::1%eth0]:1", {"fe80::1%eth0", 1}},
          row{"example.org:443", {"example.org", 443}}, row{":9000", {"", 9000}},
          row{"localhost:0", {"localhost", 0}}, row{"localhost:65535", {"localhost", 65535}},
          row{"localhost:00080", {"localhost", 80}}}) {
        SCOPED_TRACE(r.text);
        const auto parsed = endpoint::parse(r.text);
        ASSERT_TRUE(parsed);
        EXPECT_EQ(*parsed, r.expected);
    }
}

TEST(Endpoint, RefusesEverythingElse)
{
    for (const char* text : {"",
                             ":",
                             "localhost",
                             "localhost:",
                             "localhost:x",
                             "localhost:1x",
                             "localhost:-1",
                             "localhost:+1",
                             "localhost: 1",
                             "localhost:65536",
                             "localhost:99999999999999999999",
                             "::1:9000",
                             "fe80::1:80",
                             "[::1]",
                             "[::1]9000",
                             "[]:9000",
                             "[::1:9000",
                             "::1]:9000",
                             "a:b:1",
                             "[::1]:",
                             "[:9000"}) {
        SCOPED_TRACE(text);
        EXPECT_EQ(endpoint::parse(text).error(), libnet::error::invalid_endpoint);
    }
}

TEST(Endpoint, ReadsThePathOfAUnixSocket)
{
    for (const char* path : {"/run/service.sock", "here", "9000", "@name", "with:colon", "a b"}) {
        const auto parsed = endpoint::parse(std::string("unix:") + path);
        ASSERT_TRUE(parsed) << path;
        EXPECT_TRUE(parsed->is_unix());
        EXPECT_EQ(parsed->path, path);
        EXPECT_EQ(parsed->host, "");
    }
    EXPECT_FALSE(endpoint::parse("localhost:80")->is_unix());
    using namespace std::string_view_literals;
    for (const std::string_view text : {"unix:"sv, "unix:@"sv, "unix:a\0b"sv, "unix"sv}) {
        EXPECT_EQ(endpoint::parse(text).error(), libnet::error::invalid_endpoint) << text;
    }
}

TEST(Endpoint, WritesWhatItReads)
{
    for (const char* text : {"127.0.0.1:9000", "[::1]:9000", "example.org:443", ":9000",
                             "unix:/run/service.sock", "unix:@name"}) {
        EXPECT_EQ(endpoint::parse(text).value().to_string(), text);
    }
}

}  // namespace
