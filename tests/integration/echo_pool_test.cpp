#include "support/tls_programs.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

/// tcp_echo_client and tls_echo_client with --pool: many messages at a time over a few connections.
namespace {

using namespace integration;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

/// A number for each line, from 1 on.
std::string numbers(int count)
{
    std::string text;
    for (int i = 1; i <= count; ++i) {
        text += std::to_string(i) + '\n';
    }
    return text;
}

std::multiset<std::string> lines_of(const std::string& text)
{
    std::istringstream all(text);
    std::multiset<std::string> lines;
    for (std::string line; std::getline(all, line);) {
        lines.insert(line);
    }
    return lines;
}

/// What comes back of numbers(count): each of them once.
std::multiset<std::string> echoes(int count)
{
    std::multiset<std::string> lines;
    for (int i = 1; i <= count; ++i) {
        lines.insert("echo: " + std::to_string(i));
    }
    return lines;
}

/// The last line that it wrote to the standard error.
std::string statistics_in(const std::string& errors)
{
    const std::size_t begin = errors.rfind("pool: ");
    return begin != std::string::npos ? errors.substr(begin, errors.find('\n', begin) - begin) : "";
}

/// The echo pair with TLS and without.
struct pair {
    std::string name;
    std::string server;
    std::string client;
};

void PrintTo(const pair& p, std::ostream* out)
{
    *out << p.name;
}

class EchoPool : public testing::TestWithParam<pair> {
protected:
    void SetUp() override
    {
        if (with_tls()) {
            REQUIRE_PROGRAM("openssl")
            ASSERT_EQ(certificates::made().problem(), "");
        }
    }

    static bool with_tls() { return GetParam().name == "Tls"; }

    static std::unique_ptr<echo_server> serve(const std::string& where = "127.0.0.1:0")
    {
        const std::vector<std::string> flags{"--listen", where};
        return std::make_unique<echo_server>(with_tls() ? joined(showing("server"), flags) : flags,
                                             child_process::setup{}, std::vector<std::string>{},
                                             GetParam().server);
    }

    static std::vector<std::string> client(const std::string& where,
                                           const std::vector<std::string>& arguments)
    {
        std::vector<std::string> words{GetParam().client, "--connect", where};
        if (with_tls()) {
            words = joined(words, trusting_the_authority());
        }
        return joined(words, arguments);
    }
};

INSTANTIATE_TEST_SUITE_P(Over, EchoPool,
                         testing::Values(pair{"Tcp", TCP_ECHO_SERVER, TCP_ECHO_CLIENT},
                                         pair{"Tls", TLS_ECHO_SERVER, TLS_ECHO_CLIENT}),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(EchoPool, SendsAllOverAFewConnections)
{
    const auto server = serve();
    child_process sending(client(server->where(), {"--pool", "4"}));
    sending.write(numbers(500));
    const auto ended = sending.finish();
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(lines_of(ended.output), echoes(500));
    EXPECT_THAT(statistics_in(ended.errors),
                AllOf(StartsWith("pool: 500 messages, 0 sent again; 4 connections of 4 at most, 0 "
                                 "could not be made, 0 broken, 0 lost while idle; "),
                      HasSubstr("ms at most")));
    EXPECT_THAT(server->stop(SIGTERM).output, HasSubstr("4 connections"));
}

// A terminal: what was answered shows before the next line is typed.
TEST_P(EchoPool, DoesNotWaitForInputWithReplies)
{
    const auto server = serve();
    child_process sending(client(server->where(), {"--pool", "4"}));
    for (const char* const word : {"one", "two"}) {
        sending.write(std::string(word) + '\n');
        EXPECT_EQ(sending.line("echo: "), std::string("echo: ") + word);
    }
    EXPECT_EQ(sending.finish().code, 0);
}

TEST_P(EchoPool, WithRetryEveryMessageIsAnsweredOnceThoughTheServerIsKilled)
{
    auto server = serve();
    const std::string where = server->where();
    child_process sending(client(where, {"--pool", "4", "--retry", "--timeout", "30s"}));
    sending.write(numbers(100));
    EXPECT_EQ(sending.line("echo: 100"), "echo: 100");
    server->stop(SIGKILL);
    server.reset();
    sending.write("101\n102\n103\n104\n105\n");
    server = serve(where);
    const auto ended = sending.finish();
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(lines_of(ended.output), echoes(105));
    EXPECT_THAT(statistics_in(ended.errors), StartsWith("pool: 105 messages, "));
}

TEST_P(EchoPool, WithRetryWhatWasInFlightIsSentAgain)
{
    auto mute = std::make_unique<echo_server>(
        joined(with_tls() ? showing("server") : std::vector<std::string>{}, {"--read-delay", "1h"}),
        child_process::setup{}, std::vector<std::string>{}, GetParam().server);
    const std::string where = mute->where();
    child_process sending(client(where, {"--pool", "3", "--retry", "--timeout", "30s"}));
    sending.write(numbers(6));
    for (int i = 0; i < 3; ++i) {
        EXPECT_NE(mute->line("opened"), "");
    }
    std::this_thread::sleep_for(200ms);  // the server knows of a connection before its client does
    mute->stop(SIGKILL);
    mute.reset();
    const auto server = serve(where);
    const auto ended = sending.finish();
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(lines_of(ended.output), echoes(6));
    EXPECT_THAT(statistics_in(ended.errors), Not(HasSubstr(" 0 sent again")));
}

TEST_P(EchoPool, WithoutRetryAServerThatDiesIsTheEnd)
{
    auto server = serve();
    child_process sending(client(server->where(), {"--pool", "4"}));
    sending.write("one\n");
    EXPECT_EQ(sending.line("echo: "), "echo: one");
    server->stop(SIGKILL);
    sending.write("two\n");
    const auto ended = sending.finish();
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, AllOf(HasSubstr(server->where()), HasSubstr("pool: 2 messages")));
}

TEST_P(EchoPool, SaysAtOnceThatNobodyListensThere)
{
    auto gone = serve();
    const std::string where = gone->where();
    gone->stop(SIGKILL);
    child_process sending(client(where, {"--pool", "2", "--timeout", "1min", "hello"}));
    const auto ended = sending.finish();
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.output, IsEmpty());
    EXPECT_THAT(ended.errors,
                AllOf(HasSubstr("cannot connect to " + where), HasSubstr("nobody listens there"),
                      HasSubstr("could not be made")));
}

TEST_P(EchoPool, WithRetryGivesUpWhenTheTimeOfAMessageIsUp)
{
    auto gone = serve();
    const std::string where = gone->where();
    gone->stop(SIGKILL);
    child_process sending(client(where, {"--pool", "2", "--retry", "--timeout", "500ms", "hello"}));
    const auto ended = sending.finish();
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors,
                AllOf(HasSubstr("cannot connect to " + where), HasSubstr("tried for 500ms")));
}

TEST_P(EchoPool, AServerThatDoesNotAnswerIsLeftInTime)
{
    echo_server mute(
        joined(with_tls() ? showing("server") : std::vector<std::string>{}, {"--read-delay", "1h"}),
        {}, {}, GetParam().server);
    child_process sending(client(mute.where(), {"--pool", "2", "--timeout", "500ms", "hello"}));
    const auto ended = sending.finish();
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, AllOf(HasSubstr("waiting for the reply to message 1"),
                                    HasSubstr("no answer within 500ms")));
}

TEST_P(EchoPool, BytesWithoutMessagesAreShared)
{
    echo_server raw(
        joined(with_tls() ? showing("server") : std::vector<std::string>{}, {"--framing", "raw"}),
        {}, {}, GetParam().server);
    child_process sending(
        client(raw.where(), {"--pool", "2", "--framing", "raw", "--count", "50", "some bytes"}));
    const auto ended = sending.finish();
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(statistics_in(ended.errors), HasSubstr("2 connections of 2"));
}

TEST_P(EchoPool, WrongUsageIsExplained)
{
    for (const std::vector<std::string>& flags : {std::vector<std::string>{"--pool", "0"},
                                                  {"--pool", "many"},
                                                  {"--pool", "2", "--never-read"}}) {
        child_process sending(client("127.0.0.1:1", joined(flags, {"hello"})));
        const auto ended = sending.finish();
        EXPECT_EQ(ended.code, 2);
        EXPECT_THAT(ended.errors, AllOf(HasSubstr("--pool"), HasSubstr("--help")));
    }
}

}  // namespace
