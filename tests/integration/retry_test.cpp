#include "support/child_process.hpp"
#include "support/echo_server.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <memory>
#include <string>

/// tcp_echo_client --retry, against servers that are not there, or no longer.
namespace {

using integration::child_process;
using integration::echo_server;
using testing::AllOf;
using testing::HasSubstr;

/// A port on which somebody listened a moment ago.
std::string free_place()
{
    echo_server gone;
    return gone.where();
}

TEST(Retry, ConnectsWhenTheServerComes)
{
    const std::string where = free_place();
    child_process client({TCP_ECHO_CLIENT, "--connect", where, "--retry", "--timeout", "30s",
                          "hello"});
    EXPECT_THAT(client.error_line("cannot connect"),
                AllOf(HasSubstr(where), HasSubstr("Connection refused"), HasSubstr("again in")));
    echo_server server({"--listen", where});
    const auto ended = client.finish();
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "echo: hello\n");
}

TEST(Retry, SendsAgainWhatWasNotAnswered)
{
    echo_server mute({"--read-delay", "1h"});
    child_process client({TCP_ECHO_CLIENT, "--connect", mute.where(), "--retry", "--timeout", "30s",
                          "one", "two"});
    EXPECT_NE(mute.line("opened"), "");
    mute.stop(SIGKILL);
    EXPECT_NE(client.error_line("the session with " + mute.where() + " has ended"), "");
    echo_server server({"--listen", mute.where()});
    const auto ended = client.finish();
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "echo: one\necho: two\n");
}

TEST(Retry, SendsNothingTwiceThatWasAnswered)
{
    auto first = std::make_unique<echo_server>();
    const std::string where = first->where();
    child_process client({TCP_ECHO_CLIENT, "--connect", where, "--retry", "--timeout", "30s"});
    client.write("one\n");
    EXPECT_EQ(client.line("echo"), "echo: one");
    first->stop(SIGKILL);
    first.reset();
    echo_server server({"--listen", where});
    client.write("two\n");
    const auto ended = client.finish();
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "echo: one\necho: two\n");
    EXPECT_THAT(server.line("closed"), HasSubstr("(1 message"));
}

TEST(Retry, GivesUpWhenItsTimeIsUp)
{
    const std::string where = free_place();
    child_process client({TCP_ECHO_CLIENT, "--connect", where, "--retry", "--timeout", "500ms",
                          "hello"});
    const auto ended = client.finish();
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, AllOf(HasSubstr("tcp_echo_client: cannot connect to " + where),
                                    HasSubstr("nobody listens there"), HasSubstr("tried for 500ms")));
}

TEST(Retry, AConnectTimeoutThatIsNoTimeIsWrongUsage)
{
    child_process client({TCP_ECHO_CLIENT, "--connect", "127.0.0.1:1", "--connect-timeout", "soon",
                          "hello"});
    const auto ended = client.finish();
    EXPECT_EQ(ended.code, 2);
    EXPECT_THAT(ended.errors, HasSubstr("--connect-timeout"));
}

}  // namespace
