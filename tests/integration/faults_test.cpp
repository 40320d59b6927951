#include "support/client_socket.hpp"
#include "support/echo_server.hpp"
#include "support/fault_injection.hpp"
#include "support/process_figures.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

/// System calls of the server that fail, one after another: it costs the connection that is concerned.
namespace {

using namespace integration;
using namespace std::chrono_literals;
using testing::HasSubstr;
using steady = std::chrono::steady_clock;

struct kernel_error {
    const char* name;
    int number;
    bool lasting = true;  // else the call is made again, and nobody notices
};

/// Three clients talk in turn, each with as many small messages as large ones. Answers how many did
/// not get all of their replies.
int broken_of_three(std::uint16_t port)
{
    const std::array<std::string, 4> messages{"a", std::string(20'000, 'b'), std::string(300, 'c'),
                                              std::string(30'000, 'd')};
    std::vector<client_socket> clients;
    for (int i = 0; i < 3; ++i) {
        clients.emplace_back(port);
    }
    int broken = 0;
    for (const std::string& message : messages) {
        for (client_socket& client : clients) {
            if (client.descriptor() >= 0 && !echoes(client, message)) {
                ++broken;
                client.close();
            }
        }
    }
    return broken;
}

void expect_no_busy_loop(const echo_server& server)
{
    const auto worked = processor_time(server.id());
    std::this_thread::sleep_for(100ms);
    EXPECT_LT(processor_time(server.id()) - worked, 50ms);
}

class AFailingCall : public testing::TestWithParam<std::tuple<const char*, kernel_error>> {};

TEST_P(AFailingCall, EndsItsSessionAndNoOther)
{
    if (!may_inject_faults()) {
        GTEST_SKIP() << "strace is not installed, or may not trace here";
    }
    const auto& [call, error] = GetParam();
    for (int n = 1; n <= (instrumented ? 2 : 4); ++n) {
        SCOPED_TRACE(n);
        echo_server server(
            {}, {},
            with_faults(call, std::string("error=") + error.name + ":when=" + std::to_string(n)));
        ASSERT_FALSE(server.where().empty()) << server.process().finish().errors;
        EXPECT_EQ(broken_of_three(server.port()), error.lasting ? 1 : 0);
        EXPECT_TRUE(echoes(server.port()));
        expect_no_busy_loop(server);
        const auto ended = server.stop(SIGTERM);
        EXPECT_EQ(ended.code, 0);
        EXPECT_THAT(ended.output, HasSubstr("stopped after 4 connections"));
        if (error.lasting) {
            EXPECT_THAT(ended.output, HasSubstr(std::strerror(error.number)));
        }
    }
}

const auto name = [](const auto& i) {
    return std::string(std::get<0>(i.param)) + '_' + std::get<1>(i.param).name;
};

constexpr kernel_error reset{"ECONNRESET", ECONNRESET};
constexpr kernel_error timed_out{"ETIMEDOUT", ETIMEDOUT};
constexpr kernel_error broken_pipe{"EPIPE", EPIPE};
constexpr kernel_error no_memory{"ENOMEM", ENOMEM};
constexpr kernel_error no_buffers{"ENOBUFS", ENOBUFS};
constexpr kernel_error in_out{"EIO", EIO};
constexpr kernel_error interrupted{"EINTR", EINTR, false};
constexpr kernel_error again{"EAGAIN", EAGAIN, false};

INSTANTIATE_TEST_SUITE_P(Reading, AFailingCall,
                         testing::Combine(testing::Values("recvfrom"),
                                          testing::Values(reset, timed_out, no_memory, no_buffers,
                                                          in_out, interrupted)),
                         name);

// Small messages leave by the one, large ones by the other.
INSTANTIATE_TEST_SUITE_P(Writing, AFailingCall,
                         testing::Combine(testing::Values("sendto", "sendmsg"),
                                          testing::Values(reset, timed_out, broken_pipe, no_memory,
                                                          no_buffers, in_out, interrupted, again)),
                         name);

class AFailingRegistration : public testing::TestWithParam<const char*> {};

// Of the calls at its start the last is that for the listening socket: there it says why it cannot.
// Those before are Asio's own, which does not look at what they answer.
TEST_P(AFailingRegistration, CostsOneConnectionAtMost)
{
    if (!may_inject_faults()) {
        GTEST_SKIP() << "strace is not installed, or may not trace here";
    }
    const auto failing_at = [](int n) {
        return with_faults("epoll_ctl",
                           std::string("error=") + GetParam() + ":when=" + std::to_string(n));
    };
    int last_of_the_start = 0;
    for (int n = 1; last_of_the_start == 0 && n < 10; ++n) {
        echo_server server({}, {}, failing_at(n));
        if (server.where().empty()) {
            const auto ended = server.process().finish();
            EXPECT_EQ(ended.code, 1);
            EXPECT_THAT(ended.errors, HasSubstr("cannot listen on 127.0.0.1:0"));
            last_of_the_start = n;
        }
    }
    ASSERT_NE(last_of_the_start, 0);
    int all_broken = 0;
    for (int n = last_of_the_start + 1; n < last_of_the_start + 10; ++n) {
        SCOPED_TRACE(n);
        echo_server server({}, {}, failing_at(n));
        const int broken = broken_of_three(server.port());
        all_broken += broken;
        EXPECT_LE(broken + (echoes(server.port()) ? 0 : 1), 1);
        EXPECT_TRUE(echoes(server.port()));
        expect_no_busy_loop(server);
        EXPECT_EQ(server.stop(SIGTERM).code, 0);
    }
    EXPECT_GT(all_broken, 0) << "none of them failed";
}

INSTANTIATE_TEST_SUITE_P(With, AFailingRegistration, testing::Values("ENOMEM", "ENOSPC"),
                         [](const auto& i) { return std::string(i.param); });

}  // namespace
