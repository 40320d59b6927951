#include "support/openssl_peer.hpp"
#include "support/sessions.hpp"
#include "support/tls_pair.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

/// Files: read, found wanting, reloaded.
namespace {

using namespace libnet;
using namespace libnet::testing;
using namespace libnet::tests;

/// A folder of a test's own, gone with it.
class folder {
public:
    folder()
        : path_(::testing::TempDir() + "libnet-tls-" + std::to_string(::getpid()) + "-" +
                ::testing::UnitTest::GetInstance()->current_test_info()->name())
    {
        std::filesystem::create_directories(path_);
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() { std::filesystem::remove_all(path_); }

    std::string write(const std::string& name, const std::string& content) const
    {
        std::ofstream(path_ / name, std::ios::binary) << content;
        return (path_ / name).string();
    }
    std::string operator/(const std::string& name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/// What making it complains of; "" if it does not.
template <class Make>
std::string complaint(Make make)
{
    try {
        (void)make();
        return "";
    } catch (const boost::system::system_error& e) {
        return e.what();
    }
}

std::string complaint_about(tls_server_options options)
{
    return complaint([&] { return tls_context::server(std::move(options)); });
}

std::string complaint_about(tls_client_options options)
{
    return complaint([&] { return tls_context::client(std::move(options)); });
}

bool has(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

TEST(TlsContext, NamesTheFileThatIsWrongAndWhatIsWrongWithIt)
{
    const folder files;
    const std::string chain = files.write("chain.pem", localhost().chain);
    const std::string key = files.write("key.pem", localhost().key);
    EXPECT_EQ(complaint_about(server_options_for({.chain = chain, .key = key})), "");

    std::string text =
        complaint_about(server_options_for({.chain = files / "none.pem", .key = key}));
    EXPECT_TRUE(has(text, files / "none.pem") && has(text, "No such file")) << text;
    text = complaint_about(server_options_for({.chain = key, .key = key}));
    EXPECT_TRUE(has(text, key) && has(text, "there is no PEM certificate in it")) << text;
    text = complaint_about(server_options_for({.chain = chain, .key = chain}));
    EXPECT_TRUE(has(text, chain) && has(text, "there is no PEM private key in it")) << text;
    const std::string other = files.write("other.pem", root().issue().key);
    text = complaint_about(server_options_for({.chain = chain, .key = other}));
    EXPECT_TRUE(has(text, other) && has(text, "does not belong to the certificate in " + chain))
        << text;
    std::string damaged_text = localhost().chain;
    damaged_text[100] = '*';
    const std::string damaged = files.write("damaged.pem", damaged_text);
    text = complaint_about(server_options_for({.chain = damaged, .key = key}));
    EXPECT_TRUE(has(text, damaged) && has(text, "damaged")) << text;
    EXPECT_FALSE(has(text, "Invalid argument")) << text;
    const std::string der = files.write("chain.der", std::string("\x30\x82\x01\x00", 4));
    text = complaint_about(server_options_for({.chain = der, .key = key}));
    EXPECT_TRUE(has(text, der) && has(text, "DER") && has(text, "openssl x509 -inform der"))
        << text;
    const std::string reversed = files.write("reversed.pem", root().pem() + localhost().chain);
    text = complaint_about(server_options_for({.chain = reversed, .key = key}));
    EXPECT_TRUE(has(text, reversed) && has(text, "has to come first")) << text;
    text = complaint_about(server_options_for({.chain = "/", .key = key}));
    EXPECT_TRUE(has(text, "cannot read the certificate '/'")) << text;
    EXPECT_TRUE(has(complaint_about(tls_server_options()), "needs a certificate"));
}

TEST(TlsContext, AnExpiredCertificateOfOurOwnIsKnownAtOnce)
{
    certificate_request request;
    request.valid_from_days = -10;
    request.valid_for_days = 9;
    const std::string text = complaint_about(server_options_for(root().issue(request)));
    EXPECT_TRUE(has(text, "has expired") && has(text, "CN=localhost")) << text;
}

TEST(TlsContext, KeyAndChainMayBeOneFile)
{
    const folder files;
    const std::string both = files.write("both.pem", localhost().key + localhost().chain);
    EXPECT_EQ(complaint_about(server_options_for({.chain = both, .key = ""})), "");
}

TEST(TlsContext, RefusesWhatMakesNoSense)
{
    tls_server_options server = server_options_for();
    server.client_certificates = tls_server_options::clients::must_show;
    EXPECT_TRUE(has(complaint_about(server), "client_authorities"));
    server = server_options_for();
    server.application_protocols = {"h2", ""};
    EXPECT_TRUE(has(complaint_about(server), "application protocol"));
    server = server_options_for();
    server.key_log = "/nowhere/keys.log";
    EXPECT_TRUE(has(complaint_about(server), "/nowhere/keys.log"));
    tls_certificate own = localhost();
    own.ocsp_response = "/nowhere/response.der";
    EXPECT_TRUE(has(complaint_about(server_options_for(own)), "/nowhere/response.der"));
    tls_client_options client;
    client.pinned = {"12:34"};
    EXPECT_TRUE(has(complaint_about(client), "64 hexadecimal digits"));
    client = {};
    client.authorities = "/nowhere/root.pem";
    EXPECT_TRUE(has(complaint_about(client), "/nowhere/root.pem"));
}

TEST(TlsContext, AFingerprintIsWrittenAsPeopleWriteThem)
{
    const auto own = tls_certificate::self_signed();
    const std::string plain = own.fingerprint();
    EXPECT_EQ(plain.size(), 64U);
    std::string with_colons;
    for (std::size_t i = 0; i < plain.size(); i += 2) {
        with_colons += (i == 0 ? "" : ":");
        with_colons += static_cast<char>(std::toupper(plain[i]));
        with_colons += static_cast<char>(std::toupper(plain[i + 1]));
    }
    tls_client_options client;
    client.pinned = {with_colons};
    simulation sim;
    EXPECT_TRUE(
        shake_hands(sim, tls_context::client(client), tls_context::server(server_options_for(own)))
            .client);
}

TEST(TlsContext, SelfSignedOnesAreForTheirNames)
{
    const auto own = tls_certificate::self_signed({"one.example", "192.0.2.7", "2001:db8::7"});
    tls_client_options client;
    client.authorities = own.chain;
    const auto context = tls_context::client(client);
    const auto server = tls_context::server(server_options_for(own));
    for (const char* host : {"one.example", "192.0.2.7", "2001:db8::7"}) {
        simulation sim;
        const shaken both = shake_hands(sim, context, server, host);
        EXPECT_TRUE(both.client) << host << ": " << both.client.error().message();
    }
    simulation sim;
    EXPECT_EQ(shake_hands(sim, context, server, "localhost").client.error(),
              error::certificate_wrong_host);
    EXPECT_NE(own.fingerprint(), tls_certificate::self_signed().fingerprint());
}

std::string name_shown_by(const tls_context& server)
{
    static const auto client = tls_context::client(trusting_client());
    simulation sim;
    const shaken both = shake_hands(sim, client, server);
    return both.client ? (*both.client)->security()->peer->common_name
                       : both.client.error().message();
}

TEST(TlsContext, ReloadsItsFiles)
{
    const folder files;
    certificate_request first;
    first.common_name = "first";
    certificate_request second;
    second.common_name = "second";
    const tls_certificate one = root().issue(first);
    const tls_certificate two = root().issue(second);
    const std::string chain = files.write("chain.pem", one.chain);
    const std::string key = files.write("key.pem", one.key);
    tls_server_options options = server_options_for({.chain = chain, .key = key});
    options.resumption = false;
    auto server = tls_context::server(options);
    const tls_context copy = server;
    EXPECT_EQ(name_shown_by(server), "first");

    files.write("chain.pem", two.chain);  // and its key is still to come
    const std::string text = complaint([&] { return server.reload(), 0; });
    EXPECT_TRUE(has(text, "does not belong")) << text;
    EXPECT_EQ(name_shown_by(server), "first");
    files.write("key.pem", two.key);
    server.reload();
    EXPECT_EQ(name_shown_by(server), "second");
    EXPECT_EQ(name_shown_by(copy), "second") << "a copy is the same context";

    EXPECT_THROW(server.reload({{.chain = "nonsense", .key = "nonsense"}}),
                 boost::system::system_error);
    server.reload();
    EXPECT_EQ(name_shown_by(server), "second") << "what was refused is not kept";
    server.reload({one});
    EXPECT_EQ(name_shown_by(server), "first");
}

TEST(TlsContext, SessionsSurviveAReloadButNotOtherAuthorities)
{
    const folder files;
    const std::string authorities = files.write("clients.pem", root().pem());
    tls_server_options options = server_options_for();
    options.client_certificates = tls_server_options::clients::must_show;
    options.client_authorities = authorities;
    auto server = tls_context::server(options);
    tls_client_options client_options = trusting_client();
    client_options.certificate = localhost();
    const auto client = tls_context::client(client_options);
    const auto resumes = [&]() -> std::string {
        simulation sim;
        shaken both = shake_hands(sim, client, server);
        if (!both.server) {
            return both.server.error().message();
        }
        connection left(std::move(*both.client));
        connection right(std::move(*both.server));
        sim.serve(right, echo);
        EXPECT_TRUE(sim.run(left.send("x")));
        EXPECT_TRUE(sim.run(left.receive()));
        const bool resumed = left.info().security->resumed;
        EXPECT_TRUE(sim.run(left.close()));
        return resumed ? "resumed" : "full";
    };
    EXPECT_EQ(resumes(), "full");
    EXPECT_EQ(resumes(), "resumed");
    server.reload();
    EXPECT_EQ(resumes(), "resumed");
    const authority other("Other Root");
    files.write("clients.pem", other.pem());
    server.reload();
    EXPECT_EQ(resumes(), error_code(error::certificate_untrusted).message())
        << "who was signed by the former authority is asked again";
}

/// Handshakes that are under way when the certificates change go on with those that they began with.
TEST(TlsContext, AThousandReloadsUnderLoadLoseNoHandshake)
{
    const tls_certificate certificates[] = {localhost(), root().issue()};
    auto server = tls_context::server(server_options_for());
    const auto client = tls_context::client(trusting_client());
    simulation sim;
    constexpr int reloads = 1000;
    std::vector<shaken> all(reloads);
    std::size_t done = 0;
    for (int i = 0; i < reloads; ++i) {
        stream_pair between(sim.home());
        shaken& both = all[static_cast<std::size_t>(i)];
        sim.start(shake_hands(client, between.take_left(), "localhost", both.client));
        sim.start(shake_hands(server, between.take_right(), "", both.server));
        for (int step = i % 12; step > 0; --step) {
            sim.step();
        }
        server.reload({certificates[i % 2]});
    }
    sim.settle();
    for (const shaken& both : all) {
        done += both.client && both.server ? 1 : 0;
    }
    EXPECT_EQ(done, all.size());
}

TEST(TlsContext, WritesSecretsOnlyWhenAsked)
{
    const folder files;
    tls_server_options options = server_options_for();
    options.key_log = files / "keys.log";
    const auto server = tls_context::server(options);
    EXPECT_EQ(name_shown_by(server), "localhost");
    std::ifstream log(files / "keys.log");
    const std::string text(std::istreambuf_iterator<char>(log), {});
    EXPECT_TRUE(has(text, "SERVER_TRAFFIC_SECRET_0 ")) << text;
    struct stat status {};
    ASSERT_EQ(::stat((files / "keys.log").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    ASSERT_EQ(::chmod((files / "keys.log").c_str(), 0644), 0);
    const std::string refusal = complaint_about(options);
    EXPECT_TRUE(has(refusal, "chmod 600 '" + options.key_log)) << refusal;
}

/// What a client that asks for it gets with the handshake; "" if nothing.
std::string staple_of(const tls_context& server)
{
    simulation sim;
    stream_pair between(sim.home());
    openssl_peer client(sim, between.take_left());
    SSL_set_tlsext_status_type(client.ssl(), TLSEXT_STATUSTYPE_ocsp);
    result<std::unique_ptr<stream>> made = error::no_value;
    sim.start(shake_hands(server, between.take_right(), "", made));
    EXPECT_TRUE(client.shake_hands());
    const unsigned char* staple = nullptr;
    const long size = SSL_get_tlsext_status_ocsp_resp(client.ssl(), &staple);
    return size <= 0
               ? ""
               : std::string(reinterpret_cast<const char*>(staple), static_cast<std::size_t>(size));
}

TEST(TlsContext, StaplesWhatTheAuthoritySays)
{
    const folder files;
    const std::string word = root().vouch_for(localhost());
    tls_certificate own = localhost();
    own.ocsp_response = files.write("response.der", word);
    auto server = tls_context::server(server_options_for(own));
    EXPECT_EQ(staple_of(server), word);
    EXPECT_EQ(staple_of(tls_context::server(server_options_for())), "");
    EXPECT_EQ(name_shown_by(server), "localhost") << "who does not ask gets none";

    const std::string newer = root().vouch_for(localhost());
    files.write("response.der", newer);
    server.reload();
    EXPECT_EQ(staple_of(server), newer);
    files.write("response.der", newer.substr(0, 20));
    const std::string text = complaint([&] { return server.reload(), 0; });
    EXPECT_TRUE(has(text, own.ocsp_response) && has(text, "damaged")) << text;
    EXPECT_EQ(staple_of(server), newer);
}

TEST(TlsContext, HandshakesASecondAreBounded)
{
    tls_server_options options = server_options_for();
    options.handshakes_per_second = 10;
    const auto server = tls_context::server(options);
    const auto client = tls_context::client(trusting_client());
    simulation sim;
    std::vector<shaken> all(150);
    for (shaken& both : all) {
        stream_pair between(sim.home());
        sim.start(shake_hands(client, between.take_left(), "localhost", both.client));
        sim.start(shake_hands(server, between.take_right(), "", both.server));
    }
    const auto done = [&] {
        std::size_t count = 0;
        for (const shaken& both : all) {
            count += both.server.has_value() ? 1 : 0;
        }
        return count;
    };
    sim.settle();
    EXPECT_EQ(done(), 100U) << "so many at once";
    sim.advance(2s);
    EXPECT_EQ(done(), 120U);
    sim.advance(5s);
    EXPECT_EQ(done(), 150U);
}

/// Who waits is woken when it is its turn: if all of them were at each turn, a crowd that is kept
/// waiting would keep the loop busy.
TEST(TlsContext, HandshakesThatWaitDoNotKeepTheLoopBusy)
{
    tls_server_options options = server_options_for();
    options.handshakes_per_second = 50;
    const auto server = tls_context::server(options);
    const auto client = tls_context::client(trusting_client());
    simulation sim;
    std::vector<shaken> all(300);  // 200 of them wait
    for (shaken& both : all) {
        stream_pair between(sim.home());
        sim.start(shake_hands(client, between.take_left(), "localhost", both.client));
        sim.start(shake_hands(server, between.take_right(), "", both.server));
    }
    std::size_t steps = 0;
    for (const time_point end = sim.now() + 5s; sim.now() < end && sim.step();) {
        ++steps;
    }
    EXPECT_TRUE(std::all_of(all.begin(), all.end(), [](const shaken& both) {
        return both.client.has_value() && both.server.has_value();
    }));
    RecordProperty("steps", static_cast<int>(steps));
    EXPECT_LT(steps, 20 * all.size()) << "200 * 200 / 2 more, if each turn woke all";
}

}  // namespace
