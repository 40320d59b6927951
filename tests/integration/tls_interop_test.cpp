#include "support/client_socket.hpp"
#include "support/tls_programs.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

/// Programs that others wrote, with other implementations of TLS, talk to ours.
namespace {

using namespace integration;
using testing::AllOf;
using testing::AnyOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using words = std::vector<std::string>;

std::string content_of(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// A server of lines for localhost.
words line_server(const words& more = {})
{
    return joined(joined({"--framing", "line"}, showing("server")), more);
}

words asking_for_certificates()
{
    return {"--client-ca", certificates::made().authority(), "--client-certificates", "optional"};
}

/// openssl s_client, which ends when its input does.
words openssl_client(const std::string& where, const words& more = {})
{
    return joined({"openssl", "s_client", "-connect", where, "-CAfile",
                   certificates::made().authority(), "-verify_return_error", "-no_ign_eof"},
                  more);
}

words openssl_showing(const std::string& name)
{
    return {"-cert", certificates::made().chain(name), "-key", certificates::made().key(name)};
}

/// Sends a line, waits for it to come back, and ends the program.
child_process::outcome say_hello(const words& command)
{
    child_process client(command);
    client.write("hello\n");
    EXPECT_EQ(client.line("hello"), "hello");
    return client.finish();
}

// ---- openssl s_client ---------------------------------------------------------------------------

class OpensslClient : public WithCertificates, public testing::WithParamInterface<const char*> {
protected:
    std::string version_flag() const { return std::string("-") + GetParam(); }
    std::string version() const
    {
        return GetParam() == std::string("tls1_2") ? "TLSv1.2" : "TLSv1.3";
    }
};

INSTANTIATE_TEST_SUITE_P(With, OpensslClient, testing::Values("tls1_2", "tls1_3"),
                         [](const auto& i) { return std::string(i.param); });

TEST_P(OpensslClient, GetsItsLines)
{
    tls_echo_server server(line_server());
    const auto ended = say_hello(openssl_client(server.where(), {version_flag(), "-brief"}));
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "hello\n");
    EXPECT_THAT(ended.errors,
                AllOf(HasSubstr("Protocol version: " + version()), HasSubstr("Verification: OK")));
    EXPECT_THAT(server.line("opened"), HasSubstr(" (" + version() + ", "));
    EXPECT_THAT(server.line("closed"), HasSubstr("closed in order (1 message, 6 bytes received"));
}

TEST_P(OpensslClient, ShowsACertificateAndAgreesOnAProtocol)
{
    tls_echo_server server(line_server(joined(asking_for_certificates(), {"--alpn", "h2,echo"})));
    child_process client(openssl_client(
        server.where(), joined({version_flag(), "-alpn", "echo,h2"}, openssl_showing("alice"))));
    EXPECT_THAT(client.finish().output, HasSubstr("ALPN protocol: h2"));
    EXPECT_THAT(server.line("opened"), EndsWith(", h2, client CN=alice)"));
}

TEST_P(OpensslClient, GoesOnWithAnEarlierSession)
{
    tls_echo_server server(line_server(asking_for_certificates()));
    const std::string session = all().folder() + "/session";
    std::filesystem::remove(session);
    child_process first(openssl_client(
        server.where(), joined({version_flag(), "-sess_out", session}, openssl_showing("alice"))));
    // TLS 1.3 sends what is needed for that after the handshake.
    ASSERT_TRUE(soon([&] { return content_of(session).find("-----END") != std::string::npos; }));
    EXPECT_THAT(first.finish().output, HasSubstr("New, " + version()));
    EXPECT_THAT(server.line("opened"), Not(HasSubstr("resumed")));

    child_process second(openssl_client(server.where(), {version_flag(), "-sess_in", session}));
    EXPECT_THAT(second.finish().output, HasSubstr("Reused, " + version()));
    // It shows no certificate: the session remembers whose it is.
    EXPECT_THAT(server.line("opened"), EndsWith(", resumed, client CN=alice)"));
}

TEST_P(OpensslClient, EndsBeforeItHasSaidAnything)
{
    tls_echo_server server(line_server());
    child_process client(openssl_client(server.where(), {version_flag()}));
    EXPECT_EQ(client.finish().code, 0);
    EXPECT_THAT(server.line("closed"), HasSubstr("closed in order (0 messages"));
}

/// Its connection ends without the end of TLS, as if somebody had cut it.
TEST_P(OpensslClient, IsKilled)
{
    tls_echo_server server(line_server());
    child_process client(openssl_client(server.where(), {version_flag(), "-brief"}));
    client.write("hello\n");
    EXPECT_EQ(client.line("hello"), "hello");
    client.signal(SIGKILL);
    EXPECT_THAT(server.line("closed"), AllOf(Not(HasSubstr("in order")), HasSubstr("1 message")));
    EXPECT_EQ(say_hello(openssl_client(server.where(), {"-brief"})).code, 0);
}

TEST_P(OpensslClient, DoesNotTrustASelfSignedCertificate)
{
    tls_echo_server server;
    child_process client(openssl_client(server.where(), {version_flag()}));
    EXPECT_EQ(client.finish().code, 1);
    EXPECT_THAT(server.line("closed"), HasSubstr("did not accept our certificate"));
}

using TlsInterop = WithCertificates;

TEST_F(TlsInterop, OldVersionsAreRefused)
{
    tls_echo_server server(line_server());
    child_process client(
        openssl_client(server.where(), {"-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"}));
    const auto ended = client.finish();
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, HasSubstr("alert protocol version"));
    EXPECT_THAT(server.line("closed"),
                AllOf(HasSubstr("no version of TLS in common"), EndsWith(" Ph")));
}

TEST_F(TlsInterop, WeakCiphersAreRefused)
{
    tls_echo_server server(line_server());
    child_process client(openssl_client(
        server.where(), {"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA@SECLEVEL=0"}));
    const auto ended = client.finish();
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, HasSubstr("alert handshake failure"));
    EXPECT_THAT(server.line("closed"), HasSubstr("no cipher of TLS in common"));
}

TEST_F(TlsInterop, UnknownProtocolsAreRefused)
{
    tls_echo_server server(line_server({"--alpn", "h2"}));
    child_process client(openssl_client(server.where(), {"-alpn", "other"}));
    const auto ended = client.finish();
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, HasSubstr("alert no application protocol"));
    EXPECT_THAT(server.line("closed"), HasSubstr("no application protocol (ALPN) in common"));
}

TEST_F(TlsInterop, AClientThatWantsNewKeysGetsThem)
{
    tls_echo_server server(line_server());
    child_process client(openssl_client(server.where(), {"-brief", "-tls1_3"}));
    client.write("before\n");
    EXPECT_EQ(client.line("before"), "before");
    client.write("K\n");  // a command of s_client: both sides take new keys
    EXPECT_EQ(client.error_line("KEYUPDATE"), "KEYUPDATE");
    client.write("after\n");
    EXPECT_EQ(client.line("after"), "after");
    EXPECT_EQ(client.finish().code, 0);
    EXPECT_THAT(server.line("closed"), HasSubstr("closed in order (2 messages"));
}

TEST_F(TlsInterop, NobodyRenegotiates)
{
    tls_echo_server server(line_server());
    child_process client(openssl_client(server.where(), {"-brief", "-tls1_2"}));
    client.write("before\n");
    EXPECT_EQ(client.line("before"), "before");
    client.write("R\n");  // a command of s_client: another handshake
    EXPECT_THAT(client.finish().errors, HasSubstr("no renegotiation"));
    EXPECT_THAT(server.line("closed"), HasSubstr("1 message"));
}

/// What a client asks for, and what its certificate says, are written to the log, and may be anything.
TEST_F(TlsInterop, NoClientWritesLinesOfTheLog)
{
    tls_echo_server server(line_server(joined(asking_for_certificates(), {"--alpn", "h2"})));
    child_process asking(openssl_client(
        server.where(), {"-alpn", "other", "-servername", "a\nstopped by an intruder"}));
    EXPECT_EQ(asking.finish().code, 1);
    EXPECT_THAT(server.line("no handshake"),
                HasSubstr("which asked for a?stopped by an intruder: no application protocol"));
    child_process showing_one(openssl_client(server.where(), openssl_showing("intruder")));
    showing_one.finish();
    EXPECT_THAT(server.line("no handshake"), HasSubstr("for a?stopped by an intruder"));
    EXPECT_THAT(server.stop(SIGTERM).output, Not(HasSubstr("\nstopped by")));
}

TEST_F(TlsInterop, AClientLeavesInTheMiddleOfTheHandshake)
{
    tls_echo_server server(line_server());
    client_socket client(server.port());
    ASSERT_TRUE(client.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)));
    client.half_close();
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_THAT(server.line("closed"),
                AllOf(HasSubstr("the peer closed the connection during the TLS handshake"),
                      EndsWith(" Ph")));
}

// ---- openssl s_server ---------------------------------------------------------------------------

/// Sends each line back, reversed: palindromes come back as they are.
class openssl_server {
public:
    explicit openssl_server(const words& more)
        : process_(joined({"openssl", "s_server", "-accept", "127.0.0.1:0", "-rev"}, more))
    {
        const std::string line = process_.line("ACCEPT ");
        if (!line.empty()) {
            where_ = line.substr(std::string("ACCEPT ").size());
        }
    }

    const std::string& where() const noexcept { return where_; }

private:
    child_process process_;
    std::string where_;
};

child_process::outcome send_line(const std::string& where, const words& more = {})
{
    return run_tls_client(
        where, joined(joined(trusting_the_authority(), {"--framing", "line", "level"}), more));
}

class OpensslServer : public WithCertificates, public testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(With, OpensslServer, testing::Values("-tls1_2", "-tls1_3"),
                         [](const auto& i) { return std::string(i.param).substr(1); });

TEST_P(OpensslServer, AnswersOurClient)
{
    openssl_server server(joined(openssl_showing("server"), {GetParam(), "-alpn", "h2"}));
    const auto ended = send_line(server.where(), {"--alpn", "h2"});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "echo: level\n");
}

TEST_P(OpensslServer, RequiresACertificate)
{
    openssl_server server(
        joined(openssl_showing("server"),
               {GetParam(), "-Verify", "1", "-verify_return_error", "-CAfile", all().authority()}));
    const auto alice = send_line(server.where(), showing("alice"));
    EXPECT_EQ(alice.code, 0) << alice.errors;
    EXPECT_EQ(alice.output, "echo: level\n");
    const auto nobody = send_line(server.where());
    EXPECT_EQ(nobody.code, 1);
    EXPECT_THAT(nobody.errors, HasSubstr("--certificate and --key")) << nobody.errors;
}

TEST_P(OpensslServer, HasAnExpiredCertificate)
{
    openssl_server server(joined(openssl_showing("expired"), {GetParam()}));
    const auto ended = send_line(server.where());
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, AllOf(HasSubstr("the server's certificate has expired"),
                                    HasSubstr("CN=localhost")));
}

TEST_P(OpensslServer, IsForAnotherHost)
{
    openssl_server server(joined(openssl_showing("elsewhere"), {GetParam()}));
    const auto ended = send_line(server.where());
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, HasSubstr("--server-name"));
}

/// A certificate of a client does not make a server.
TEST_P(OpensslServer, HasACertificateForAnotherPurpose)
{
    openssl_server server(joined(openssl_showing("alice"), {GetParam()}));
    const auto ended = send_line(server.where());
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, HasSubstr("for another purpose"));
}

TEST_F(TlsInterop, AnOldServerIsRefused)
{
    openssl_server server(
        joined(openssl_showing("server"), {"-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"}));
    const auto ended = send_line(server.where());
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, HasSubstr("no version of TLS in common"));
}

// ---- GnuTLS -------------------------------------------------------------------------------------

class Gnutls : public WithCertificates, public testing::WithParamInterface<const char*> {
protected:
    std::string priority() const { return std::string("NORMAL:-VERS-ALL:+VERS-") + GetParam(); }
};

INSTANTIATE_TEST_SUITE_P(With, Gnutls, testing::Values("TLS1.2", "TLS1.3"), [](const auto& i) {
    return i.param == std::string("TLS1.2") ? "tls1_2" : "tls1_3";
});

TEST_P(Gnutls, ClientGetsItsLines)
{
    REQUIRE_PROGRAM("gnutls-cli")
    tls_echo_server server(line_server(joined(asking_for_certificates(), {"--alpn", "echo"})));
    const auto ended =
        say_hello({"gnutls-cli", "--priority", priority(), "--x509cafile", all().authority(),
                   "--x509certfile", all().chain("alice"), "--x509keyfile", all().key("alice"),
                   "--alpn", "echo", "-p", std::to_string(server.port()), "127.0.0.1"});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(server.line("opened"), AllOf(HasSubstr(std::string("(TLSv") + (GetParam() + 3)),
                                             EndsWith(", echo, client CN=alice)")));
    EXPECT_THAT(server.line("closed"), HasSubstr("closed in order (1 message"));
}

/// Where a program listens that was told to choose a port.
std::string listening_port(const child_process& program)
{
    std::string port;
    const bool found = soon([&] {
        port = shell("ss -Hltnp | grep 'pid=" + std::to_string(program.id()) +
                     ",' | grep -oE '(0\\.0\\.0\\.0|127\\.0\\.0\\.1):[0-9]+' | head -1 | "
                     "sed 's/.*://' | tr -d '\\n'")
                   .output;
        return !port.empty();
    });
    EXPECT_TRUE(found) << "no port found";
    return port;
}

TEST_P(Gnutls, ServerAnswersOurClient)
{
    REQUIRE_PROGRAM("gnutls-serv")
    REQUIRE_PROGRAM("ss")
    child_process server({"gnutls-serv", "--echo", "--port", "0", "--priority", priority(),
                          "--x509certfile", all().chain("server"), "--x509keyfile",
                          all().key("server"), "--alpn", "echo"});
    const std::string where = "127.0.0.1:" + listening_port(server);
    const auto ended =
        run_tls_client(where, joined(trusting_the_authority(),
                                     {"--framing", "line", "--alpn", "echo", "hello", "again"}));
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "echo: hello\necho: again\n");
}

// ---- socat, curl, Python ------------------------------------------------------------------------

TEST_F(TlsInterop, SocatSendsLines)
{
    REQUIRE_PROGRAM("socat")
    tls_echo_server server(line_server());
    const auto socat = shell(
        "socat -t 5 - OPENSSL:" + server.where() + ",cafile=" + all().authority(), "one\ntwo\r\n");
    EXPECT_EQ(socat.code, 0) << socat.errors;
    EXPECT_EQ(socat.output, "one\ntwo\r\n");
    EXPECT_THAT(server.line("closed"), HasSubstr("closed in order (2 messages"));
}

TEST_F(TlsInterop, SocatServesOurClient)
{
    REQUIRE_PROGRAM("socat")
    REQUIRE_PROGRAM("ss")
    child_process socat({"socat",
                         "OPENSSL-LISTEN:0,bind=127.0.0.1,cert=" + all().chain("server") +
                             ",key=" + all().key("server") + ",cafile=" + all().authority(),
                         "PIPE"});
    const std::string where = "127.0.0.1:" + listening_port(socat);
    const auto ended = run_tls_client(
        where, joined(joined(trusting_the_authority(), showing("alice")), {"hello", "again"}));
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "echo: hello\necho: again\n");
}

TEST_F(TlsInterop, CurlGetsItsOwnRequest)
{
    REQUIRE_PROGRAM("curl")
    tls_echo_server server(
        joined(showing("server"), {"--framing", "raw", "--idle-timeout", "300ms"}));
    child_process curl({"curl", "-s", "--http0.9", "--cacert", all().authority(),
                        "https://" + server.where() + "/some/where"});
    const auto ended = curl.finish();
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(ended.output, StartsWith("GET /some/where HTTP/1.1\r\n"));
}

TEST_F(TlsInterop, CurlSpeaksHttpWithoutTls)
{
    REQUIRE_PROGRAM("curl")
    tls_echo_server server(showing("server"));
    child_process curl({"curl", "-s", "http://" + server.where() + "/"});
    EXPECT_NE(curl.finish().code, 0);
    EXPECT_THAT(
        server.line("closed"),
        AllOf(HasSubstr("an HTTP request without TLS; it should use https"), EndsWith(" Ph")));
}

// ---- what a scanner finds -----------------------------------------------------------------------

/// The elements of this name, and what stands in one of their attributes.
std::vector<std::string> elements(const std::string& xml, const std::string& name)
{
    std::vector<std::string> found;
    for (std::size_t at = 0; (at = xml.find('<' + name + ' ', at)) != std::string::npos; ++at) {
        found.push_back(xml.substr(at, xml.find('>', at) - at));
    }
    return found;
}

std::string attribute(const std::string& element, const std::string& name)
{
    const std::size_t at = element.find(' ' + name + "=\"");
    if (at == std::string::npos) {
        return "";
    }
    const std::size_t begin = at + name.size() + 3;
    return element.substr(begin, element.find('"', begin) - begin);
}

TEST_F(TlsInterop, AScannerFindsNoWeakness)
{
    REQUIRE_PROGRAM("sslscan")
    for (const bool is_self_signed : {true, false}) {
        tls_echo_server server(is_self_signed ? words{} : line_server());
        const std::string file = all().folder() + "/scan.xml";
        const auto scan =
            shell("sslscan --no-colour --show-sigs --xml=" + file + " " + server.where());
        ASSERT_EQ(scan.code, 0) << scan.output;
        const std::string xml = content_of(file);
        std::set<std::string> versions;
        for (const std::string& protocol : elements(xml, "protocol")) {
            if (attribute(protocol, "enabled") != "0") {
                versions.insert(attribute(protocol, "type") + attribute(protocol, "version"));
            }
        }
        EXPECT_EQ(versions, (std::set<std::string>{"tls1.2", "tls1.3"}));
        for (const std::string& vulnerable : elements(xml, "heartbleed")) {
            EXPECT_EQ(attribute(vulnerable, "vulnerable"), "0") << vulnerable;
        }
        for (const char* unwanted : {"renegotiation", "compression"}) {
            for (const std::string& found : elements(xml, unwanted)) {
                EXPECT_EQ(attribute(found, "supported"), "0") << found;
            }
        }
        EXPECT_GE(elements(xml, "cipher").size(), 6U) << "is this a scan?";
        for (const std::string& cipher : elements(xml, "cipher")) {
            EXPECT_THAT(attribute(cipher, "strength"), AnyOf("strong", "acceptable")) << cipher;
            EXPECT_GE(std::stoi(attribute(cipher, "bits")), 128) << cipher;
            EXPECT_THAT(attribute(cipher, "cipher"),
                        AnyOf(HasSubstr("GCM"), HasSubstr("CHACHA20")));
            // Those of TLS 1.3 have it all, and of hybrid keys, as of OpenSSL 3.5, the scanner knows no bits.
            EXPECT_TRUE(attribute(cipher, "sslversion") == "TLSv1.3" ||
                        !attribute(cipher, "ecdhebits").empty())
                << "no forward secrecy: " << cipher;
        }
        EXPECT_GE(elements(xml, "group").size(), 3U);
        for (const std::string& group : elements(xml, "group")) {
            EXPECT_GE(std::stoi(attribute(group, "bits")), 112) << group;
            EXPECT_THAT(attribute(group, "name"), Not(HasSubstr("ffdhe"))) << group;
        }
        for (const std::string& signature : elements(xml, "connection-signature-algorithm")) {
            EXPECT_THAT(attribute(signature, "name"),
                        AllOf(Not(HasSubstr("sha1")), Not(HasSubstr("md5"))))
                << signature;
        }
        for (const std::string& key : elements(xml, "pk")) {
            EXPECT_EQ(attribute(key, "error"), "false") << key;
        }
        EXPECT_THAT(xml, HasSubstr("<expired>false</expired>"));
    }
}

constexpr const char* python_client = R"(
import socket, ssl, struct, sys
port, authority, version = int(sys.argv[1]), sys.argv[2], getattr(ssl.TLSVersion, sys.argv[3])
context = ssl.create_default_context(cafile=authority)
context.minimum_version = context.maximum_version = version
messages = [b'hello', b'', 'Grüße, 世界'.encode(), b'x' * 300000]
s = context.wrap_socket(socket.create_connection(('127.0.0.1', port), 10), server_hostname='localhost')
def read(n):
    data = b''
    while len(data) < n:
        piece = s.recv(n - len(data))
        assert piece, 'ended after ' + str(len(data))
        data += piece
    return data
for m in messages:
    frame = struct.pack('>I', len(m)) + m
    if len(frame) < 100:
        for i in range(len(frame)):
            s.sendall(frame[i:i + 1])  # a record for each byte
    else:
        s.sendall(frame)
    assert read(4) == struct.pack('>I', len(m))
    assert read(len(m)) == m
s.unwrap()  # fails unless the server says its own end
print(len(messages), 'over', s.version() or sys.argv[3])
)";

class PythonTls : public WithCertificates, public testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(Over, PythonTls, testing::Values("TLSv1_2", "TLSv1_3"),
                         [](const auto& i) { return std::string(i.param); });

TEST_P(PythonTls, StructPackedMessagesComeBack)
{
    REQUIRE_PROGRAM("python3")
    tls_echo_server server(showing("server"));
    child_process python({"python3", "-c", python_client, std::to_string(server.port()),
                          all().authority(), GetParam()});
    const auto ended = python.finish();
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(ended.output, StartsWith("4 over"));
    EXPECT_THAT(server.line("closed"), HasSubstr("closed in order (4 messages"));
}

}  // namespace
