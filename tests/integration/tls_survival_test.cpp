#include "support/process_figures.hpp"
#include "support/rude_clients.hpp"
#include "support/tls_client_socket.hpp"
#include "support/tls_programs.hpp"
#include "support/tls_rude_clients.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

/// What clients of the open internet do to a server of TLS, on purpose or not; in small numbers. How
/// it ends for each, and that everybody else is served meanwhile.
namespace {

using namespace integration;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

TEST(TlsSurvival, SlowClientsAreCutInTimeAndHonestOnesAnswered)
{
    tls_echo_server server({"--quiet", "--handshake-timeout", "1s", "--first-frame-timeout", "1s",
                            "--frame-timeout", "2s"});
    const std::string hello = tls_client_socket::hello();
    std::vector<client_socket> in_handshake;
    std::vector<tls_client_socket> halfway;
    tls_client_socket honest(server.port());
    ASSERT_TRUE(honest.echoes());
    const auto start = steady::now();
    for (std::size_t i = 0; i < 50; ++i) {
        in_handshake.emplace_back(server.port());
        ASSERT_TRUE(in_handshake.back().send(hello.substr(0, hello.size() * i / 50)));
        halfway.emplace_back(server.port());
        ASSERT_TRUE(halfway.back().shaken());
        ASSERT_TRUE(halfway.back().send(framed("never whole").substr(0, 6)));
    }
    const auto came = steady::now() - start;
    while (steady::now() - start < came + 3500ms) {
        EXPECT_TRUE(honest.echoes());
        std::this_thread::sleep_for(10ms);
    }
    for (client_socket& client : in_handshake) {
        (void)client.read_to_end();  // perhaps an alert
        EXPECT_TRUE(client.ended() || client.error() == ECONNRESET);
    }
    for (tls_client_socket& client : halfway) {
        EXPECT_EQ(client.read(1), "");
        EXPECT_TRUE(client.has_goodbye());
    }
    EXPECT_TRUE(tls_client_socket(server.port()).echoes());
}

/// Each kind of abuse, many times; honest clients are answered in between, and nothing stays behind.
class EveryTlsAbuse : public testing::TestWithParam<tls_abuse> {};

INSTANTIATE_TEST_SUITE_P(Of, EveryTlsAbuse, testing::ValuesIn(all_tls_abuses()),
                         [](const auto& i) {
                             std::string name = i.param.name;
                             for (char& c : name) {
                                 c = c == ' ' || c == '.' ? '_' : c;
                             }
                             return name;
                         });

TEST_P(EveryTlsAbuse, LeavesNothingBehind)
{
    constexpr int times = instrumented ? 50 : 200;
    tls_echo_server server({"--quiet", "--handshake-timeout", "1s"});
    ASSERT_TRUE(tls_client_socket(server.port()).echoes());
    const std::size_t before = descriptors_of(server.id());
    for (int i = 0; i < times; ++i) {
        ASSERT_TRUE(GetParam().once(server.port())) << i;
        if (i % 50 == 0) {
            EXPECT_TRUE(tls_client_socket(server.port()).echoes());
        }
    }
    EXPECT_TRUE(tls_client_socket(server.port()).echoes());
    EXPECT_TRUE(soon([&] { return descriptors_of(server.id()) <= before + 1; }));
    EXPECT_EQ(server.stop(SIGTERM).code, 0);
}

TEST(TlsSurvival, ReloadsUnderLoadLoseNoHandshake)
{
    const auto outcome = reload_under_load(instrumented ? 30 : 100);
    EXPECT_EQ(outcome.failed, 0U);
    EXPECT_EQ(outcome.certificates_seen, 2U);
}

TEST(TlsSurvival, StalledReadersHoldTheirMarkAndTheRecords)
{
    if (instrumented) {
        GTEST_SKIP() << "memory under sanitizers says nothing";
    }
    constexpr std::size_t count = 20;
    constexpr std::size_t frame = 8 * 1024;
    constexpr std::size_t mark = 256 * 1024;
    // Plain text up to the mark; records in two buffers, one of which is under way; the connection's
    // own input, one read in a buffer twice that size; and OpenSSL's own two, if half a record has come.
    // What TLS reads into has been given back.
    constexpr std::size_t records = 2 * 64 * 1024;
    constexpr std::size_t input = 2 * 64 * 1024;
    constexpr std::size_t of_openssl = 34 * 1024;
    constexpr std::size_t most = mark + frame + records + input + of_openssl;
    tls_echo_server server({"--quiet", "--send-timeout", "never"});
    ASSERT_TRUE(tls_client_socket(server.port()).echoes());
    const std::size_t before = resident_memory(server.id());
    std::vector<tls_client_socket> stalled;
    const std::string message = framed(std::string(frame, 'x'));
    for (std::size_t i = 0; i < count; ++i) {
        stalled.emplace_back(server.port());
        timeval little{.tv_sec = 0, .tv_usec = 50'000};
        ::setsockopt(stalled.back().below().descriptor(), SOL_SOCKET, SO_SNDTIMEO, &little,
                     sizeof little);
        for (int k = 0; k < 4096 && stalled.back().send(message); ++k) {}
    }
    const std::size_t grown = resident_memory(server.id()) - before;
    EXPECT_GT(grown, count * mark / 2) << "nobody was stalled";
    EXPECT_LT(grown, count * most * 11 / 10);
    EXPECT_TRUE(tls_client_socket(server.port()).echoes());
}

}  // namespace
