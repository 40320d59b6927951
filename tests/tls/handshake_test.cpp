#include "support/tls_pair.hpp"

#include "support/sessions.hpp"

#include <gtest/gtest.h>

/// Who is let in, who is not, and what each side learns of it.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

/// What a client and a server make of each other.
struct outcome {
    error_code client;
    error_code server;
    std::optional<security_info> client_sees;
    std::optional<security_info> server_sees;
    std::string client_text;
    std::string server_text;
};

/// Shakes hands and says a word in both directions: with TLS 1.3 a client learns only then what the
/// server made of its certificate.
outcome meet(tls_client_options client, tls_server_options server,
             const std::string& host = "localhost")
{
    outcome o;
    client.on_failure = [&](const tls_failure& f) { o.client_text = f.text; };
    server.on_failure = [&](const tls_failure& f) { o.server_text = f.text; };
    const auto client_side = tls_context::client(client);
    const auto server_side = tls_context::server(server);
    simulation sim;
    shaken both = shake_hands(sim, client_side, server_side, host);
    o.server = both.server ? error_code() : both.server.error();
    if (!both.client) {
        o.client = both.client.error();
        return o;
    }
    o.client_sees = (*both.client)->security();
    connection left(std::move(*both.client));
    if (both.server) {
        o.server_sees = (*both.server)->security();
        connection right(std::move(*both.server));
        sim.serve(right, echo);
        const result<std::string> reply = sim.run([](connection& peer) -> task<std::string> {
            co_await checked(peer.send("hello"));
            std::string answer = co_await checked(receive_text(peer));
            co_await checked(peer.close());
            co_return answer;
        }(left));
        EXPECT_TRUE(reply) << reply.error().message();
        EXPECT_EQ(reply.value(), "hello");
        sim.settle();
    } else {
        o.client = sim.run(left.receive()).error();
    }
    return o;
}

TEST(TlsHandshake, VerifiesWithoutBeingAskedTo)
{
    const outcome o = meet(trusting_client(), server_options_for());
    EXPECT_FALSE(o.client) << o.client_text;
    ASSERT_TRUE(o.client_sees && o.server_sees);
    EXPECT_EQ(o.client_sees->protocol, "TLSv1.3");
    EXPECT_EQ(o.client_sees->server_name, "localhost");
    EXPECT_EQ(o.server_sees->server_name, "localhost");
    EXPECT_FALSE(o.client_sees->resumed);
    ASSERT_TRUE(o.client_sees->peer);
    EXPECT_EQ(o.client_sees->peer->common_name, "localhost");
    EXPECT_EQ(o.client_sees->peer->issuer, "CN=Test Root");
    EXPECT_EQ(o.client_sees->peer->dns_names, std::vector<std::string>{"localhost"});
    EXPECT_EQ(o.client_sees->peer->fingerprint, localhost().fingerprint());
    EXPECT_GT(o.client_sees->peer->expires, std::chrono::system_clock::now());
    EXPECT_FALSE(o.server_sees->peer);
}

TEST(TlsHandshake, AnAuthorityThatNobodyKnowsIsRefused)
{
    const authority other("Other Root");
    const outcome o = meet(trusting_client(), server_options_for(other.issue()));
    EXPECT_EQ(o.client, error::certificate_untrusted);
    EXPECT_EQ(o.client, condition::bad_certificate);
    EXPECT_EQ(o.server, error::certificate_refused);
    EXPECT_NE(o.client_text.find("issued by CN=Other Root"), std::string::npos) << o.client_text;
    EXPECT_NE(o.server_text.find("(the peer says: unknown CA)"), std::string::npos)
        << o.server_text;
}

TEST(TlsHandshake, TheSystemKnowsNoPrivateAuthority)
{
    EXPECT_EQ(meet({}, server_options_for()).client, error::certificate_untrusted);
}

TEST(TlsHandshake, AnExpiredCertificateIsRefused)
{
    // A server would not start with it: here it expires while it is shown.
    certificate_request request;
    request.valid_from_days = -10;
    request.valid_for_days = 9;
    EXPECT_THROW(tls_context::server(server_options_for(root().issue(request))),
                 boost::system::system_error);
    request.valid_from_days = 3;
    const outcome o = meet(trusting_client(), server_options_for(root().issue(request)));
    EXPECT_EQ(o.client, error::certificate_not_yet_valid);
    EXPECT_EQ(o.server, error::certificate_refused);
}

TEST(TlsHandshake, AnotherHostNameIsRefused)
{
    const outcome o = meet(trusting_client(), server_options_for(), "example.org");
    EXPECT_EQ(o.client, error::certificate_wrong_host);
    EXPECT_NE(o.client_text.find("for localhost"), std::string::npos) << o.client_text;
    EXPECT_EQ(meet(trusting_client(), server_options_for(), "127.0.0.2").client,
              error::certificate_wrong_host);
    EXPECT_FALSE(meet(trusting_client(), server_options_for(), "127.0.0.1").client);
    EXPECT_FALSE(meet(trusting_client(), server_options_for(), "::1").client);
}

TEST(TlsHandshake, TheNameThatIsExpectedCanBeSaid)
{
    tls_client_options client = trusting_client();
    client.server_name = "localhost";
    const outcome o = meet(client, server_options_for(), "192.0.2.1");
    EXPECT_FALSE(o.client) << o.client_text;
    EXPECT_EQ(o.server_sees->server_name, "localhost");
}

TEST(TlsHandshake, OverNoHostTheNameHasToBeSaid)
{
    simulation sim;
    stream_pair pair(sim.home());
    const auto client = tls_context::client(trusting_client());
    result<std::unique_ptr<stream>> made = error::no_value;
    EXPECT_THROW((void)sim.run(shake_hands(client, pair.take_left(), "", made)),
                 boost::system::system_error);
}

TEST(TlsHandshake, ACertificateForAnotherPurposeIsRefused)
{
    certificate_request request;
    request.purpose = "clientAuth";
    EXPECT_EQ(meet(trusting_client(), server_options_for(root().issue(request))).client,
              error::certificate_invalid);
}

TEST(TlsHandshake, APinnedCertificateNeedsNoAuthority)
{
    const auto own = tls_certificate::self_signed();
    tls_client_options client;
    client.pinned = {std::string(64, '0'), own.fingerprint()};
    outcome o = meet(client, server_options_for(own), "anything.example");
    EXPECT_FALSE(o.client) << o.client_text;
    EXPECT_TRUE(o.client_sees->peer);

    client.pinned = {std::string(64, '0')};
    o = meet(client, server_options_for(own));
    EXPECT_EQ(o.client, error::certificate_not_pinned);

    client.pinned = {own.fingerprint()};
    client.authorities = root().pem();
    EXPECT_EQ(meet(client, server_options_for(own)).client, error::certificate_untrusted);
}

TEST(TlsHandshake, InsecureTakesEverythingAndVouchesForNothing)
{
    tls_client_options client;
    client.insecure = true;
    const outcome o = meet(client, server_options_for(), "example.org");
    EXPECT_FALSE(o.client) << o.client_text;
    EXPECT_FALSE(o.client_sees->peer);
}

TEST(TlsHandshake, ClientsShowTheirCertificates)
{
    tls_server_options server = server_options_for();
    server.client_certificates = tls_server_options::clients::must_show;
    server.client_authorities = root().pem();
    certificate_request request;
    request.common_name = "alice";
    request.names = {"URI:spiffe://example.org/alice", "email:alice@example.org"};
    for (const tls_version version : {tls_version::v1_2, tls_version::v1_3}) {
        server.oldest = version;
        tls_client_options client = trusting_client();
        client.certificate = root().issue(request);
        outcome o = meet(client, server);
        EXPECT_FALSE(o.client) << o.client_text;
        ASSERT_TRUE(o.server_sees && o.server_sees->peer);
        EXPECT_EQ(o.server_sees->peer->common_name, "alice");
        EXPECT_EQ(o.server_sees->peer->uris,
                  std::vector<std::string>{"spiffe://example.org/alice"});
        EXPECT_EQ(o.server_sees->peer->emails, std::vector<std::string>{"alice@example.org"});

        o = meet(trusting_client(), server);
        EXPECT_EQ(o.server, error::certificate_missing);
        EXPECT_EQ(o.client, error::certificate_refused);

        client.certificate = authority("Other Root").issue(request);
        o = meet(client, server);
        EXPECT_EQ(o.server, error::certificate_untrusted);
        EXPECT_EQ(o.client, error::certificate_refused);
    }
}

TEST(TlsHandshake, ClientsMayShowTheirCertificates)
{
    tls_server_options server = server_options_for();
    server.client_certificates = tls_server_options::clients::may_show;
    server.client_authorities = root().pem();
    outcome o = meet(trusting_client(), server);
    EXPECT_FALSE(o.client) << o.client_text;
    EXPECT_FALSE(o.server_sees->peer);
    tls_client_options client = trusting_client();
    client.certificate = authority("Other Root").issue();
    EXPECT_EQ(meet(client, server).server, error::certificate_untrusted);
}

TEST(TlsHandshake, AgreesOnAnApplicationProtocol)
{
    tls_server_options server = server_options_for();
    server.application_protocols = {"h2", "http/1.1"};
    tls_client_options client = trusting_client();
    client.application_protocols = {"http/1.1", "h2"};
    outcome o = meet(client, server);
    EXPECT_EQ(o.client_sees->application_protocol, "h2");
    EXPECT_EQ(o.server_sees->application_protocol, "h2");

    client.application_protocols = {"echo"};
    o = meet(client, server);
    EXPECT_EQ(o.client, error::no_common_protocol);
    EXPECT_EQ(o.server, error::no_common_protocol);

    client.application_protocols = {};
    o = meet(client, server);
    EXPECT_FALSE(o.client);
    EXPECT_EQ(o.server_sees->application_protocol, "");
}

TEST(TlsHandshake, ShowsTheCertificateOfTheNameThatIsAskedFor)
{
    certificate_request wild;
    wild.common_name = "wild";
    wild.names = {"DNS:*.example.org"};
    certificate_request exact;
    exact.common_name = "exact";
    exact.names = {"DNS:One.Example.Org"};
    tls_server_options server = server_options_for();
    server.certificates.push_back(root().issue(wild));
    server.certificates.push_back(root().issue(exact));
    const auto name_shown = [&](const std::string& host) {
        const outcome o = meet(trusting_client(), server, host);
        EXPECT_FALSE(o.client) << host << o.client_text;
        return o.client_sees ? o.client_sees->peer->common_name : "";
    };
    EXPECT_EQ(name_shown("localhost"), "localhost");
    EXPECT_EQ(name_shown("one.example.org"), "exact");
    EXPECT_EQ(name_shown("ONE.example.org"), "exact");
    EXPECT_EQ(name_shown("two.example.org"), "wild");
    EXPECT_EQ(meet(trusting_client(), server, "a.two.example.org").client,
              error::certificate_wrong_host);
}

TEST(TlsHandshake, AServerThatWantsTheNewestOnlyGetsIt)
{
    tls_server_options server = server_options_for();
    server.oldest = tls_version::v1_3;
    EXPECT_FALSE(meet(trusting_client(), server).client);
}

/// What a peer that speaks no TLS makes of it.
error_code first_words(const std::string& said, const tls_context& context, std::string host = "")
{
    simulation sim;
    stream_pair pair(sim.home());
    auto wire = pair.take_left();
    const std::array<bytes, 1> pieces{as_bytes(said)};
    EXPECT_EQ(wire->try_write(pieces).value(), said.size());
    result<std::unique_ptr<stream>> made = error::no_value;
    sim.start(shake_hands(context, pair.take_right(), std::move(host), made));
    sim.advance(30s);
    EXPECT_EQ(sim.running(), 0U);
    return made ? error_code() : made.error();
}

TEST(TlsHandshake, KnowsPlainTextWhenItSeesIt)
{
    const auto server = tls_context::server(server_options_for());
    EXPECT_EQ(first_words("GET / HTTP/1.1\r\n\r\n", server), error::plain_http);
    EXPECT_EQ(first_words("PRI * HTTP/2.0\r\n", server), error::plain_http);
    EXPECT_EQ(first_words(std::string("\0\0\0\5hello", 9), server), error::plain_text);
    EXPECT_EQ(first_words("EHLO example.org\r\n", server), error::plain_text);
    EXPECT_EQ(first_words("x", server), error::plain_text);
    const auto client = tls_context::client(trusting_client());
    EXPECT_EQ(first_words("220 smtp.example.org\r\n", client, "localhost"), error::plain_text);
    EXPECT_EQ(first_words("HTTP/1.1 400 Bad Request\r\n", client, "localhost"), error::plain_text);
}

TEST(TlsHandshake, KnowsWhatIsTooOldOrBroken)
{
    const auto server = tls_context::server(server_options_for());
    // SSL 2.0
    EXPECT_EQ(first_words(std::string("\x80\x2e\x01\x00\x02", 5), server), error::protocol_too_old);
    // A record of 0xFFFF bytes, and one that is no handshake.
    EXPECT_EQ(first_words(std::string("\x16\x03\x01\xff\xff", 5), server), error::malformed_record);
    EXPECT_EQ(first_words(std::string("\x16\x03\x01\x00\x04\x7f\x00\x00\x00", 9), server),
              error::malformed_record);
}

TEST(TlsHandshake, WhoSaysNothingIsLetGo)
{
    const auto server = tls_context::server(server_options_for());
    EXPECT_EQ(first_words("", server), error::handshake_timeout);
    EXPECT_EQ(first_words("\x16\x03\x01", server), error::handshake_timeout);
}

TEST(TlsHandshake, WhoHangsUpIsNamed)
{
    const auto server = tls_context::server(server_options_for());
    simulation sim;
    stream_pair pair(sim.home());
    pair.take_left().reset();
    result<std::unique_ptr<stream>> made = error::no_value;
    sim.start(shake_hands(server, pair.take_right(), "", made));
    sim.settle();
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), error::handshake_aborted);
}

TEST(TlsHandshake, ACancelledOneClosesTheTransport)
{
    const auto server = tls_context::server(server_options_for());
    simulation sim;
    stream_pair pair(sim.home());
    auto client = pair.take_left();
    result<std::unique_ptr<stream>> made = error::no_value;
    sim.start(shake_hands(server, pair.take_right(), "", made));
    sim.settle();
    sim.cancel();
    sim.settle();
    EXPECT_EQ(sim.running(), 0U);
    const std::array<bytes, 1> pieces{as_bytes("x")};
    EXPECT_TRUE(client->try_write(pieces).has_error());
}

TEST(TlsHandshake, SessionsGoOn)
{
    for (const tls_version version : {tls_version::v1_2, tls_version::v1_3}) {
        tls_server_options server = server_options_for();
        const auto server_side = tls_context::server(server);
        tls_client_options client = trusting_client();
        client.oldest = version;
        const auto client_side = tls_context::client(client);
        const auto resumes = [&](const std::string& host) {
            simulation sim;
            shaken both = shake_hands(sim, client_side, server_side, host);
            EXPECT_TRUE(both.client && both.server);
            connection left(std::move(*both.client));
            connection right(std::move(*both.server));
            sim.serve(right, echo);
            EXPECT_TRUE(sim.run(left.send("hello")));
            EXPECT_TRUE(sim.run(left.receive()));
            const auto seen = left.info().security;
            EXPECT_TRUE(seen->peer) << "an identity that was verified once";
            EXPECT_EQ(seen->resumed, right.info().security->resumed);
            EXPECT_TRUE(sim.run(left.close()));
            return seen->resumed;
        };
        EXPECT_FALSE(resumes("localhost"));
        EXPECT_TRUE(resumes("localhost"));
        EXPECT_FALSE(resumes("127.0.0.1")) << "another name is verified anew";
        EXPECT_TRUE(resumes("localhost"));
    }
}

TEST(TlsHandshake, SessionsDoNotGoOnWhereThatIsOff)
{
    tls_server_options server = server_options_for();
    server.resumption = false;
    const auto server_side = tls_context::server(server);
    const auto client_side = tls_context::client(trusting_client());
    for (int i = 0; i < 3; ++i) {
        simulation sim;
        shaken both = shake_hands(sim, client_side, server_side);
        ASSERT_TRUE(both.client);
        EXPECT_FALSE((*both.client)->security()->resumed);
    }
}

}  // namespace
