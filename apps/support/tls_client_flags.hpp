#pragma once

#include "flags.hpp"
#include "tls_flags.hpp"

#include <libnet/tls.hpp>

#include <algorithm>
#include <cctype>
#include <string>

/// Whom a TLS client trusts, and who it is itself.
namespace flags {

inline void add_tls_client(CLI::App& app, libnet::tls_client_options& tls)
{
    auto* const authorities =
        app.add_option(
               "--ca", tls.authorities,
               "Who signs the server's certificate (PEM); without it, whom the system trusts")
            ->type_name("PATH");
    const auto add_pin = [&tls](const std::string& text) {
        const auto digits = std::count_if(text.begin(), text.end(),
                                          [](unsigned char c) { return std::isxdigit(c) != 0; });
        const auto colons = std::count(text.begin(), text.end(), ':');
        if (digits != 64 || text.size() != static_cast<std::size_t>(digits + colons)) {
            detail::refuse(
                "--fingerprint", text,
                "a SHA-256 fingerprint: 64 hexadecimal digits, as the server prints them");
        }
        tls.pinned = {text};
    };
    auto* const pin =
        app.add_option_function<std::string>("--fingerprint", add_pin,
                                             "The server shows the certificate with this SHA-256;\n"
                                             "without --ca, that is enough")
            ->type_name("SHA256");
    app.add_option("--server-name", tls.server_name,
                   "Whom the certificate has to name, if not the host of --connect")
        ->type_name("NAME");
    add_certificate(app, tls.certificate,
                    "Our own certificate, for a server that asks for one (PEM)");
    add_tls(app, tls, "Application protocols that we offer, the best first");
    app.add_flag("--insecure", tls.insecure,
                 "Take every certificate: whoever is on the way reads and changes everything")
        ->excludes(authorities)
        ->excludes(pin);
}

/// A Unix socket has no host that a certificate could name.
inline void require_server_name(const std::string& connect, const libnet::tls_client_options& tls)
{
    const bool is_pinned = !tls.pinned.empty() && tls.authorities.empty();
    if (connect.starts_with("unix:") && tls.server_name.empty() && !is_pinned && !tls.insecure) {
        throw CLI::ValidationError("--connect", "whom must the certificate of '" + connect +
                                                    "' name? Say it with --server-name, or pin the "
                                                    "certificate with --fingerprint");
    }
}

}  // namespace flags
