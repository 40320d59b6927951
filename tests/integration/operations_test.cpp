#include "support/client_socket.hpp"
#include "support/echo_server.hpp"
#include "support/required_programs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <sys/un.h>

/// What a server does besides serving: its configuration, its service manager.
namespace {

using namespace integration;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

std::string temporary(const std::string& name)
{
    return testing::TempDir() + "libnet-" + std::to_string(::getpid()) + "-" + name;
}

/// A file that is removed.
class config_file {
public:
    explicit config_file(const std::string& text) { write(text); }
    config_file(const config_file&) = delete;
    config_file& operator=(const config_file&) = delete;
    ~config_file() { std::remove(path.c_str()); }

    void write(const std::string& text) const { std::ofstream(path) << text; }

    std::string path = temporary("echo.conf");
};

TEST(Configuration, FlagsStandInAFileAndTheCommandLineCountsMore)
{
    const config_file file(
        "# who may come\nmax-connections = 1\nsurplus = refuse\nframing = line\n");
    echo_server server({"--config", file.path, "--framing", "length4"});
    client_socket first(server.port());
    EXPECT_TRUE(echoes(first));
    client_socket second(server.port());
    EXPECT_EQ(second.read_to_end(), "");
    EXPECT_THAT(server.line("refused"), HasSubstr("refused 127.0.0.1:"));
}

TEST(Configuration, WhatIsWrongIsToldWithItsLine)
{
    struct row {
        const char* text;
        const char* message;
    };
    for (const row& r :
         {row{"quiet = true\nidle-timout = 5s\n", ":2: 'idle-timout' is no flag"},
          row{"\n\nidle-timeout = soon\n", ":3: --idle-timeout: 'soon' is not a time"},
          row{"max-connections = 0", ":1: --max-connections: '0' is not"},
          row{"config = other", ":1: 'config' is no flag"}}) {
        SCOPED_TRACE(r.text);
        const config_file file(r.text);
        child_process server({TCP_ECHO_SERVER, "--config", file.path});
        const auto ended = server.finish();
        EXPECT_EQ(ended.code, 2);
        EXPECT_THAT(ended.errors, StartsWith(file.path + r.message));
        EXPECT_THAT(ended.errors, HasSubstr("--help"));
    }
    child_process server({TCP_ECHO_SERVER, "--config", temporary("nowhere")});
    const auto ended = server.finish();
    EXPECT_EQ(ended.code, 2);
    EXPECT_THAT(ended.errors, HasSubstr("nowhere was not readable"));
}

TEST(Configuration, IsOfTheUdpServerToo)
{
    const config_file file("per-peer = true\nidle-timeout = 100ms\n");
    echo_server server({"--config", file.path}, {}, {}, UDP_ECHO_SERVER);
    const std::string target = server.where();
    EXPECT_EQ(child_process({UDP_ECHO_CLIENT, "--connect", target, "--count", "1"}).finish().code, 0);
    EXPECT_THAT(server.line("closed"), HasSubstr(" (1 datagram, "));
    const config_file wrong("cookies = true\n");
    const auto ended = child_process({UDP_ECHO_SERVER, "--config", wrong.path}).finish();
    EXPECT_EQ(ended.code, 2);
    EXPECT_THAT(ended.errors, StartsWith(wrong.path + ":1: 'cookies' is no flag"));
}

TEST(Configuration, IsReadAgainOnAHangUp)
{
    const config_file file("idle-timeout = 1h\n");
    echo_server server({"--config", file.path});
    client_socket client(server.port());
    ASSERT_TRUE(echoes(client));

    file.write("idle-timeout = soon\n");
    server.signal(SIGHUP);
    EXPECT_THAT(
        server.process().error_line("cannot reload"),
        AllOf(HasSubstr("the old settings stay"), HasSubstr(file.path + ":1: --idle-timeout")));
    EXPECT_TRUE(echoes(client));

    file.write("idle-timeout = 300ms\nmax-connections = 5\n");
    server.signal(SIGHUP);
    EXPECT_THAT(server.line("reloaded"), StartsWith("reloaded " + file.path));
    EXPECT_EQ(client.read_to_end(), "");  // that one was there before
    client.close();
    EXPECT_THAT(server.line("closed"), HasSubstr("nothing was sent or received for too long"));
    EXPECT_EQ(server.stop(SIGTERM).code, 0);
}

// Whichever thread a connection is on.
TEST(Configuration, ReachesAllThreads)
{
    for (const char* how : {"one accepts", "--reuse-port"}) {
        SCOPED_TRACE(how);
        const config_file file("idle-timeout = 1h\n");
        std::vector<std::string> flags{"--config", file.path, "--threads", "2"};
        if (std::string(how).starts_with("--")) {
            flags.push_back(how);
        }
        echo_server server(flags);
        client_socket clients[]{client_socket(server.port()), client_socket(server.port()),
                                client_socket(server.port()), client_socket(server.port())};
        for (client_socket& client : clients) {
            ASSERT_TRUE(echoes(client));
        }
        file.write("idle-timeout = 200ms\nmax-connections = 4\n");
        server.signal(SIGHUP);
        EXPECT_THAT(server.line("reloaded"), StartsWith("reloaded " + file.path));
        for (client_socket& client : clients) {
            EXPECT_EQ(client.read_to_end(), "");
            client.close();
        }
        EXPECT_EQ(server.stop(SIGTERM).code, 0);
    }
}

TEST(Takeover, OfManySocketsIsRefused)
{
    child_process server({TCP_ECHO_SERVER, "--listen", "127.0.0.1:0", "--threads", "2",
                          "--reuse-port", "--takeover", temporary("takeover")});
    const auto ended = server.finish();
    EXPECT_EQ(ended.code, 2);
    EXPECT_THAT(ended.errors, HasSubstr("leave --reuse-port away"));
}

TEST(Takeover, OfTheSocketThatAcceptsForAllThreads)
{
    const std::string path = temporary("takeover");
    const std::vector<std::string> flags{"--threads", "2", "--takeover", path};
    echo_server old(flags);
    client_socket client(old.port());
    ASSERT_TRUE(echoes(client));
    std::vector<std::string> again = flags;
    again.insert(again.end(), {"--listen", old.where()});
    echo_server next(again);
    EXPECT_EQ(next.where(), old.where());
    EXPECT_EQ(client.read_to_end(), "");
    client.close();
    EXPECT_EQ(old.process().finish().code, 0);
    EXPECT_TRUE(echoes(next.port()));
    EXPECT_EQ(next.stop(SIGTERM).code, 0);
    ::unlink(path.c_str());
}

TEST(Configuration, WithoutAFileThereIsNothingToReadAgain)
{
    echo_server server;
    server.signal(SIGHUP);
    EXPECT_EQ(server.line("nothing"), "nothing to reload: there is no --config");
    EXPECT_TRUE(echoes(server.port()));
}

TEST(DrainTimeout, BoundsTheEnd)
{
    echo_server server({"--drain-timeout", "300ms"});
    client_socket client(server.port());
    ASSERT_TRUE(client.send(std::string("\0\0\0\5x", 5)));  // a frame under way holds it up
    ASSERT_THAT(server.line("opened"), StartsWith("opened"));
    const auto start = std::chrono::steady_clock::now();
    const auto ended = server.stop(SIGTERM);
    EXPECT_EQ(ended.code, 0);
    EXPECT_LT(std::chrono::steady_clock::now() - start, about(300ms + 1s));
    EXPECT_THAT(ended.output, HasSubstr("did not end while draining"));
}

/// Where systemd would listen: a path, or a name without a file.
class manager_socket {
public:
    explicit manager_socket(std::string name) : name_(std::move(name))
    {
        socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        name_.copy(address.sun_path, sizeof address.sun_path - 1);
        if (name_[0] == '@') {
            address.sun_path[0] = '\0';
        }
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
        EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size), 0);
        const timeval limit{.tv_sec = 5, .tv_usec = 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    manager_socket(const manager_socket&) = delete;
    manager_socket& operator=(const manager_socket&) = delete;
    ~manager_socket()
    {
        ::close(socket_);
        std::remove(name_.c_str());
    }

    /// The next message that is no sign of life.
    std::string hear()
    {
        for (;;) {
            char room[4096];
            const auto count = ::recv(socket_, room, sizeof room, 0);
            const std::string message(room, count > 0 ? static_cast<std::size_t>(count) : 0);
            if (message != "WATCHDOG=1") {
                return message;
            }
            ++signs_of_life;
        }
    }

    int signs_of_life = 0;

private:
    std::string name_;
    int socket_ = -1;
};

TEST(ServiceManager, HearsHowTheServerIsDoing)
{
    for (const std::string& name : {temporary("notify"), "@" + temporary("notify")}) {
        SCOPED_TRACE(name);
        manager_socket manager(name);
        const config_file file("");
        echo_server server({"--config", file.path}, {},
                           {"env", "NOTIFY_SOCKET=" + name, "WATCHDOG_USEC=100000"});
        EXPECT_EQ(manager.hear(), "READY=1\nSTATUS=listening on " + server.where());
        server.signal(SIGHUP);
        EXPECT_THAT(manager.hear(), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
        EXPECT_EQ(manager.hear(), "READY=1\nSTATUS=listening on " + server.where());
        file.write("idle-timeout = soon\n");
        server.signal(SIGHUP);
        EXPECT_THAT(manager.hear(), StartsWith("RELOADING=1"));
        EXPECT_THAT(manager.hear(), StartsWith("READY=1\nSTATUS=listening on " + server.where() +
                                               "; cannot reload, the old settings stay"));
        client_socket client(server.port());
        ASSERT_TRUE(client.send(std::string("\0\0\0\5x", 5)));  // while it drains it is alive, too
        ASSERT_THAT(server.line("opened"), StartsWith("opened"));
        server.signal(SIGTERM);
        EXPECT_EQ(manager.hear(), "STOPPING=1\nSTATUS=draining");
        std::this_thread::sleep_for(300ms);
        ASSERT_TRUE(client.send("1234"));
        EXPECT_EQ(client.read_to_end(), std::string("\0\0\0\5x1234", 9));
        client.close();
        EXPECT_EQ(server.process().finish().code, 0);
        EXPECT_EQ(manager.hear(), "");
        EXPECT_GE(manager.signs_of_life, 3);
    }
}

TEST(Takeover, NonsenseDoesNotDisturbTheServer)
{
    const std::string path = temporary("takeover");
    echo_server server({"--takeover", path});
    for (const std::string words : {"", "give me\\n", "take 1\\nnever mind\\n", "take 1\\n"}) {
        SCOPED_TRACE(words);
        shell("printf '" + words + "' | timeout 2 socat -t 0.2 - UNIX-CONNECT:" + path);
        EXPECT_TRUE(echoes(server.port()));
    }
    EXPECT_EQ(server.stop(SIGTERM).code, 0);
    std::ifstream left(path);
    EXPECT_FALSE(left.good());
}

TEST(Takeover, AFileThatIsNoSocketIsAnError)
{
    const config_file file("this is a text");
    child_process server({TCP_ECHO_SERVER, "--listen", "127.0.0.1:0", "--takeover", file.path});
    const auto ended = server.finish();
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, HasSubstr(file.path));
}

}  // namespace
