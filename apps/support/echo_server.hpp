#pragma once

#include "admission_flags.hpp"
#include "echo_session.hpp"
#include "experiments.hpp"
#include "flags.hpp"
#include "once_a_second.hpp"
#include "proxy_flags.hpp"
#include "threads_flags.hpp"
#include "timeout_flags.hpp"

#include <libnet/libnet.hpp>

#include <csignal>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

namespace sample {

/// A log is read while it is written, so every line leaves at once.
inline void print(const std::string& line)
{
    std::cout << line + '\n' << std::flush;
}

namespace detail {

/// For experiments: a server that reads slowly, or not at all.
inline libnet::task<> echo_slowly(libnet::connection& peer, const flags::experiment& how)
{
    using namespace libnet::literals;
    while (how.never_read && !peer.ended()) {
        co_await checked(libnet::sleep_for(100ms));
    }
    for (;;) {
        co_await checked(libnet::sleep_for(how.read_delay));
        auto frame = co_await peer.receive();
        if (!frame) {
            co_return;
        }
        co_await peer.send(*frame);
    }
}

inline std::string traffic(std::uint64_t messages, std::uint64_t received, std::uint64_t sent)
{
    return flags::count(messages, "message") + ", " + flags::count(received, "byte") +
           " received, " + flags::count(sent, "byte") + " sent";
}

/// "", " (TLSv1.3, TLS_AES_256_GCM_SHA384, h2, client CN=alice)"
inline std::string protection(const libnet::connection& peer)
{
    const auto security = peer.info().security;
    if (!security) {
        return "";
    }
    std::string text = security->protocol + ", " + security->cipher;
    if (!security->application_protocol.empty()) {
        text += ", " + security->application_protocol;
    }
    if (security->resumed) {
        text += ", resumed";
    }
    if (security->peer) {
        text += ", client " + security->peer->subject;
    }
    return " (" + text + ")";
}

/// "", ", through 10.0.0.5:41212"
inline std::string way(const libnet::connection& peer)
{
    const libnet::proxy_info* const proxy = peer.transport().proxy();
    return proxy != nullptr ? ", through " + proxy->balancer : "";
}

inline void report_connections(libnet::server_options& options)
{
    options.on_open = [](const libnet::connection& peer) {
        print("opened " + peer.peer() + protection(peer) + way(peer));
    };
    options.on_close = [](const libnet::session_report& ended) {
        const libnet::connection_info& info = ended.info;
        print("closed " + info.peer + ": " + ended.text() + " (" +
              traffic(info.messages_received, info.bytes_received, info.bytes_sent) + ") " +
              ended.ending.code());
    };
    options.on_refused = [log = std::make_shared<flags::refusal_log>(print)](
                             const libnet::refusal_report& refused) { log->add(refused); };
}

}  // namespace detail

/// What the echo servers have in common: all but what lies between the transport and the session.
struct echo_server {
    std::string listen;  ///< where, unless --listen says otherwise
    std::string framing = "length4";
    std::size_t max_frame = 1 << 20;
    bool quiet = false;
    flags::experiment experiment{};
    flags::threads threads{};
    bool reuse_port = false;
    libnet::server_options options{};

    /// More to say when it listens.
    std::function<void(const std::string& where)> when_listening = [](const std::string&) {};

    /// Who awaits the server: the place for what else there is to do meanwhile.
    std::function<libnet::task<>(libnet::task<> serving)> supervise = [](libnet::task<> serving) {
        return serving;
    };

    void add_flags(CLI::App& app)
    {
        flags::add_endpoint(app, "--listen", listen,
                            "Where to listen. Port 0 picks a free one; an empty host (" +
                                listen.substr(listen.find(':')) +
                                ") means\n"
                                "every address of this machine");
        flags::add_framing(app, framing);
        flags::add_size(app, "--max-frame", max_frame,
                        "Longest message that is accepted; a longer one ends its connection");
        flags::add_timeouts(app, options);
        flags::add_admission(app, options);
        flags::add_memory_budget(app, options);
        flags::add_proxy(app, options.proxy);
        threads.add_flags(
            app, reuse_port,
            "Listen with SO_REUSEPORT: each of --threads accepts for itself, and other\n"
            "processes of this user may listen on the same port");
        app.add_flag("--quiet", quiet,
                     "No line for each connection that opens, closes or is refused");
        flags::add_experiments(app, experiment);
    }

    /// Serves until a signal ends it; the program's exit code. Throws if it cannot listen.
    int run()
    {
        // Writing to a peer that has gone raises no SIGPIPE in libnet. Our own output to a pipe that
        // nobody reads any more would, and that is no reason to hang up on clients.
        std::signal(SIGPIPE, SIG_IGN);

        flags::check_proxy(options.proxy);
        options.socket = experiment.socket;
        options.socket.reuse_port = reuse_port;
        options.connection.framing = flags::make_framing(framing, max_frame);
        options.on_listening = [this](const std::string& where) {
            print("listening on " + where);
            when_listening(where);
        };
        options.on_accept_error = [lines = flags::once_a_second()](libnet::error_code why,
                                                                   libnet::duration pause) mutable {
            if (lines.pass()) {
                std::cerr << "cannot accept connections: " + why.message() +
                                 "; trying again within " + flags::time_to_text(pause) + '\n';
            }
        };
        if (!quiet) {
            detail::report_connections(options);
        }
        libnet::server::session session = echo;
        if (experiment.never_read || experiment.read_delay != libnet::duration::zero()) {
            session = [this](libnet::connection& peer) {
                return detail::echo_slowly(peer, experiment);
            };
        }

        libnet::server server(listen, session, options);
        const int exit_code = threads.run(server, [this](libnet::task<> serving) {
            return libnet::run(supervise(std::move(serving)));
        });
        const libnet::server_stats total = server.stats();
        print("stopped after " + flags::count(total.accepted, "connection") + ", " +
              detail::traffic(total.messages_received, total.bytes_received, total.bytes_sent) +
              (total.refused == 0 ? "" : ", " + std::to_string(total.refused) + " refused"));
        return exit_code;
    }
};

}  // namespace sample
