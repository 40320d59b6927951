#include "support/process_figures.hpp"
#include "support/rude_clients.hpp"
#include "support/tls_client_socket.hpp"
#include "support/tls_programs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
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

/// One kind of abuse, many times; honest clients are answered in between, and nothing stays behind.
class TlsAbuse : public testing::Test {
protected:
    static constexpr int times = instrumented ? 50 : 300;

    void repeat(const std::function<void(std::uint16_t port)>& once)
    {
        tls_echo_server server({"--quiet", "--handshake-timeout", "1s"});
        ASSERT_TRUE(tls_client_socket(server.port()).echoes());
        const std::size_t before = descriptors_of(server.id());
        for (int i = 0; i < times; ++i) {
            once(server.port());
            if (i % 50 == 0) {
                EXPECT_TRUE(tls_client_socket(server.port()).echoes());
            }
        }
        EXPECT_TRUE(tls_client_socket(server.port()).echoes());
        EXPECT_TRUE(soon([&] { return descriptors_of(server.id()) <= before + 1; }));
        EXPECT_EQ(server.stop(SIGTERM).code, 0);
    }
};

TEST_F(TlsAbuse, GarbageInsteadOfAHandshake)
{
    repeat([](std::uint16_t port) {
        client_socket client(port);
        (void)client.send("\x16\x03\x01\x02\x00garbage garbage garbage");
    });
}

TEST_F(TlsAbuse, GarbageAfterTheHandshake)
{
    repeat([](std::uint16_t port) {
        tls_client_socket client(port);
        (void)client.below().send("garbage garbage garbage");
        EXPECT_EQ(client.read(1), "");
    });
}

TEST_F(TlsAbuse, OversizedRecords)
{
    repeat([](std::uint16_t port) {
        tls_client_socket client(port);
        (void)client.below().send(std::string("\x17\x03\x03\xff\xff", 5) + std::string(1000, 'x'));
        EXPECT_EQ(client.read(1), "");
    });
}

TEST_F(TlsAbuse, CutsWithoutAGoodbye)
{
    repeat([](std::uint16_t port) {
        tls_client_socket client(port);
        EXPECT_TRUE(client.send(framed("half of it").substr(0, 7)));
    });
}

TEST_F(TlsAbuse, FloodsOfKeyUpdates)
{
    repeat([](std::uint16_t port) {
        tls_client_socket client(port);
        for (int i = 0; i < 40; ++i) {
            SSL_key_update(client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
            if (SSL_do_handshake(client.ssl()) != 1) {
                break;
            }
        }
        EXPECT_EQ(client.read(1), "");
    });
}

TEST_F(TlsAbuse, RecordsOfOneByte)
{
    repeat([](std::uint16_t port) {
        tls_client_socket client(port);
        const std::string frame = framed("hello");
        for (const char c : frame) {
            ASSERT_TRUE(client.send({&c, 1}));
        }
        EXPECT_EQ(client.read(frame.size()), frame);
    });
}

TEST(TlsSurvival, StalledReadersHoldTheirMarkAndTheRecords)
{
    if (instrumented) {
        GTEST_SKIP() << "memory under sanitizers says nothing";
    }
    constexpr std::size_t count = 20;
    constexpr std::size_t frame = 8 * 1024;
    constexpr std::size_t mark = 256 * 1024;
    // Plain text up to the mark; records in two buffers, one of which is under way; what one read has
    // brought, in a buffer twice that size; and OpenSSL's own two.
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
