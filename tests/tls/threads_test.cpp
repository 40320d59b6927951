#include "support/sessions.hpp"
#include "support/tls_pair.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

/// A context belongs to everybody: loops in several threads, and one who reloads.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

TEST(TlsThreads, ShareContextsWhileTheyAreReloaded)
{
    const tls_certificate certificates[] = {localhost(), root().issue()};
    auto server = tls_context::server(server_options_for());
    auto client = tls_context::client(trusting_client());
    std::atomic<int> good = 0;
    std::atomic<int> resumed = 0;
    std::atomic<bool> done = false;
    constexpr int each = 40;
    const auto work = [&] {
        for (int i = 0; i < each; ++i) {
            simulation sim;
            shaken both = shake_hands(sim, client, server);
            if (!both.client || !both.server) {
                continue;
            }
            connection left(std::move(*both.client));
            connection right(std::move(*both.server));
            sim.serve(right, echo);
            const bool sent = sim.run(left.send("hello")).has_value();
            const bool answered = sim.run(left.receive()).has_value();
            good += sent && answered ? 1 : 0;
            resumed += left.info().security->resumed ? 1 : 0;
            (void)sim.run(left.close());
        }
    };
    std::thread reloads([&] {
        for (int i = 0; !done; ++i) {
            server.reload({certificates[i % 2]});
            if (i % 8 == 0) {
                client.reload();
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    std::thread other(work);
    work();
    other.join();
    done = true;
    reloads.join();
    EXPECT_EQ(good, 2 * each);
    EXPECT_GT(resumed, 0);
}

}  // namespace
