#pragma once

#include "admission_flags.hpp"
#include "configuration.hpp"
#include "echo_session.hpp"
#include "experiments.hpp"
#include "flags.hpp"
#include "once_a_second.hpp"
#include "operations.hpp"
#include "proxy_flags.hpp"
#include "threads_flags.hpp"
#include "timeout_flags.hpp"

#include <libnet/libnet.hpp>

#include <csignal>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

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

    /// The command line, to be read again with the file that --config names, and the flags in it that
    /// are the program's own.
    std::vector<std::string> arguments{};
    std::function<void(CLI::App& app)> add_own_flags = [](CLI::App&) {};

    /// What else is read again on SIGHUP, as operations::reload has it; nothing to say if it is nothing.
    std::function<std::string()> reload_own = [] { return std::string(); };

    operations attending{};

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
        flags::add_duration(app, "--drain-timeout", options.drain_timeout,
                            "After a signal: how long connections may take to finish");
        flags::add_config(app, ". SIGHUP: read it again");
        attending.add_flags(app);
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
            attending.listening(where);
        };
        options.on_accept_error = [lines = std::make_shared<flags::once_a_second>()](
                                      libnet::error_code why, libnet::duration pause) {
            if (lines->pass()) {
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

        if (threads.are_several() && reuse_port && attending.takes_over()) {
            throw CLI::ValidationError(
                "--takeover", "hands one socket over, and with --threads and --reuse-port each thread "
                              "has its own: leave --reuse-port away");
        }
        attending.inherit();
        libnet::server server(listen, session, options);
        attending.reload = [&] { return reload(server); };
        const int exit_code = threads.run(server, [&](libnet::task<> serving) {
            return libnet::run(attending.attend(server, std::move(serving)));
        });
        const libnet::server_stats total = server.stats();
        print("stopped after " + flags::count(total.accepted, "connection") + ", " +
              detail::traffic(total.messages_received, total.bytes_received, total.bytes_sent) +
              (total.refused == 0 ? "" : ", " + std::to_string(total.refused) + " refused"));
        return exit_code;
    }

private:
    /// All of it or nothing: what is wrong is found before anything is changed.
    std::string reload(libnet::server& server)
    {
        std::string file;
        libnet::server_options changed = read_again(file);
        std::string what = reload_own();
        if (!file.empty()) {
            server.reconfigure(std::move(changed));
            what = "reloaded " + file + ": timeouts, limits and marks" +
                   (what.empty() ? "" : "\n" + what);
        }
        return what.empty() ? "nothing to reload: there is no --config" : what;
    }

    /// The command line and the file that it names; `file` stays empty if it names none.
    libnet::server_options read_again(std::string& file) const
    {
        CLI::App app;
        echo_server again{.listen = listen};
        again.add_flags(app);
        add_own_flags(app);
        std::vector<std::string> backwards(arguments.rbegin(), arguments.rend());
        try {
            app.parse(backwards);
        } catch (const CLI::ParseError& wrong) {
            throw std::runtime_error("the old settings stay: " +
                                     flags::text_with_place(app, wrong));
        }
        file = flags::config_file(app);
        return again.options;
    }
};

}  // namespace sample
