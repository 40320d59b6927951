#pragma once

#include "flags.hpp"

#include <libnet/tls.hpp>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

/// The flags of TLS that servers and clients have in common.
namespace flags {

namespace detail {

/// "h2,http/1.1"
inline std::vector<std::string> protocol_names(const std::string& text)
{
    std::vector<std::string> names;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        names.push_back(text.substr(begin, end - begin));
        if (names.back().empty() || names.back().size() > 255) {
            refuse("--alpn", text, "a list of protocols: write h2 or h2,http/1.1");
        }
        begin = end + 1;
    }
    return names;
}

}  // namespace detail

/// --alpn and --key-log; `protocols` explains the first.
inline void add_tls(CLI::App& app, libnet::tls_options& options, const std::string& protocols)
{
    const auto read = [&options](const std::string& text) {
        options.application_protocols = detail::protocol_names(text);
    };
    app.add_option_function<std::string>("--alpn", read, protocols)->type_name("NAME[,NAME...]");
    app.add_option("--key-log", options.key_log,
                   "Write the secrets of all connections to this file, for Wireshark: whoever\n"
                   "reads it can read everything. For debugging")
        ->type_name("PATH");
}

/// --certificate and --key; `whose` explains the first. The files are read by TLS itself, which says
/// best what is wrong with them.
inline void add_certificate(CLI::App& app, libnet::tls_certificate& certificate,
                            const std::string& whose)
{
    auto* const chain =
        app.add_option("--certificate", certificate.chain, whose)->type_name("PATH");
    app.add_option("--key", certificate.key, "Its private key (PEM), if it is not in the same file")
        ->type_name("PATH")
        ->needs(chain);
}

/// A peer chooses some of what logs say of it: no control character of it may begin a line that
/// looks like ours, or reach a terminal.
inline std::string printable(std::string text)
{
    for (char& c : text) {
        if (std::iscntrl(static_cast<unsigned char>(c)) != 0) {
            c = '?';
        }
    }
    return text;
}

}  // namespace flags
