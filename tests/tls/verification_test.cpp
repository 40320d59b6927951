#include "support/openssl_peer.hpp"
#include "support/sessions.hpp"
#include "support/tls_pair.hpp"

#include <gtest/gtest.h>

#include <cstring>

/// Certificates and servers that a client should not fall for, and a server neither.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

/// What our client says of a server of OpenSSL's own, which shows whatever it is told to.
error_code meets(const tls_client_options& options, const tls_certificate& shown,
                 const std::string& host = "localhost",
                 const std::function<void(SSL_CTX*)>& adjust = {})
{
    simulation sim;
    stream_pair between(sim.home());
    openssl_peer server(
        sim, between.take_left(),
        [&](SSL_CTX* context) {
            SSL_CTX_set_security_level(context, 0);
            openssl_peer::show(context, shown);
            if (adjust) {
                adjust(context);
            }
        },
        openssl_peer::role::server);
    result<std::unique_ptr<stream>> made = error::no_value;
    sim.start(tests::shake_hands(tls_context::client(options), between.take_right(), host, made));
    (void)server.shake_hands();
    sim.advance(2s);
    return made ? error_code() : made.error();
}

certificate_request for_names(std::vector<std::string> names, std::string common_name = "somebody")
{
    certificate_request request;
    request.common_name = std::move(common_name);
    request.names = std::move(names);
    return request;
}

error_code meets(const std::string& host, const certificate_request& request)
{
    return meets(trusting_client(), root().issue(request), host);
}

TEST(TlsVerification, TheCommonNameIsNoHostName)
{
    EXPECT_EQ(meets("localhost", for_names({}, "localhost")), error::certificate_wrong_host);
    EXPECT_EQ(meets("localhost", for_names({"IP:127.0.0.1"}, "localhost")),
              error::certificate_wrong_host);
    EXPECT_EQ(meets("127.0.0.1", for_names({}, "127.0.0.1")), error::certificate_wrong_host);

    tls_client_options client = trusting_client();
    std::string text;
    client.on_failure = [&](const tls_failure& failed) { text = failed.text; };
    (void)meets(client, root().issue(for_names({}, "localhost")));
    EXPECT_NE(text.find("without a host name (subjectAltName)"), std::string::npos) << text;
    (void)meets(client, root().issue(for_names({"DNS:a.example", "IP:192.0.2.1", "IP:::1"})));
    EXPECT_NE(text.find(", for a.example, 192.0.2.1, ::1"), std::string::npos) << text;
}

TEST(TlsVerification, AnAddressIsNoName)
{
    EXPECT_EQ(meets("192.0.2.1", for_names({"DNS:192.0.2.1"})), error::certificate_wrong_host);
    EXPECT_EQ(meets("192.0.2.1", for_names({"IP:192.0.2.1"})), error_code());
    EXPECT_EQ(meets("2001:db8::1", for_names({"IP:2001:db8:0::1"})), error_code());
    EXPECT_EQ(meets("2001:db8::2", for_names({"IP:2001:db8::1"})), error::certificate_wrong_host);
    EXPECT_EQ(meets("192.0.2.1", for_names({"DNS:*.0.2.1", "DNS:*"})),
              error::certificate_wrong_host);
}

TEST(TlsVerification, AnAddressIsNotAskedFor)
{
    simulation sim;
    const shaken both = shake_hands(sim, tls_context::client(trusting_client()),
                                    tls_context::server(server_options_for()), "127.0.0.1");
    ASSERT_TRUE(both.server);
    EXPECT_EQ((*both.server)->security()->server_name, "") << "RFC 6066, 3";
}

TEST(TlsVerification, AWildcardIsForOneLabel)
{
    const auto wild = for_names({"DNS:*.example.org"});
    EXPECT_EQ(meets("a.example.org", wild), error_code());
    EXPECT_EQ(meets("A.EXAMPLE.org", wild), error_code());
    EXPECT_EQ(meets("a.b.example.org", wild), error::certificate_wrong_host);
    EXPECT_EQ(meets("example.org", wild), error::certificate_wrong_host);
    EXPECT_EQ(meets("a.example.org", for_names({"DNS:*.org"})), error::certificate_wrong_host);
    EXPECT_EQ(meets("example.org", for_names({"DNS:*.org"})), error::certificate_wrong_host)
        << "nobody has all of a top-level domain";
    EXPECT_EQ(meets("abc.example.org", for_names({"DNS:a*.example.org"})),
              error::certificate_wrong_host);
    EXPECT_EQ(meets("a.example.org", for_names({"DNS:*"})), error::certificate_wrong_host);
}

/// "example.org." is the same host, and certificates know it without the dot (RFC 6066, 3).
TEST(TlsVerification, ADotAtTheEndOfAHostIsNoPartOfItsName)
{
    EXPECT_EQ(meets("localhost.", for_names({"DNS:localhost"})), error_code());
    simulation sim;
    const shaken both = shake_hands(sim, tls_context::client(trusting_client()),
                                    tls_context::server(server_options_for()), "localhost.");
    ASSERT_TRUE(both.server);
    EXPECT_EQ((*both.server)->security()->server_name, "localhost");
}

/// "fe80::1%eth0" names one of our own interfaces besides; no certificate does.
TEST(TlsVerification, TheZoneOfAnAddressIsOurOwnBusiness)
{
    EXPECT_EQ(meets("fe80::1%eth0", for_names({"IP:fe80::1"})), error_code());
}

TEST(TlsVerification, TheChainCountsToItsEnd)
{
    const authority between("Between", root(), 30);
    const authority expired("Expired", root(), -1);
    const authority foreign("Foreign", authority("Other Root"), 30);
    const auto chained = [](const authority& by) {
        tls_certificate made = by.issue();
        made.chain += by.pem();
        return made;
    };
    const auto adds = [](const authority& by) {
        return [&by](SSL_CTX* context) {
            BIO* const pem = BIO_new_mem_buf(by.pem().data(), -1);
            SSL_CTX_add0_chain_cert(context, PEM_read_bio_X509(pem, nullptr, nullptr, nullptr));
            BIO_free(pem);
        };
    };
    const auto client = trusting_client();
    EXPECT_EQ(meets(client, chained(between), "localhost", adds(between)), error_code());
    EXPECT_EQ(meets(client, between.issue()), error::certificate_untrusted);
    EXPECT_EQ(meets(client, expired.issue(), "localhost", adds(expired)),
              error::certificate_expired);
    EXPECT_EQ(meets(client, foreign.issue(), "localhost", adds(foreign)),
              error::certificate_untrusted);
    try {
        (void)tls_context::server(server_options_for(chained(expired)));
        ADD_FAILURE() << "nobody would accept that";
    } catch (const boost::system::system_error& e) {
        EXPECT_NE(std::string(e.what()).find("CN=Expired"), std::string::npos) << e.what();
    }
}

/// A leaf that signs is no authority.
TEST(TlsVerification, OnlyAuthoritiesSign)
{
    const tls_certificate shown = root().issue();
    tls_client_options client;
    client.authorities = shown.chain;
    const authority other("Other Root");
    EXPECT_EQ(meets(client, other.issue()), error::certificate_untrusted);
}

TEST(TlsVerification, SmallKeysAndOldSignaturesAreRefused)
{
    certificate_request small;
    small.rsa_bits = 1024;
    EXPECT_EQ(meets(trusting_client(), root().issue(small)), error::certificate_invalid);
    EXPECT_THROW(tls_context::server(server_options_for(root().issue(small))),
                 boost::system::system_error);
}

/// Who may choose the group of the key exchange could let a server calculate for milliseconds each
/// time, at no cost for himself.
TEST(TlsVerification, ExpensiveGroupsAreNotOffered)
{
    for (const char* group : {"ffdhe8192", "ffdhe2048"}) {
        simulation sim;
        stream_pair between(sim.home());
        openssl_peer client(sim, between.take_left(),
                            [&](SSL_CTX* c) { SSL_CTX_set1_groups_list(c, group); });
        result<std::unique_ptr<stream>> made = error::no_value;
        const auto server = tls_context::server(server_options_for());
        sim.start(tests::shake_hands(server, between.take_right(), "", made));
        EXPECT_FALSE(client.shake_hands()) << group;
        sim.advance(2s);
        EXPECT_EQ(made.error(), error::no_common_cipher) << group;
    }
}

TEST(TlsVerification, AServerMayNotChooseAProtocolThatNobodyOffered)
{
    tls_client_options client = trusting_client();
    client.application_protocols = {"h2"};
    const auto answers = [](const char* wire) {
        return [wire](SSL_CTX* context) {
            SSL_CTX_set_alpn_select_cb(
                context,
                [](SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char*,
                   unsigned, void* name) {
                    *chosen = static_cast<const unsigned char*>(name);
                    *size = static_cast<unsigned char>(std::strlen(static_cast<char*>(name)));
                    return SSL_TLSEXT_ERR_OK;
                },
                const_cast<char*>(wire));
        };
    };
    EXPECT_EQ(meets(client, localhost(), "localhost", answers("h2")), error_code());
    EXPECT_NE(meets(client, localhost(), "localhost", answers("evil")), error_code());
}

TEST(TlsVerification, InsecureAndPinnedContradictEachOther)
{
    tls_client_options client;
    client.insecure = true;
    client.pinned = {localhost().fingerprint()};
    EXPECT_THROW(tls_context::client(client), boost::system::system_error);
}

}  // namespace
