#pragma once

#include "flags.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

/// The flags of the PROXY protocol, which says who the client behind a balancer is.
namespace flags {

namespace detail {

inline const std::vector<std::string> proxy_uses{"off", "optional", "required"};

/// An address and a port of a client that may be anywhere, so no name.
inline libnet::socket_address socket_address_of(const std::string& flag, const std::string& text)
{
    const auto where = libnet::endpoint::parse(text);
    const auto address = libnet::ip_address::parse(where ? where->host : "");
    if (!address) {
        refuse(flag, text, "ADDRESS:PORT: write 203.0.113.7:4711 or [2001:db8::1]:4711");
    }
    return {.address = *address, .port = where->port};
}

}  // namespace detail

/// --proxy-protocol and --trusted, of servers.
inline void add_proxy(CLI::App& app, libnet::proxy_protocol& proxy)
{
    const auto read_use = [&proxy](const std::string& text) {
        using use = libnet::proxy_protocol::use;
        const auto found = std::find(detail::proxy_uses.begin(), detail::proxy_uses.end(), text);
        if (found == detail::proxy_uses.end()) {
            detail::refuse("--proxy-protocol", text, "off, optional or required");
        }
        proxy.headers = static_cast<use>(found - detail::proxy_uses.begin());
    };
    auto* const use =
        app.add_option_function<std::string>(
               "--proxy-protocol", read_use,
               "Whether connections begin with a PROXY header, version 1 or 2, in which a\n"
               "balancer says who the client is:\n"
               "off       no: everything is the client's own\n"
               "optional  those that come from --trusted may\n"
               "required  all do, and come from --trusted")
            ->type_name("off|optional|required")
            ->default_str("off");
    const auto read_source = [&proxy](const std::string& text) {
        const auto network = libnet::ip_network::parse(text);
        if (!network) {
            detail::refuse("--trusted", text,
                           "a network: write 10.0.0.5, 10.0.0.0/24, 2001:db8::/64, or unix for "
                           "those who come to a Unix socket");
        }
        proxy.trusted.push_back(*network);
    };
    app.add_option_function<std::vector<std::string>>(
           "--trusted",
           [read_source](const std::vector<std::string>& all) {
               for (const std::string& one : all) {
                   read_source(one);
               }
           },
           "Who may send PROXY headers: the addresses of the balancers. May be repeated")
        ->type_name("CIDR|unix")
        ->allow_extra_args(false)
        ->needs(use);
}

/// Throws what run_program() takes for wrong usage.
inline void check_proxy(const libnet::proxy_protocol& proxy)
{
    if (proxy.is_on() && proxy.trusted.empty()) {
        throw CLI::ValidationError(
            "--proxy-protocol",
            "who may send headers? Name the balancers with --trusted, such as --trusted 10.0.0.5");
    }
}

/// --send-proxy and --proxy-client, of clients.
struct sent_proxy {
    std::string version{};
    std::string client{};

    void add_flags(CLI::App& app)
    {
        const auto check = [](const std::string& text) {
            return text == "v1" || text == "v2" ? std::string() : "'" + text + "' is not v1 or v2";
        };
        auto* const send =
            app.add_option(
                   "--send-proxy", version,
                   "Begin with a PROXY header of this version, as a balancer does. It says\n"
                   "that we come for nobody else, unless --proxy-client names somebody")
                ->type_name("v1|v2")
                ->check(CLI::Validator(check, ""));
        app.add_option("--proxy-client", client, "The client for whom we say that we come")
            ->type_name("ADDRESS:PORT")
            ->needs(send)
            ->check(CLI::Validator(
                [](const std::string& text) {
                    (void)detail::socket_address_of("--proxy-client", text);
                    return std::string();
                },
                ""));
    }

    std::optional<libnet::proxy_header> header() const
    {
        if (version.empty()) {
            return std::nullopt;
        }
        const auto as =
            version == "v1" ? libnet::proxy_header::version::v1 : libnet::proxy_header::version::v2;
        if (client.empty()) {
            return libnet::proxy_header::for_nobody(as);
        }
        const auto source = detail::socket_address_of("--proxy-client", client);
        const libnet::ip_address anywhere = source.address.network(0);
        return libnet::proxy_header::for_client(source, {.address = anywhere}, as);
    }
};

}  // namespace flags
