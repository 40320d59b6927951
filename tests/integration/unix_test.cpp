#include "support/served.hpp"

#include <libnet/asio.hpp>
#include <libnet/libnet.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/// Unix sockets, for real. That they carry bytes is in the contract suite.
namespace {

using namespace integration;
using namespace libnet::literals;
using libnet::error;
using libnet::task;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
namespace fs = std::filesystem;

// A folder that goes with the test.
class Unix : public testing::Test {
protected:
    Unix()
    {
        std::string name = "/tmp/libnet-unix-XXXXXX";
        folder_ = ::mkdtemp(name.data());
    }
    ~Unix() override { fs::remove_all(folder_); }

    std::string path() const { return (folder_ / "s").string(); }
    std::string where() const { return "unix:" + path(); }

    // A file as a server leaves it that was killed.
    void leave_stale_file() const
    {
        const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().copy(address.sun_path, sizeof address.sun_path - 1);
        ASSERT_EQ(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address),
                  0);
        ::listen(descriptor, 1);
        ::close(descriptor);
        ASSERT_TRUE(fs::is_socket(path()));
    }

    fs::path folder_;
};

libnet::result<std::string> ask(const std::string& where, libnet::connect_options options = {})
{
    libnet::result<std::string> answer = std::string();
    auto program = [&]() -> task<> {
        auto asked = [&]() -> task<std::string> {
            auto peer = co_await checked(libnet::connect(where, options));
            co_await checked(peer.send("hello"));
            const std::string text = libnet::to_string(co_await checked(peer.receive()));
            co_await peer.close();
            co_return text;
        };
        answer = co_await asked();
    };
    libnet::run(program(), signals_alone);
    return answer;
}

TEST_F(Unix, ServesAndRemovesItsFile)
{
    {
        served server(echo, {}, where());
        EXPECT_EQ(server.where(), where());
        EXPECT_EQ(ask(where()).value(), "hello");
        const auto report = server.report();
        ASSERT_TRUE(report);
        EXPECT_EQ(report->reason, error::closed);
        EXPECT_EQ(report->info.peer, where() + " (process " + std::to_string(::getpid()) +
                                         ", user " + std::to_string(::getuid()) + ')');
    }
    EXPECT_FALSE(fs::exists(path()));
}

TEST_F(Unix, ReplacesTheFileOfADeadServer)
{
    leave_stale_file();
    served server(echo, {}, where());
    EXPECT_EQ(server.failure(), "");
    EXPECT_EQ(ask(where()).value(), "hello");
}

TEST_F(Unix, LeavesALiveServerAlone)
{
    served first(echo, {}, where());
    served second(echo, {}, where());
    EXPECT_THAT(second.failure(),
                StartsWith("cannot listen on " + where() + ": Address already in use"));
    EXPECT_EQ(ask(where()).value(), "hello");
}

TEST_F(Unix, LeavesFilesThatAreNoSocketsAlone)
{
    std::ofstream(path()) << "somebody's work";
    served server(echo, {}, where());
    EXPECT_THAT(server.failure(), HasSubstr("Socket operation on non-socket"));
    EXPECT_EQ(fs::file_size(path()), 15U);
}

TEST_F(Unix, LeavesTheFileOfItsSuccessorAlone)
{
    {
        served first(echo, {}, where());
        fs::remove(path());
        served second(echo, {}, where());
        EXPECT_EQ(second.failure(), "");
        first.server().stop();
        ASSERT_TRUE(first.ended());
        EXPECT_EQ(ask(where()).value(), "hello");
    }
    EXPECT_FALSE(fs::exists(path()));
}

TEST_F(Unix, SetsPermissionsBeforeAnybodyCanConnect)
{
    libnet::server_options options;
    options.socket.permissions = 0600;
    served server(echo, options, where());
    struct stat status {};
    ASSERT_EQ(::stat(path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(Unix, AnAbstractNameHasNoFile)
{
    const std::string name = "unix:@libnet-test-" + std::to_string(::getpid());
    served server(echo, {}, name);
    EXPECT_EQ(server.where(), name);
    EXPECT_EQ(ask(name).value(), "hello");
    EXPECT_FALSE(fs::exists(name.substr(5)));
    served second(echo, {}, name);
    EXPECT_THAT(second.failure(), HasSubstr("Address already in use"));
}

TEST_F(Unix, SaysWhyItCannotConnect)
{
    EXPECT_EQ(ask(where()).error(), boost::system::errc::no_such_file_or_directory);
    leave_stale_file();
    EXPECT_EQ(ask(where()).error(), boost::system::errc::connection_refused);
    const std::string endless = "unix:/tmp/" + std::string(200, 'x');
    EXPECT_EQ(ask(endless).error(), boost::system::errc::filename_too_long);
    served server(echo, {}, endless);
    EXPECT_THAT(server.failure(), HasSubstr("File name too long"));
}

TEST_F(Unix, WaitsForAPlaceInTheBacklogAndNoLongerThanTold)
{
    boost::asio::io_context io;
    libnet::socket_options small;
    small.backlog = 0;
    const auto listening = libnet::unix_domain::listen(libnet::loop_of(io), path(), small);
    libnet::connect_options options;
    options.connect_timeout = 300ms;
    auto program = [&]() -> task<> {
        const auto first = co_await libnet::connect(where(), options);
        EXPECT_TRUE(first);
        const auto second = co_await libnet::connect(where(), options);
        EXPECT_EQ(second.error(), error::connect_timeout);
    };
    libnet::run(program(), signals_alone);
}

TEST_F(Unix, VouchesForThePeer)
{
    const auto remember = [](libnet::connection& peer) -> task<> {
        const auto who = libnet::unix_domain::peer_credentials(peer.transport());
        EXPECT_TRUE(who);
        EXPECT_EQ(who->process, ::getpid());
        EXPECT_EQ(who->user, ::getuid());
        EXPECT_EQ(who->group, ::getgid());
        co_await echo(peer);
    };
    served server(remember, {}, where());
    EXPECT_EQ(ask(where()).value(), "hello");
}

TEST(PeerCredentials, AreThoseOfUnixSocketsOnly)
{
    const auto look = [](libnet::connection& peer) -> task<> {
        EXPECT_EQ(libnet::unix_domain::peer_credentials(peer.transport()).error(),
                  error::not_supported);
        co_await echo(peer);
    };
    served server(look);
    EXPECT_EQ(ask(server.where()).value(), "hello");
}

}  // namespace
