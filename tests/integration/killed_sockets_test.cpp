#include "support/client_socket.hpp"
#include "support/echo_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

/// The operator takes sockets away from the server, as `ss -K` does.
namespace {

using namespace integration;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

/// The server's end of this client's connection.
std::string servers_end_of(const client_socket& client, const echo_server& server)
{
    return " -Hnt 'sport = :" + std::to_string(server.port()) +
           "' and 'dport = :" + std::to_string(client.own_port()) + "'";
}

/// False where that is not allowed, or where the kernel does not know how.
bool kill_socket(const client_socket& client, const echo_server& server)
{
    shell("ss -K" + servers_end_of(client, server));
    const auto left = shell("ss" + servers_end_of(client, server));
    return left.code == 0 && left.output.find("ESTAB") == std::string::npos;
}

TEST(KilledSockets, EndTheirSessionAndNoOther)
{
    echo_server server;
    client_socket silent(server.port());
    client_socket idle(server.port());
    client_socket halfway(server.port());
    client_socket stalled(server.port(), 4096);
    client_socket honest(server.port());
    ASSERT_TRUE(echoes(idle));
    ASSERT_TRUE(echoes(honest));
    ASSERT_TRUE(halfway.send(framed("never whole").substr(0, 6)));
    const std::string message = framed(std::string(8 * 1024, 'x'));
    while (stalled.send(message, std::chrono::milliseconds(100))) {}

    if (!kill_socket(silent, server)) {
        GTEST_SKIP() << "sockets may not be killed here";
    }
    const auto expect_end = [&](const char* code) {
        const std::string line = server.line("closed");
        EXPECT_THAT(line, HasSubstr("Software caused connection abort"));
        EXPECT_THAT(line, EndsWith(code));
        EXPECT_TRUE(echoes(honest));
    };
    expect_end(" No");
    ASSERT_TRUE(kill_socket(idle, server));
    expect_end(" Ni");
    ASSERT_TRUE(kill_socket(halfway, server));
    expect_end(" Nr");
    ASSERT_TRUE(kill_socket(stalled, server));
    expect_end(" Ns");
    EXPECT_TRUE(echoes(server.port()));
    honest.close();
    const auto ended = server.stop(SIGTERM);
    EXPECT_EQ(ended.code, 0);
    EXPECT_THAT(ended.output, HasSubstr("stopped after 6 connections"));
}

/// A server without its socket would be deaf for ever: it says so and ends.
TEST(KilledSockets, AServerThatNoLongerListensEnds)
{
    echo_server server;
    client_socket client(server.port());
    ASSERT_TRUE(echoes(client));
    const std::string listening = " -Hntl 'sport = :" + std::to_string(server.port()) + "'";
    shell("ss -K" + listening);
    const auto left = shell("ss" + listening);
    if (left.code != 0 || !left.output.empty()) {
        GTEST_SKIP() << "sockets may not be killed here";
    }
    EXPECT_THAT(client.read_to_end(), IsEmpty());
    EXPECT_TRUE(client.ended());  // drained, as at every end
    client.close();
    const auto ended = server.process().finish();
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, HasSubstr("no longer listening on 127.0.0.1:"));
}

}  // namespace
