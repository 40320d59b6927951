/// tls_echo_client: tcp_echo_client behind TLS. What differs is the layer below the connection, and
/// the flags that say whom it trusts.

#include "../support/echo_client.hpp"
#include "../support/program.hpp"
#include "../support/tls_client_flags.hpp"

#include <libnet/tls.hpp>

#include <iostream>
#include <string>

namespace {

// What failures of TLS mean, and what can be done about them.
std::string advice(const libnet::error_code& why, bool connecting,
                   const sample::echo_client& client)
{
    using libnet::error;
    namespace errc = boost::system::errc;
    if (connecting && (why == error::handshake_aborted || why == errc::connection_reset ||
                       why == errc::broken_pipe)) {
        return "the server ended the connection during the handshake; it may speak without TLS, as "
               "tcp_echo_server does, or its log says why";
    }
    if (why == error::plain_text || why == error::plain_http || why == error::malformed_record) {
        return "what answers there is not TLS; is it tcp_echo_server? Then use tcp_echo_client";
    }
    if (why == error::handshake_timeout) {
        return "no handshake within " + flags::time_to_text(client.timeout) +
               "; raise --timeout, or see whether the server speaks without TLS, as "
               "tcp_echo_server "
               "does";
    }
    if (why == error::certificate_untrusted) {
        return "nobody who is trusted here has signed the server's certificate; pass its authority "
               "with --ca, or pin it with --fingerprint";
    }
    if (why == error::certificate_not_pinned) {
        return "the server shows another certificate than --fingerprint says; either it has a new "
               "one, and prints its fingerprint, or somebody else answers";
    }
    if (why == error::certificate_wrong_host) {
        return "the server's certificate is for another host; see --connect, or pass the name that "
               "it is for with --server-name";
    }
    if (why == error::certificate_expired) {
        return "the server's certificate has expired; it needs a new one";
    }
    if (why == error::certificate_refused) {
        return "the server does not accept our certificate, or wants one; pass one that its "
               "--client-ca has signed with --certificate and --key";
    }
    if (why == error::handshake_failed) {
        return "the server refused the handshake and does not say why; it may want a certificate: "
               "see --certificate and --key";
    }
    if (why == error::no_common_protocol) {
        return "the server has none of the protocols that --alpn offers";
    }
    return "";
}

}  // namespace

int main(int argc, char** argv)
{
    CLI::App app(
        "Sends messages to an echo server behind TLS, one after the other over one connection,\n"
        "or several at a time with --pool, and prints each reply as 'echo: ...'.\n"
        "Exit code: 0 if every reply equalled what was sent, 1 if not, 2 for wrong usage.\n");
    app.footer("\nTry it; tls_echo_server prints the fingerprint of its certificate:\n"
               "  tls_echo_client --fingerprint FINGERPRINT hello 'another message'\n"
               "  tls_echo_client --ca authority.pem --connect localhost:9443 hello\n"
               "  tls_echo_client --ca authority.pem --certificate me.pem --key me.key hello\n");
    sample::echo_client client("127.0.0.1:9443", "tls_echo_server");
    libnet::tls_client_options tls;
    client.add_flags(app);
    flags::add_tls_client(app, tls);
    return sample::run_program("tls_echo_client", app, argc, argv, [&] {
        flags::require_server_name(client.connect, tls);
        if (tls.insecure) {
            std::cerr << "tls_echo_client: warning: --insecure takes every certificate; whoever is "
                         "on the way can read and change everything\n";
        }
        std::string details;  // whose certificate was refused, and why
        tls.on_failure = [&](const libnet::tls_failure& failed) {
            details = failed.text == failed.why.message()
                          ? ""
                          : " [" + flags::printable(failed.text) + ']';
        };
        tls.handshake_timeout = client.timeout;
        client.advice = [&](const libnet::error_code& why, bool connecting) {
            const std::string known = advice(why, connecting, client);
            return known.empty() ? known : known + details;
        };
        client.options.layer = libnet::tls_context::client(tls);
        return client.run();
    });
}
