#include "support/echo_server.hpp"
#include "support/haproxy.hpp"
#include "support/required_programs.hpp"
#include "support/served.hpp"
#include "support/tls_programs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

/// Servers of ours behind HAProxy, with the configuration of docs/deploying.md.
namespace {

using namespace integration;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<std::string> trusting_this_machine()
{
    return {"--proxy-protocol", "required", "--trusted", "127.0.0.1"};
}

/// One of ours that a balancer knows by its port, also after it was started anew.
std::unique_ptr<echo_server> start(const std::string& listen)
{
    return std::make_unique<echo_server>(joined({"--listen", listen}, trusting_this_machine()));
}

class BehindHaproxy : public WithCertificates {
protected:
    void SetUp() override
    {
        REQUIRE_PROGRAM("haproxy")
        REQUIRE_PROGRAM("socat")
        WithCertificates::SetUp();
    }
};

/// What the server says of a client that has come from 127.0.0.3; health checks come from elsewhere.
std::string opened(echo_server& server)
{
    return server.line("opened 127.0.0.3:");
}

TEST_F(BehindHaproxy, TheClientsAddressArrives)
{
    const haproxy::replacements version_1{
        {"send-proxy-v2 proxy-v2-options ssl,cert-cn,unique-id,crc32c", "send-proxy"}};
    for (const auto& changes : {haproxy::replacements{}, version_1}) {
        const auto server = start("127.0.0.1:0");
        haproxy balancer(server->port(), free_port(), changes);
        ASSERT_TRUE(balancer.sees("one", "UP")) << balancer.complaints();
        ASSERT_TRUE(balancer.sees("two", "DOWN"));
        client_socket client(balancer.plain_port(), 0, 3);
        EXPECT_TRUE(echoes(client));
        EXPECT_THAT(opened(*server),
                    StartsWith("opened 127.0.0.3:" + std::to_string(client.own_port()) +
                               ", through 127.0.0.1:"));
    }
}

TEST_F(BehindHaproxy, TlsEndsInFrontAndConnectionsAreKept)
{
    libnet::server_options options;
    options.proxy.headers = libnet::proxy_protocol::required;
    options.proxy.trusted = {libnet::ip_network::parse("127.0.0.1").value()};
    served server(echo, options);
    haproxy balancer(server.port(), free_port());
    ASSERT_TRUE(balancer.sees("one", "UP")) << balancer.complaints();

    const auto where = "localhost:" + std::to_string(balancer.encrypted_port());
    const auto client =
        run_tls_client(where, joined(trusting_the_authority(), {"--count", "100", "hello"}));
    EXPECT_EQ(client.code, 0) << client.errors;

    const auto about_client = [&] {
        for (;;) {
            auto report = server.report();
            if (!report || report->info.messages_received != 0) {
                return report;
            }
        }
    }();
    ASSERT_TRUE(about_client);
    EXPECT_EQ(about_client->info.messages_received, 100U);
    EXPECT_FALSE(about_client->info.security) << "it is plain behind the balancer";
    const libnet::proxy_header& header = about_client->info.proxy.value().header;
    EXPECT_EQ(header.client(), about_client->info.peer);
    EXPECT_EQ(header.destination.port, balancer.encrypted_port());
    const auto ssl =
        libnet::proxy_ssl::parse(header.tlvs.find(libnet::proxy_tlv::type::ssl).value());
    EXPECT_TRUE(ssl.value().over_tls);
    EXPECT_FALSE(ssl.value().showed_certificate || ssl.value().verified);
    EXPECT_THAT(
        libnet::as_text(ssl.value().details.find(libnet::proxy_tlv::type::ssl_version).value()),
        StartsWith("TLSv1."));
    EXPECT_TRUE(header.tlvs.find(libnet::proxy_tlv::type::unique_id));
    EXPECT_TRUE(header.tlvs.find(libnet::proxy_tlv::type::crc32c)) << "and it was verified";
}

TEST_F(BehindHaproxy, TlsGoesThroughBehindTheHeader)
{
    tls_echo_server server(joined(showing("server"), trusting_this_machine()));
    haproxy balancer(server.port(), free_port());
    ASSERT_TRUE(balancer.sees("one", "UP")) << balancer.complaints();
    const auto where = "localhost:" + std::to_string(balancer.plain_port());
    const auto client = run_tls_client(where, joined(trusting_the_authority(), {"hello"}));
    EXPECT_EQ(client.code, 0) << client.errors;
    EXPECT_THAT(server.line("opened"),
                AllOf(HasSubstr("(TLSv1.3"), HasSubstr(", through 127.0.0.1:")));
}

TEST_F(BehindHaproxy, AServerThatFailsItsHealthCheckGetsNobodyUntilItIsBack)
{
    auto one = start("127.0.0.1:0");
    const std::string where = one->where();
    const auto two = start("127.0.0.1:0");
    haproxy balancer(one->port(), two->port());
    ASSERT_TRUE(balancer.sees("one", "UP") && balancer.sees("two", "UP")) << balancer.complaints();

    one->signal(SIGKILL);
    EXPECT_TRUE(balancer.sees("one", "DOWN"));
    for (int i = 0; i < 4; ++i) {
        EXPECT_TRUE(echoes(balancer.plain_port()));
    }
    one = start(where);
    // They go to whoever has the fewest. On a busy machine a check may fail once more meanwhile.
    std::vector<client_socket> clients;
    for (int i = 0; i < 6; ++i) {
        EXPECT_TRUE(balancer.sees("one", "UP"));
        EXPECT_TRUE(echoes(clients.emplace_back(balancer.plain_port(), 0, 3)));
    }
    EXPECT_THAT(opened(*one), StartsWith("opened 127.0.0.3:"));
}

TEST_F(BehindHaproxy, AServerThatDrainsKeepsItsClientsAndGetsNoOthers)
{
    const auto one = start("127.0.0.1:0");
    haproxy balancer(one->port(), free_port());
    ASSERT_TRUE(balancer.sees("one", "UP")) << balancer.complaints();
    client_socket early(balancer.plain_port());
    EXPECT_TRUE(echoes(early));

    balancer.set_state("one", "drain");
    EXPECT_TRUE(balancer.sees("one", "DRAIN"));
    EXPECT_TRUE(echoes(early)) << "it is in the middle of something";
    client_socket late(balancer.plain_port());
    EXPECT_FALSE(echoes(late)) << "there is no other server";
    balancer.set_state("one", "ready");
    EXPECT_TRUE(balancer.sees("one", "UP"));
    EXPECT_TRUE(echoes(balancer.plain_port()));
    EXPECT_TRUE(echoes(early));
}

// ---- a rolling restart --------------------------------------------------------------------------

/// Asks without a pause, one request at a time, and connects again when the connection ends. A request
/// that crosses the end of a connection goes again over the next one.
class busy_client {
public:
    explicit busy_client(std::uint16_t port) : port_(port), thread_([this] { ask_until_stopped(); })
    {
    }
    busy_client(const busy_client&) = delete;
    busy_client& operator=(const busy_client&) = delete;
    ~busy_client() { stop(); }

    void stop()
    {
        stopped_ = true;
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    int answered() const noexcept { return answered_; }
    int reconnected() const noexcept { return reconnected_; }

    /// What must never happen, the first time that it did; empty if it never has.
    const std::string& failure() const noexcept { return failure_; }

private:
    void ask_until_stopped()
    {
        for (int connections = 0; !stopped_ && failure_.empty(); ++connections) {
            reconnected_ = connections;
            client_socket line(port_);
            if (line.error() != 0) {
                failure_ = "the balancer takes no connection";
            }
            while (!stopped_ && failure_.empty() && ask(line)) {}
        }
    }

    /// False if the connection has ended before a byte of the answer came: then the request goes over
    /// the next one.
    bool ask(client_socket& line)
    {
        const std::string request = framed("request " + std::to_string(answered_));
        const std::string answer = line.send(request) ? line.read(request.size()) : "";
        if (answer == request) {
            ++answered_;
            return true;
        }
        if (!answer.empty()) {
            failure_ = "half an answer";
        } else if (line.error() == 0 && !line.ended()) {
            failure_ = "no answer";
        }
        return false;
    }

    std::uint16_t port_;
    std::atomic<bool> stopped_ = false;
    std::atomic<int> answered_ = 0;
    std::atomic<int> reconnected_ = 0;
    std::string failure_;
    std::thread thread_;
};

/// How many requests a server says that it has received in full, when it ends.
std::uint64_t received_in_full(const child_process::outcome& ended)
{
    const std::string& said = ended.output;
    const auto end = said.rfind(" message");
    const auto begin = end == std::string::npos ? end : said.rfind(' ', end - 1);
    if (begin == std::string::npos) {
        ADD_FAILURE() << "it does not say how many messages there were: " << said;
        return 0;
    }
    return std::stoull(said.substr(begin + 1, end - begin - 1));
}

// What a server has received in full its client has an answer to: the counts of all servers are those of all
// clients.
TEST_F(BehindHaproxy, ARollingRestartUnderLoadFailsNobody)
{
    std::unique_ptr<echo_server> servers[]{start("127.0.0.1:0"), start("127.0.0.1:0")};
    haproxy balancer(servers[0]->port(), servers[1]->port());
    ASSERT_TRUE(balancer.sees("one", "UP") && balancer.sees("two", "UP")) << balancer.complaints();
    std::vector<std::unique_ptr<busy_client>> clients;
    for (int i = 0; i < 8; ++i) {
        clients.push_back(std::make_unique<busy_client>(balancer.plain_port()));
    }
    const auto all_move_on = [&] {
        for (const auto& client : clients) {
            const int before = client->answered();
            EXPECT_TRUE(soon([&] { return client->answered() > before + 10; }))
                << client->failure();
        }
    };
    all_move_on();

    std::uint64_t received = 0;
    const char* const names[]{"one", "two"};
    for (int i = 0; i < 2; ++i) {
        const std::string where = servers[i]->where();
        balancer.set_state(names[i], "drain");
        const auto ended = servers[i]->stop(SIGTERM);
        EXPECT_EQ(ended.code, 0) << ended.errors;
        received += received_in_full(ended);
        servers[i] = start(where);
        ASSERT_EQ(servers[i]->where(), where);
        balancer.set_state(names[i], "ready");
        ASSERT_TRUE(balancer.sees(names[i], "UP"));
        all_move_on();
    }

    int reconnected = 0;
    std::uint64_t answered = 0;
    for (const auto& client : clients) {
        client->stop();
        EXPECT_EQ(client->failure(), "");
        reconnected += client->reconnected();
        answered += static_cast<std::uint64_t>(client->answered());
    }
    EXPECT_GE(reconnected, 8) << "each server had half of them at least once";
    for (const auto& server : servers) {
        const auto ended = server->stop(SIGTERM);
        EXPECT_EQ(ended.code, 0);
        received += received_in_full(ended);
    }
    EXPECT_EQ(received, answered);
}

}  // namespace
