#include <libnet/transport/inherited.hpp>

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace {

using namespace libnet;
using detail::read_inherited;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t own = 4711;

std::vector<std::string> described(std::string_view process, std::string_view count,
                                   std::string_view names)
{
    std::vector<std::string> texts;
    for (const auto& socket : read_inherited(process, count, names, own).value()) {
        texts.push_back(socket.name + " " + std::to_string(socket.descriptor));
    }
    return texts;
}

TEST(Inherited, AreNumberedFromThreeAndKeepTheirNames)
{
    EXPECT_THAT(described("4711", "2", "echo:admin"), ElementsAre("echo 3", "admin 4"));
    EXPECT_THAT(described("4711", "1", "echo.socket"), ElementsAre("echo.socket 3"));
    EXPECT_THAT(described("4711", "2", ":admin"), ElementsAre(" 3", "admin 4"));
}

TEST(Inherited, HaveNoNameWhereNoneIsGiven)
{
    EXPECT_THAT(described("4711", "2", ""), ElementsAre("unknown 3", "unknown 4"));
    EXPECT_THAT(described("4711", "2", "echo"), ElementsAre("echo 3", "unknown 4"));
}

TEST(Inherited, AreNoneWhereNobodyGaveThemOrToAnother)
{
    EXPECT_THAT(described("", "", ""), IsEmpty());
    EXPECT_THAT(described("4712", "2", "echo:admin"), IsEmpty());
    EXPECT_THAT(described("4711", "0", ""), IsEmpty());
}

TEST(Inherited, VariablesThatMakeNoSenseAreRefused)
{
    namespace errc = boost::system::errc;
    for (const auto& [process, count, names] :
         std::vector<std::array<const char*, 3>>{{"me", "1", ""},
                                                 {"4711", "", ""},
                                                 {"4711", "-1", ""},
                                                 {"4711", "1x", ""},
                                                 {"4711", "99999", ""},
                                                 {"4711", "1", "echo:admin"},
                                                 {"", "1", ""}}) {
        SCOPED_TRACE(std::string(process) + ", " + count + ", " + names);
        EXPECT_EQ(read_inherited(process, count, names, own).error(), errc::invalid_argument);
    }
}

TEST(Inherited, WhatIsNoListeningSocketIsRefused)
{
    try {
        inherit({"nonsense", -1});
        FAIL();
    } catch (const boost::system::system_error& e) {
        EXPECT_THAT(e.what(), HasSubstr("descriptor -1 (nonsense): it is no listening socket"));
    }
    EXPECT_THAT(inherited_sockets(), IsEmpty());
}

}  // namespace
