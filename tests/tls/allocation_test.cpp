#include "support/allocations.hpp"
#include "support/memory_listener.hpp"
#include "support/sessions.hpp"
#include "support/tls_pair.hpp"

#include <libnet/session/server.hpp>
#include <libnet/testing/for_each_fault.hpp>

#include <gtest/gtest.h>

/// Each allocation fails, one after another: libnet's and OpenSSL's, in the handshake, in reading, in
/// writing, in closing. The connection that is concerned ends, and no other.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

task<std::unique_ptr<connection>> connect_over(std::unique_ptr<stream> below,
                                               const tls_context& context)
{
    endpoint where;
    where.host = "localhost";
    auto building = context(std::move(below), std::move(where));
    auto shaken = co_await checked(std::move(building));
    co_return std::make_unique<connection>(std::move(shaken));
}

task<> visit(std::unique_ptr<stream> below, const tls_context& context, bool& served)
{
    const auto peer = co_await checked(connect_over(std::move(below), context));
    const std::string small = "hello";
    const std::string large = some_text(40'000);
    for (const std::string* message : {&small, &large, &small}) {
        co_await checked(peer->send(*message));
        const bytes answer = co_await checked(peer->receive());
        if (as_text(answer) != *message) {
            ADD_FAILURE() << "another answer";
            co_return;
        }
    }
    co_await checked(peer->close());
    served = true;
}

TEST(TlsMemory, WhereItIsLackingOneConnectionEnds)
{
    const auto server_side = tls_context::server(server_options_for());
    tls_client_options client_options = trusting_client();
    client_options.resumption = false;
    const auto client_side = tls_context::client(client_options);
#if defined(LIBNET_ASIO_ADDRESS_SANITIZER) || defined(__SANITIZE_THREAD__)
    constexpr std::size_t stride = 31;
#else
    constexpr std::size_t stride = 5;  // each of them: half a minute
#endif
    std::size_t failures = 0;
    std::size_t survived = 0;
    for_each_step([&](std::size_t step) {
        const std::size_t n = step * stride;
        SCOPED_TRACE(n);
        simulation sim;
        memory_backlog backlog(sim);
        server_options options;
        options.layer = server_side;
        server subject(backlog.listen(), echo, options);
        sim.start(subject.run());
        bool before = false;
        auto bystander = sim.run(connect_over(backlog.connect_stream(), client_side)).value();

        EXPECT_TRUE(sim.run(bystander->send("here")));
        EXPECT_TRUE(sim.run(bystander->receive()));

        bool served = false;
        bool struck = false;
        auto below = backlog.connect_stream();
        try {
            const failing_allocation failing(n);
            sim.start(visit(std::move(below), client_side, served));
            sim.advance(20s);
            struck = failing_allocation::struck();
        } catch (const std::bad_alloc&) {  // of the test kit's own
            struck = true;
        }
        sim.advance(20s);
        failures += struck ? 1 : 0;
        survived += struck && served ? 1 : 0;
        EXPECT_TRUE(struck || served);

        EXPECT_TRUE(sim.run(bystander->send("still there")));
        const auto answer = sim.run(bystander->receive());
        EXPECT_TRUE(answer) << answer.error().message();
        EXPECT_TRUE(sim.run(visit(backlog.connect_stream(), client_side, before)));
        EXPECT_TRUE(before);
        EXPECT_EQ(subject.stats().active, 1U);
        EXPECT_TRUE(sim.run(bystander->close()));
        subject.stop();
        sim.advance(5s);
        EXPECT_EQ(sim.running(), 0U);
        return struck && !HasFailure();
    });
    RecordProperty("failures", static_cast<int>(failures));
    EXPECT_GT(failures, 500U / stride);
    EXPECT_LT(survived, failures);
}

}  // namespace
