/// tcp_echo_server: sends every message back to whoever sent it.

#include "../support/admission_flags.hpp"
#include "../support/experiments.hpp"
#include "../support/flags.hpp"
#include "../support/timeout_flags.hpp"

#include <libnet/libnet.hpp>

#include <csignal>
#include <iostream>
#include <memory>
#include <string>

namespace {

// One client, from accept to close. The server owns `peer`, closes it afterwards and reports why it
// ended.
libnet::task<> echo(libnet::connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

// For experiments: a server that reads slowly, or not at all.
libnet::task<> echo_slowly(libnet::connection& peer, const flags::experiment& how)
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

// A log is read while it is written, so every line leaves at once.
void print(const std::string& line)
{
    std::cout << line + '\n' << std::flush;
}

std::string traffic(std::uint64_t messages, std::uint64_t received, std::uint64_t sent)
{
    return flags::count(messages, "message") + ", " + flags::count(received, "byte") +
           " received, " + flags::count(sent, "byte") + " sent";
}

void report_connections(libnet::server_options& options)
{
    options.on_open = [](const libnet::connection& peer) { print("opened " + peer.peer()); };
    options.on_close = [](const libnet::session_report& ended) {
        const libnet::connection_info& info = ended.info;
        print("closed " + info.peer + ": " + ended.text() + " (" +
              traffic(info.messages_received, info.bytes_received, info.bytes_sent) + ") " +
              ended.ending.code());
    };
    options.on_refused = [log = std::make_shared<flags::refusal_log>(print)](
                             const libnet::refusal_report& refused) { log->add(refused); };
}

}  // namespace

int main(int argc, char** argv)
{
    std::string listen = "127.0.0.1:9000";
    std::string framing = "length4";
    std::size_t max_frame = 1 << 20;
    bool quiet = false;
    flags::experiment experiment;
    libnet::server_options options;

    CLI::App app(
        "Listens on a TCP port or a Unix socket and sends every message back to whoever sent it.\n"
        "SIGINT or SIGTERM: accepts nothing more, answers what it has received, prints a\n"
        "summary and exits with 0. A second one ends it at once.\n");
    app.footer("\nTry it:\n"
               "  tcp_echo_server &\n"
               "  tcp_echo_client hello\n"
               "or, with a program that knows nothing of libnet:\n"
               "  tcp_echo_server --framing line &\n"
               "  echo hello | nc -N 127.0.0.1 9000\n");
    flags::add_endpoint(app, "--listen", listen,
                        "Where to listen. Port 0 picks a free one; an empty host (:9000) means\n"
                        "every address of this machine");
    flags::add_framing(app, framing);
    flags::add_size(app, "--max-frame", max_frame,
                    "Longest message that is accepted; a longer one ends its connection");
    flags::add_timeouts(app, options);
    flags::add_admission(app, options);
    flags::add_memory_budget(app, options);
    app.add_flag("--quiet", quiet, "No line for each connection that opens, closes or is refused");
    flags::add_experiments(app, experiment);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        return flags::explain(app, wrong);
    }

    // Writing to a peer that has gone raises no SIGPIPE in libnet. Our own output to a pipe that
    // nobody reads any more would, and that is no reason to hang up on clients.
    std::signal(SIGPIPE, SIG_IGN);

    options.socket = experiment.socket;
    options.connection.framing = flags::make_framing(framing, max_frame);
    options.on_listening = [](const std::string& where) { print("listening on " + where); };
    options.on_accept_error = [lines = flags::once_a_second()](libnet::error_code why,
                                                               libnet::duration pause) mutable {
        if (lines.pass()) {
            std::cerr << "cannot accept connections: " + why.message() + "; trying again within " +
                             flags::time_to_text(pause) + '\n';
        }
    };
    if (!quiet) {
        report_connections(options);
    }

    try {
        libnet::server::session session = echo;
        if (experiment.never_read || experiment.read_delay != libnet::duration::zero()) {
            session = [&](libnet::connection& peer) { return echo_slowly(peer, experiment); };
        }
        libnet::server server(listen, session, options);
        const int exit_code = libnet::run(server.run());
        const libnet::server_stats total = server.stats();
        print("stopped after " + flags::count(total.accepted, "connection") + ", " +
              traffic(total.messages_received, total.bytes_received, total.bytes_sent) +
              (total.refused == 0 ? "" : ", " + std::to_string(total.refused) + " refused"));
        return exit_code;
    } catch (const std::exception& failure) {
        std::cerr << "tcp_echo_server: " << failure.what() << '\n';
        return 1;
    }
}
