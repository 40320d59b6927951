/// tls_echo_server: tcp_echo_server behind TLS. The session is the same; what differs is the layer
/// below it, and the flags that say with which certificates.

#include "../support/echo_server.hpp"
#include "../support/program.hpp"
#include "../support/tls_flags.hpp"

#include <libnet/tls.hpp>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

struct tls_settings {
    libnet::tls_certificate certificate;
    std::string client_certificates;
    libnet::tls_server_options options;

    bool is_self_signed() const { return certificate.chain.empty(); }
};

void add_flags(CLI::App& app, tls_settings& tls)
{
    flags::add_certificate(
        app, tls.certificate,
        "Our certificate, and those that lead to its authority (PEM). Without it\n"
        "one for localhost is made, which clients can pin");
    app.add_option("--client-ca", tls.options.client_authorities,
                   "Who signs the certificates of clients (PEM)")
        ->type_name("PATH");
    const auto check = [](const std::string& text) {
        return text == "none" || text == "optional" || text == "required"
                   ? std::string()
                   : "'" + text + "' is not none, optional or required";
    };
    app.add_option("--client-certificates", tls.client_certificates,
                   "Whether clients show a certificate:\n"
                   "none      they are not asked\n"
                   "optional  one that is shown has to be good\n"
                   "required  those without one are refused; so it is with --client-ca")
        ->type_name("none|optional|required")
        ->check(CLI::Validator(check, ""));
    flags::add_duration(app, "--handshake-timeout", tls.options.handshake_timeout,
                        "From accepting a client to the end of its handshake");
    flags::add_tls(app, tls.options,
                   "Application protocols, the best first. A client that offers only others is\n"
                   "refused");
}

libnet::tls_server_options::clients who_shows_certificates(const tls_settings& tls)
{
    using clients = libnet::tls_server_options::clients;
    const bool has_authority = !tls.options.client_authorities.empty();
    const std::string& asked = tls.client_certificates;
    if (asked == "none" || (asked.empty() && !has_authority)) {
        return clients::anonymous;
    }
    if (!has_authority) {
        throw CLI::ValidationError("--client-certificates",
                                   "who has signed them? Name the authority with --client-ca");
    }
    return asked == "optional" ? clients::may_show : clients::must_show;
}

void report_failure(const libnet::tls_failure& failed)
{
    const std::string asked_for =
        failed.server_name.empty() ? "" : ", which asked for " + failed.server_name;
    sample::print(
        flags::printable("no handshake with " + failed.peer + asked_for + ": " + failed.text));
}

/// Reads the files again. Connections that are open keep what they have.
std::string reload(libnet::tls_context context, const tls_settings& tls)
{
    const std::string& authorities = tls.options.client_authorities;
    if (tls.is_self_signed() && authorities.empty()) {
        return "nothing to reload: the certificate is self-signed, in memory";
    }
    try {
        const std::string what =
            tls.is_self_signed()
                ? authorities
                : tls.certificate.chain + ", fingerprint " + tls.certificate.fingerprint();
        context.reload();
        return "reloaded " + what;
    } catch (const std::exception& failure) {
        throw std::runtime_error(std::string("the old certificate stays: ") + failure.what());
    }
}

}  // namespace

int main(int argc, char** argv)
{
    CLI::App app(
        "Listens on a TCP port or a Unix socket for TLS and sends every message back to whoever\n"
        "sent it.\n"
        "SIGHUP: reads the file of --config and the certificate files again.\n"
        "SIGINT or SIGTERM: accepts nothing more, answers what it has received, prints a\n"
        "summary and exits with 0. A second one ends it at once.\n");
    app.footer("\nTry it; the server prints the fingerprint of its certificate:\n"
               "  tls_echo_server &\n"
               "  tls_echo_client --fingerprint FINGERPRINT hello\n"
               "or, with a program that knows nothing of libnet:\n"
               "  tls_echo_server --framing line &\n"
               "  openssl s_client -quiet -connect 127.0.0.1:9443\n");
    sample::echo_server server{.listen = "127.0.0.1:9443"};
    tls_settings tls;
    server.arguments.assign(argv + 1, argv + argc);
    server.add_own_flags = [unused = std::make_shared<tls_settings>()](CLI::App& again) {
        add_flags(again, *unused);
    };
    server.add_flags(app);
    add_flags(app, tls);
    return sample::run_program("tls_echo_server", app, argc, argv, [&] {
        tls.options.client_certificates = who_shows_certificates(tls);
        tls.options.on_failure = server.quiet ? nullptr : report_failure;
        if (tls.is_self_signed()) {
            const auto made = libnet::tls_certificate::self_signed();
            tls.options.certificates = {made};
            server.when_listening = [fingerprint = made.fingerprint()](const std::string& where) {
                sample::print("certificate: self-signed for localhost, fingerprint " + fingerprint);
                sample::print("to connect: tls_echo_client --connect " + where + " --fingerprint " +
                              fingerprint);
            };
        } else {
            tls.options.certificates = {tls.certificate};
        }
        const auto context = libnet::tls_context::server(tls.options);
        server.options.layer = context;
        server.reload_own = [&] { return reload(context, tls); };
        return server.run();
    });
}
