#include "crowd.hpp"

#include "integration/support/process_figures.hpp"
#include "integration/support/tls_programs.hpp"
#include "integration/support/tls_rude_clients.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <deque>
#include <optional>

/// A server of TLS among a thousand of each kind that misuses it.
namespace {

using namespace soak;
using integration::descriptors_of;
using integration::resident_memory;
using integration::soon;
using integration::tls_client_socket;
using integration::tls_echo_server;

constexpr std::size_t many = 1000;

TEST(Tls, AThousandOfEachAbuseLeaveNothingBehind)
{
    for (const auto& abuse : integration::all_tls_abuses()) {
        SCOPED_TRACE(abuse.name);
        tls_echo_server server({"--quiet"});
        for (std::size_t i = 0; i < many / 5; ++i) {  // what it needs is there
            ASSERT_TRUE(abuse.once(server.port()));
        }
        ASSERT_TRUE(tls_client_socket(server.port()).echoes());
        const std::size_t descriptors = descriptors_of(server.id());
        const std::size_t memory = resident_memory(server.id());
        steady::duration slowest{};
        std::size_t honest = 0;
        for (std::size_t i = 0; i < many; ++i) {
            const auto start = steady::now();
            ASSERT_TRUE(abuse.once(server.port())) << i;
            slowest = std::max(slowest, steady::now() - start);
            if (i % 20 == 0) {
                honest += tls_client_socket(server.port()).echoes() ? 1 : 0;
            }
        }
        EXPECT_TRUE(soon([&] { return descriptors_of(server.id()) <= descriptors; }));
        const std::size_t left = descriptors_of(server.id());
        const std::size_t after = resident_memory(server.id());
        print("%-32s %zu times: slowest %.0f ms, honest %zu of 50; %zu descriptors before and %zu "
              "after, %.1f MiB and %.1f MiB",
              abuse.name, many, seconds(slowest) * 1000, honest, descriptors, left,
              mebibytes(memory), mebibytes(after));
        EXPECT_LT(slowest, 2s);
        EXPECT_EQ(honest, 50U);
        EXPECT_LT(after, memory + 1024 * 1024);
        EXPECT_EQ(server.stop(SIGTERM).code, 0);
    }
}

/// Half of them stop inside the handshake, each at another byte, half inside a frame; with the
/// timeouts that a server has unless it is told otherwise.
TEST(Tls, SlowClientsAreCutInTimeAndHonestOnesAnswered)
{
    const std::size_t count = at_most(2 * many);
    tls_echo_server server({"--quiet"});
    const std::size_t descriptors = descriptors_of(server.id());
    std::size_t memory = 0;
    struct slow_client {
        std::optional<client_socket> in_handshake;
        std::optional<tls_client_socket> halfway;
        steady::time_point deadline;
    };
    std::deque<slow_client> crowd;
    watcher watch;
    const std::string hello = tls_client_socket::hello();
    const std::string begun = framed("never whole").substr(0, 6);
    tls_client_socket known(server.port());
    std::size_t requests = 0;
    steady::duration slowest{};
    const auto ask = [&] {
        const auto start = steady::now();
        EXPECT_TRUE(++requests % 2 != 0 ? known.echoes()
                                        : tls_client_socket(server.port()).echoes());
        slowest = std::max(slowest, steady::now() - start);
    };
    for (std::size_t i = 0; i < count; ++i) {
        slow_client& client = crowd.emplace_back();
        if (i % 2 == 0) {
            client.in_handshake.emplace(server.port());
            client.deadline = steady::now() + 10s;
            ASSERT_TRUE(client.in_handshake->send(hello.substr(0, hello.size() * i / count)));
            watch.add(*client.in_handshake, i);
        } else {
            client.halfway.emplace(server.port());
            ASSERT_TRUE(client.halfway->shaken());
            (void)client.halfway->below();
            ASSERT_TRUE(client.halfway->send(begun));
            client.deadline = steady::now() + 30s;
        }
    }
    memory = resident_memory(server.id());
    std::size_t cut = 0;
    std::optional<steady::duration> earliest;
    std::optional<steady::duration> latest;
    const auto note = [&](const slow_client& client) {
        const auto late = steady::now() - client.deadline;
        earliest = std::min(earliest.value_or(late), late);
        latest = std::max(latest.value_or(late), late);
        ++cut;
    };
    const auto end = steady::now() + 15s;
    while (cut < (count + 1) / 2 && steady::now() < end) {
        watch.wait(50ms, [&](std::size_t number) {
            (void)crowd[number].in_handshake->read_to_end(0ms);
            crowd[number].in_handshake->close();
            note(crowd[number]);
        });
        ask();
    }
    EXPECT_EQ(cut, (count + 1) / 2) << "inside the handshake";
    for (slow_client& client : crowd) {  // in the order of their deadlines
        if (!client.halfway) {
            continue;
        }
        while (steady::now() < client.deadline - 500ms) {
            std::this_thread::sleep_for(10ms);
            ask();
        }
        ASSERT_EQ(client.halfway->read(1), "");
        EXPECT_TRUE(client.halfway->has_goodbye());
        note(client);
        client.halfway.reset();
    }
    ASSERT_EQ(cut, count);
    EXPECT_TRUE(soon([&] { return descriptors_of(server.id()) <= descriptors + 1; }));
    print("%zu slow clients over TLS, half of them inside the handshake: cut between %+.2f s and "
          "%+.2f s of the deadline; %zu honest requests, slowest %.1f ms; server at %.1f MiB, "
          "%zu descriptors before and %zu after",
          count, seconds(*earliest), seconds(*latest), requests, seconds(slowest) * 1000,
          mebibytes(memory), descriptors, descriptors_of(server.id()));
    EXPECT_GE(*earliest, -100ms);
    EXPECT_LE(*latest, 1s);
}

TEST(Tls, AThousandReloadsUnderLoadLoseNoHandshake)
{
    const auto start = steady::now();
    const auto outcome = integration::reload_under_load(1000);
    print("1,000 reloads in %.1f s: %zu handshakes, %zu failed, %zu certificates seen",
          seconds(steady::now() - start), outcome.handshakes, outcome.failed,
          outcome.certificates_seen);
    EXPECT_EQ(outcome.failed, 0U);
    EXPECT_EQ(outcome.certificates_seen, 2U);
    EXPECT_GE(outcome.handshakes, 1000U);
}

}  // namespace
