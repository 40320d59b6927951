#include "support/client_socket.hpp"
#include "support/tls_programs.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

/// tls_echo_server and tls_echo_client as people and scripts use them.
namespace {

using namespace integration;
using testing::AllOf;
using testing::AnyOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

const std::string server_program = TLS_ECHO_SERVER;
const std::string client_program = TLS_ECHO_CLIENT;

/// The last word of a line.
std::string fingerprint_in(const std::string& line)
{
    return line.substr(line.rfind(' ') + 1);
}

using TlsPrograms = WithCertificates;

// ---- wrong usage --------------------------------------------------------------------------------

struct wrong_usage {
    std::string name;
    std::vector<std::string> command;
    std::string hint;
};

void PrintTo(const wrong_usage& w, std::ostream* out)
{
    *out << w.name;
}

class WrongTlsUsage : public testing::TestWithParam<wrong_usage> {};

TEST_P(WrongTlsUsage, IsExplainedAndEndsWithTwo)
{
    child_process program(GetParam().command);
    const auto ended = program.finish();
    EXPECT_EQ(ended.code, 2);
    EXPECT_THAT(ended.output, IsEmpty());
    EXPECT_THAT(ended.errors, AllOf(HasSubstr(GetParam().hint), HasSubstr("--help")));
}

INSTANTIATE_TEST_SUITE_P(
    Of, WrongTlsUsage,
    testing::Values(
        wrong_usage{"ServerKeyAlone", {server_program, "--key", "k.pem"}, "--certificate"},
        wrong_usage{"ServerWantsCertificatesOfNobody",
                    {server_program, "--client-certificates", "required"},
                    "--client-ca"},
        wrong_usage{"ServerSomeCertificates",
                    {server_program, "--client-certificates", "some"},
                    "none, optional or required"},
        wrong_usage{"ServerEmptyProtocol", {server_program, "--alpn", "h2,,x"}, "h2,http/1.1"},
        wrong_usage{"ClientKeyAlone", {client_program, "--key", "k.pem", "x"}, "--certificate"},
        wrong_usage{"ClientFingerprintTooShort",
                    {client_program, "--fingerprint", "ab:cd", "x"},
                    "64 hexadecimal digits"},
        wrong_usage{"ClientFingerprintOfLetters",
                    {client_program, "--fingerprint", std::string(64, 'g'), "x"},
                    "64 hexadecimal digits"},
        wrong_usage{"ClientEmptyProtocol", {client_program, "--alpn", "", "x"}, "h2,http/1.1"},
        wrong_usage{"ClientInsecureAndAuthority",
                    {client_program, "--insecure", "--ca", "a.pem", "x"},
                    "--insecure"},
        wrong_usage{"ClientSocketWithoutName",
                    {client_program, "--connect", "unix:/tmp/nobody", "x"},
                    "--server-name"},
        wrong_usage{"ClientSocketWithoutNameThoughPinned",
                    {client_program, "--connect", "unix:/tmp/nobody", "--ca", "a.pem",
                     "--fingerprint", std::string(64, 'a'), "x"},
                    "--server-name"}),
    [](const auto& i) { return i.param.name; });

TEST(TlsProgramsHelp, NamesEveryFlagOfTheTcpPairAndItsOwn)
{
    const auto flags_of = [](const std::string& program) {
        std::istringstream help(shell(program + " --help").output);
        std::set<std::string> flags;
        for (std::string word; help >> word;) {
            if (word.starts_with("--")) {
                flags.insert(word.substr(0, word.find_first_of("=,;.")));
            }
        }
        return flags;
    };
    EXPECT_THAT(flags_of(server_program), testing::IsSupersetOf(flags_of(TCP_ECHO_SERVER)));
    EXPECT_THAT(flags_of(client_program), testing::IsSupersetOf(flags_of(TCP_ECHO_CLIENT)));
    EXPECT_THAT(flags_of(server_program),
                testing::IsSupersetOf({"--certificate", "--key", "--client-ca", "--alpn",
                                       "--client-certificates", "--key-log"}));
    EXPECT_THAT(flags_of(client_program),
                testing::IsSupersetOf({"--ca", "--certificate", "--key", "--alpn", "--server-name",
                                       "--fingerprint", "--insecure", "--key-log"}));
}

// ---- files that are not good --------------------------------------------------------------------

struct bad_files {
    std::string name;
    std::string program;
    std::string flags;  ///< in the folder of the certificates
    std::string text;
};

void PrintTo(const bad_files& b, std::ostream* out)
{
    *out << b.name;
}

class BadFiles : public WithCertificates, public testing::WithParamInterface<bad_files> {};

TEST_P(BadFiles, AreNamedBeforeAnythingIsOpened)
{
    const auto ended =
        shell("cd " + all().folder() + " && exec " + GetParam().program + ' ' + GetParam().flags);
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.output, IsEmpty());
    const std::string name = std::filesystem::path(GetParam().program).filename();
    EXPECT_THAT(ended.errors, AllOf(StartsWith(name + ": "), HasSubstr(GetParam().text)));
}

INSTANTIATE_TEST_SUITE_P(
    Of, BadFiles,
    testing::Values(
        bad_files{"KeyOfAnother", server_program, "--certificate server.pem --key alice.key",
                  "the private key in alice.key does not belong to the certificate in server.pem"},
        bad_files{"NoCertificateFile", server_program, "--certificate none.pem --key server.key",
                  "cannot read the certificate 'none.pem': No such file"},
        bad_files{"NoKeyFile", server_program, "--certificate server.pem --key none.key",
                  "cannot read the private key 'none.key': No such file"},
        bad_files{"KeyNotInTheChain", server_program, "--certificate server.pem",
                  "there is no PEM private key in it"},
        bad_files{"NoCertificateInIt", server_program, "--certificate all.cnf --key server.key",
                  "there is no PEM certificate in it"},
        bad_files{"Expired", server_program, "--certificate expired.pem --key expired.key",
                  "the certificate in expired.pem has expired: CN=localhost"},
        bad_files{"NoClientAuthority", server_program, "--client-ca none.pem",
                  "cannot read the client authorities 'none.pem'"},
        bad_files{"ServerKeyLog", server_program, "--key-log /does/not/exist",
                  "cannot write the key log '/does/not/exist'"},
        bad_files{"ClientNoAuthority", client_program, "--ca none.pem x",
                  "cannot read the authorities 'none.pem'"},
        bad_files{"ClientKeyOfAnother", client_program,
                  "--certificate alice.pem --key server.key x", "does not belong"}),
    [](const auto& i) { return i.param.name; });

// ---- whom clients trust -------------------------------------------------------------------------

TEST(TlsProgramsAlone, TheServerSaysHowToConnectToIt)
{
    tls_echo_server server;
    const std::string certificate = server.line("certificate: ");
    ASSERT_THAT(certificate, MatchesRegex("certificate: self-signed for localhost, "
                                          "fingerprint [0-9a-f]{64}"));
    const std::string hint = server.line("to connect: ");
    EXPECT_EQ(hint, "to connect: tls_echo_client --connect " + server.where() + " --fingerprint " +
                        fingerprint_in(certificate));

    const std::string flags = hint.substr(hint.find("--connect"));
    const auto ended = shell(client_program + ' ' + flags + " hello '' 'Grüße, 世界'");
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "echo: hello\necho: \necho: Grüße, 世界\n");
    EXPECT_THAT(ended.errors, IsEmpty());
    const std::string opened = server.line("opened");
    EXPECT_THAT(opened,
                MatchesRegex("opened 127\\.0\\.0\\.1:[0-9]+ \\(TLSv1\\.3, TLS_[A-Z0-9_]+\\)"));
    const std::string peer = opened.substr(7, opened.find(" (") - 7);
    EXPECT_EQ(server.line("closed"),
              "closed " + peer +
                  ": closed in order (3 messages, 32 bytes received, 32 bytes sent) Pi");
}

TEST(TlsProgramsAlone, AnotherFingerprintIsRefused)
{
    tls_echo_server server;
    const auto ended =
        run_tls_client(server.where(), {"--fingerprint", std::string(64, 'a'), "hello"});
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.output, IsEmpty());
    EXPECT_THAT(ended.errors,
                AllOf(StartsWith("tls_echo_client: cannot connect to " + server.where() +
                                 ": the server shows another "
                                 "certificate than --fingerprint"),
                      HasSubstr("CN=localhost, issued by CN=localhost")));
    EXPECT_THAT(server.line("no handshake"), StartsWith("no handshake with 127.0.0.1:"));
    EXPECT_THAT(server.line("closed"), EndsWith("(0 messages, 0 bytes received, 0 bytes sent) Ph"));
}

TEST(TlsProgramsAlone, ASelfSignedCertificateIsNotTrustedUnlessPinned)
{
    tls_echo_server server;
    const auto ended = run_tls_client(server.where(), {"hello"});
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, AllOf(HasSubstr("pass its authority with --ca, or pin it with "
                                              "--fingerprint"),
                                    HasSubstr("self-signed")));
    EXPECT_THAT(server.line("closed"), HasSubstr("did not accept our certificate"));
}

TEST(TlsProgramsAlone, InsecureWarnsAndWorks)
{
    tls_echo_server server;
    const auto ended = run_tls_client(server.where(), {"--insecure", "hello"});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "echo: hello\n");
    EXPECT_THAT(ended.errors, StartsWith("tls_echo_client: warning: --insecure takes every "
                                         "certificate"));
}

TEST_F(TlsPrograms, AnAuthorityIsTrusted)
{
    tls_echo_server server(showing("server"));
    const auto ended = run_tls_client(server.where(), joined(trusting_the_authority(), {"hello"}));
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "echo: hello\n");
    EXPECT_THAT(server.line("closed"), HasSubstr("closed in order (1 message,"));
    EXPECT_THAT(server.stop(SIGTERM).output, Not(HasSubstr("self-signed")));
}

TEST_F(TlsPrograms, TheCertificateHasToNameTheHost)
{
    tls_echo_server server(showing("elsewhere"));
    const auto trusting = trusting_the_authority();
    const auto wrong = run_tls_client(server.where(), joined(trusting, {"hello"}));
    EXPECT_EQ(wrong.code, 1);
    EXPECT_THAT(wrong.errors,
                AllOf(HasSubstr("--server-name"), HasSubstr("CN=example.org"), HasSubstr("for")));
    const auto right =
        run_tls_client(server.where(), joined(trusting, {"--server-name", "example.org", "hello"}));
    EXPECT_EQ(right.code, 0) << right.errors;
}

TEST_F(TlsPrograms, APinAndAnAuthorityAreBothRequired)
{
    tls_echo_server server(showing("server"));
    const auto pinned = joined(trusting_the_authority(), {"--fingerprint", std::string(64, 'a')});
    const auto ended = run_tls_client(server.where(), joined(pinned, {"hello"}));
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, HasSubstr("another certificate than --fingerprint"));
}

// ---- whom the server trusts ---------------------------------------------------------------------

TEST_F(TlsPrograms, RequiredClientCertificates)
{
    tls_echo_server server(joined(showing("server"), {"--client-ca", all().authority()}));
    const auto trusting = trusting_the_authority();

    const auto alice =
        run_tls_client(server.where(), joined(joined(trusting, showing("alice")), {"hello"}));
    EXPECT_EQ(alice.code, 0) << alice.errors;
    EXPECT_THAT(server.line("opened"), EndsWith(", client CN=alice)"));

    const auto nobody = run_tls_client(server.where(), joined(trusting, {"hello"}));
    EXPECT_EQ(nobody.code, 1);
    EXPECT_THAT(nobody.errors, HasSubstr("with --certificate and --key"));
    EXPECT_THAT(server.line("no handshake"),
                HasSubstr("the client showed no certificate, and one is required"));

    const auto stranger =
        run_tls_client(server.where(), joined(joined(trusting, showing("stranger")), {"hello"}));
    EXPECT_EQ(stranger.code, 1);
    EXPECT_THAT(stranger.errors, HasSubstr("does not accept our certificate"));
    EXPECT_THAT(server.line("no handshake"),
                AllOf(HasSubstr("not signed by an authority that is trusted here"),
                      HasSubstr("CN=stranger, issued by CN=stranger")));
    EXPECT_THAT(server.line("closed"), EndsWith(" Ph"));
}

TEST_F(TlsPrograms, OptionalClientCertificates)
{
    tls_echo_server server(joined(showing("server"), {"--client-ca", all().authority(),
                                                      "--client-certificates", "optional"}));
    const auto trusting = trusting_the_authority();
    EXPECT_EQ(run_tls_client(server.where(), joined(trusting, {"hello"})).code, 0);
    EXPECT_THAT(server.line("opened"), Not(HasSubstr("client")));
    EXPECT_EQ(
        run_tls_client(server.where(), joined(joined(trusting, showing("alice")), {"hello"})).code,
        0);
    EXPECT_THAT(server.line("opened"), EndsWith(", client CN=alice)"));
    EXPECT_EQ(
        run_tls_client(server.where(), joined(joined(trusting, showing("stranger")), {"hello"}))
            .code,
        1);
    EXPECT_THAT(server.line("no handshake"), HasSubstr("CN=stranger"));
}

TEST_F(TlsPrograms, ClientsThatAreNotAskedShowNothing)
{
    tls_echo_server server(joined(
        showing("server"), {"--client-ca", all().authority(), "--client-certificates", "none"}));
    const auto alice = joined(joined(trusting_the_authority(), showing("alice")), {"hello"});
    EXPECT_EQ(run_tls_client(server.where(), alice).code, 0);
    EXPECT_THAT(server.line("opened"), Not(HasSubstr("alice")));
}

// ---- application protocols ----------------------------------------------------------------------

TEST(TlsProgramsAlone, TheServersFirstProtocolThatBothKnowIsAgreed)
{
    tls_echo_server server({"--alpn", "h2,http/1.1"});
    const auto both =
        run_tls_client(server.where(), {"--insecure", "--alpn", "http/1.1,h2", "hello"});
    EXPECT_EQ(both.code, 0) << both.errors;
    EXPECT_THAT(server.line("opened"), EndsWith(", h2)"));
    EXPECT_EQ(run_tls_client(server.where(), {"--insecure", "--alpn", "http/1.1", "hello"}).code,
              0);
    EXPECT_THAT(server.line("opened"), EndsWith(", http/1.1)"));
    EXPECT_EQ(run_tls_client(server.where(), {"--insecure", "hello"}).code, 0);
    EXPECT_THAT(server.line("opened"), Not(AnyOf(HasSubstr("h2"), HasSubstr("http"))));
}

TEST(TlsProgramsAlone, NoProtocolInCommon)
{
    tls_echo_server server({"--alpn", "h2"});
    const auto ended = run_tls_client(server.where(), {"--insecure", "--alpn", "mqtt", "hello"});
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, HasSubstr("none of the protocols that --alpn offers"));
    EXPECT_THAT(server.line("closed"), HasSubstr("no application protocol (ALPN) in common"));
}

// ---- with and without TLS -----------------------------------------------------------------------

class WithoutTls : public testing::TestWithParam<const char*> {};

TEST_P(WithoutTls, ATlsClientSaysThatTheServerHasNone)
{
    echo_server server({"--framing", GetParam()});
    const auto ended = run_tls_client(server.where(), {"--timeout", "500ms", "hello"});
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, AllOf(HasSubstr("cannot connect to " + server.where()),
                                    HasSubstr("TLS"), HasSubstr("tcp_echo_server")));
}

INSTANTIATE_TEST_SUITE_P(Framings, WithoutTls, testing::Values("length4", "line", "raw"),
                         [](const auto& i) { return std::string(i.param); });

TEST(TlsProgramsAlone, AServerThatGreetsWithoutTlsIsNoTls)
{
    child_process greeter({"python3", "-c", R"(
import socket
s = socket.create_server(('127.0.0.1', 0))
print('port', s.getsockname()[1], flush=True)
c, _ = s.accept()
c.sendall(b'220 mail.example.org ready\r\n')
c.recv(100000)
)"});
    const std::string port = greeter.line("port ");
    if (port.empty()) {
        GTEST_SKIP() << "python3 is not installed";
    }
    const auto ended = run_tls_client("127.0.0.1:" + port.substr(5), {"hello"});
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.errors, HasSubstr("what answers there is not TLS; is it tcp_echo_server?"));
}

TEST(TlsProgramsAlone, ATcpClientIsNotServed)
{
    tls_echo_server server;
    child_process client({TCP_ECHO_CLIENT, "--connect", server.where(), "hello"});
    const auto ended = client.finish();
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.output, IsEmpty());
    EXPECT_THAT(ended.errors, HasSubstr("the server ended the connection; its log says why"));
    EXPECT_THAT(
        server.line("closed"),
        AllOf(HasSubstr("the peer speaks without TLS where TLS is expected"), EndsWith(" Ph")));
}

TEST(TlsProgramsAlone, AQuietServerDoesNotTellOfHandshakes)
{
    tls_echo_server server({"--quiet"});
    EXPECT_EQ(run_tls_client(server.where(), {"hello"}).code, 1);
    EXPECT_EQ(run_tls_client(server.where(), {"--insecure", "hello"}).code, 0);
    const auto ended = server.stop(SIGTERM);
    EXPECT_EQ(ended.code, 0);
    EXPECT_THAT(ended.output,
                AllOf(Not(HasSubstr("handshake")), HasSubstr("stopped after 2 connections")));
    EXPECT_THAT(ended.errors, IsEmpty());
}

TEST(TlsProgramsAlone, NobodyListens)
{
    std::string where;
    {
        tls_echo_server gone;
        where = gone.where();
    }
    const auto ended = run_tls_client(where, {"hello"});
    EXPECT_EQ(ended.code, 1);
    EXPECT_EQ(ended.errors, "tls_echo_client: cannot connect to " + where +
                                ": nobody listens there; start tls_echo_server, or see "
                                "--connect\n");
}

// ---- what is carried ----------------------------------------------------------------------------

class EveryTlsFraming : public testing::TestWithParam<const char*> {};

TEST_P(EveryTlsFraming, ClientSendsAFile)
{
    const std::string framing = GetParam();
    tls_echo_server server({"--framing", framing, "--max-frame", "4MiB"});
    const std::string path =
        testing::TempDir() + "libnet_tls_" + framing + std::to_string(server.id());
    const std::string content(framing == "length2" ? 65535 : 3'000'000, 'x');
    std::ofstream(path) << content;
    const auto ended =
        run_tls_client(server.where(), {"--insecure", "--framing", framing, "--file", path});
    std::filesystem::remove(path);
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "echo: " + content + "\n");
}

INSTANTIATE_TEST_SUITE_P(Is, EveryTlsFraming,
                         testing::Values("length4", "length2", "varint", "line", "raw"),
                         [](const auto& i) { return std::string(i.param); });

TEST_F(TlsPrograms, OverAUnixSocket)
{
    const std::string where = "unix:" + all().folder() + "/socket";
    tls_echo_server server(joined(showing("server"), {"--listen", where}));
    ASSERT_EQ(server.where(), where);
    const auto trusting = joined(trusting_the_authority(), {"--server-name", "localhost", "hello"});
    const auto ended = run_tls_client(where, trusting);
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output, "echo: hello\n");
    EXPECT_THAT(server.line("opened"), HasSubstr("(TLSv1.3, "));
}

TEST_F(TlsPrograms, BothWriteTheSameKeyLog)
{
    const std::string of_server = all().folder() + "/server.keys";
    const std::string of_client = all().folder() + "/client.keys";
    tls_echo_server server({"--key-log", of_server});
    const auto ended =
        run_tls_client(server.where(), {"--insecure", "--key-log", of_client, "hello"});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    ASSERT_FALSE(server.line("closed").empty());
    const auto sorted = [](const std::string& path) { return shell("sort " + path).output; };
    EXPECT_THAT(sorted(of_client), HasSubstr("SERVER_TRAFFIC_SECRET_0 "));
    EXPECT_EQ(sorted(of_client), sorted(of_server));
    EXPECT_EQ(std::filesystem::status(of_server).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

// ---- SIGHUP -------------------------------------------------------------------------------------

class Reload : public WithCertificates {
protected:
    void SetUp() override
    {
        WithCertificates::SetUp();
        if (!IsSkipped() && !HasFatalFailure()) {
            install("server");
        }
    }

    void install(const std::string& name)
    {
        const auto overwrite = std::filesystem::copy_options::overwrite_existing;
        std::filesystem::copy_file(all().chain(name), all().chain("current"), overwrite);
        std::filesystem::copy_file(all().key(name), all().key("current"), overwrite);
    }

    std::string fingerprint(const std::string& name) const
    {
        const auto printed = shell("openssl x509 -noout -fingerprint -sha256 -in " +
                                   all().chain(name) + " | sed 's/.*=//'");
        return printed.output.substr(0, printed.output.find('\n'));
    }

    int connect_to(const std::string& where, const std::string& name) const
    {
        return run_tls_client(where, {"--fingerprint", fingerprint(name), "hello"}).code;
    }
};

TEST_F(Reload, ShowsTheNewCertificateAndKeepsConnections)
{
    tls_echo_server server(showing("current"));
    child_process earlier(
        {client_program, "--connect", server.where(), "--fingerprint", fingerprint("server")});
    earlier.write("one\n");
    EXPECT_EQ(earlier.line("echo: "), "echo: one");

    install("renewed");
    server.signal(SIGHUP);
    const std::string reloaded = server.line("reloaded ");
    EXPECT_THAT(reloaded, StartsWith("reloaded " + all().chain("current") + ", fingerprint "));
    EXPECT_EQ(connect_to(server.where(), "renewed"), 0);
    EXPECT_EQ(connect_to(server.where(), "server"), 1);

    earlier.write("two\n");
    EXPECT_EQ(earlier.line("echo: "), "echo: two");
    EXPECT_EQ(earlier.finish().code, 0);
}

TEST_F(Reload, BadFilesChangeNothing)
{
    tls_echo_server server(showing("current"));
    std::filesystem::copy_file(all().key("alice"), all().key("current"),
                               std::filesystem::copy_options::overwrite_existing);
    server.signal(SIGHUP);
    EXPECT_THAT(server.process().error_line("cannot reload"),
                AllOf(HasSubstr("the old certificate stays"), HasSubstr("does not belong")));
    EXPECT_EQ(connect_to(server.where(), "server"), 0);

    std::filesystem::remove(all().chain("current"));
    server.signal(SIGHUP);
    EXPECT_THAT(server.process().error_line("cannot reload"), HasSubstr("No such file"));
    EXPECT_EQ(connect_to(server.where(), "server"), 0);

    install("renewed");
    server.signal(SIGHUP);
    EXPECT_FALSE(server.line("reloaded ").empty());
    EXPECT_EQ(connect_to(server.where(), "renewed"), 0);
    EXPECT_EQ(server.stop(SIGTERM).code, 0);
}

TEST_F(Reload, OtherClientAuthoritiesCount)
{
    const std::string authorities = all().folder() + "/clients.pem";
    const auto overwrite = std::filesystem::copy_options::overwrite_existing;
    std::filesystem::copy_file(all().authority(), authorities, overwrite);
    tls_echo_server server({"--client-ca", authorities});
    const auto comes = [&](const std::string& name) {
        return run_tls_client(server.where(), joined(showing(name), {"--insecure", "hello"})).code;
    };
    EXPECT_EQ(comes("alice"), 0);
    EXPECT_EQ(comes("stranger"), 1);
    std::filesystem::copy_file(all().chain("stranger"), authorities, overwrite);
    server.signal(SIGHUP);
    EXPECT_EQ(server.line("reloaded "), "reloaded " + authorities);
    EXPECT_EQ(comes("alice"), 1);
    EXPECT_EQ(comes("stranger"), 0);
}

TEST(TlsProgramsAlone, ThereIsNothingToReloadOfASelfSignedCertificate)
{
    tls_echo_server server;
    const std::string fingerprint = fingerprint_in(server.line("certificate: "));
    server.signal(SIGHUP);
    EXPECT_THAT(server.line("nothing to reload"), HasSubstr("self-signed"));
    EXPECT_EQ(run_tls_client(server.where(), {"--fingerprint", fingerprint, "hello"}).code, 0);
}

}  // namespace
