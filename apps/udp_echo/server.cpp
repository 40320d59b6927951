/// udp_echo_server: sends every datagram back to whoever sent it.

#include "../support/configuration.hpp"
#include "../support/flags.hpp"
#include "../support/once_a_second.hpp"
#include "../support/program.hpp"
#include "../support/threads_flags.hpp"

#include <csignal>
#include <iostream>
#include <memory>
#include <string>

namespace {

/// A log is read while it is written, so every line leaves at once.
void print(const std::string& line)
{
    std::cout << line + '\n' << std::flush;
}

/// One session for all peers.
libnet::task<> echo(libnet::udp_socket& socket)
{
    while (auto received = co_await socket.receive()) {
        socket.reply(*received, received->payload());
    }
}

/// A session for each.
libnet::task<> echo_to_one(libnet::udp_peer& peer)
{
    while (auto message = co_await peer.receive()) {
        peer.send(*message);
    }
}

std::string end_of(const libnet::udp_peer_report& ended)
{
    return ended.exception ? "the session threw" : ended.reason.message();
}

void report_peers(libnet::udp_server_options& options)
{
    options.on_open = [](const libnet::udp_peer& peer) {
        print("opened " + peer.address().to_string() + (peer.proven() ? " (proven)" : ""));
    };
    options.on_close = [](const libnet::udp_peer_report& ended) {
        print("closed " + ended.peer.to_string() + ": " + end_of(ended) + " (" +
              flags::count(ended.received, "datagram") + ", " +
              flags::count(ended.bytes_received, "byte") + " received, " +
              flags::count(ended.bytes_sent, "byte") + " sent)");
    };
    const auto lines = std::make_shared<flags::once_a_second>();
    options.on_refused = [lines](const libnet::socket_address& who,
                                 libnet::peer_table::decision limit) {
        if (const auto unsaid = lines->pass()) {
            print("refused " + who.to_string() + ": " + name_of(limit) +
                  flags::once_a_second::more(*unsaid));
        }
    };
}

void report_errors(libnet::udp_server_options& options)
{
    const auto lines = std::make_shared<flags::once_a_second>();
    options.socket.on_error = [lines](const libnet::datagram_error& e) {
        if (const auto unsaid = lines->pass()) {
            print("cannot reach " + e.peer.to_string() + ": " + e.why.message() +
                  flags::once_a_second::more(*unsaid));
        }
    };
}

}  // namespace

int main(int argc, char** argv)
{
    CLI::App app("Listens on a UDP port and sends every datagram back to whoever sent it.\n"
                 "SIGINT or SIGTERM: prints a summary and exits with 0.\n");
    app.footer("\nTry it:\n"
               "  udp_echo_server &\n"
               "  udp_echo_client --count 1000\n"
               "or, with a program that knows nothing of libnet:\n"
               "  echo hello | nc -u -w 1 127.0.0.1 9000\n");
    std::string listen = "127.0.0.1:9000";
    bool quiet = false;
    bool per_peer = false;
    bool plain = false;
    libnet::udp_server_options options;
    flags::add_udp_endpoint(app, "--listen", listen,
                            "Where to listen. Port 0 picks a free one; an empty host (:9000) means\n"
                            "every address of this machine");
    app.add_flag("--per-peer", per_peer,
                 "A session for each peer, with a line when it begins and ends");
    const auto* idle =
        flags::add_duration(app, "--idle-timeout", options.peers.idle_timeout,
                            "With --per-peer: forgets a peer that was silent for so long");
    const auto* most =
        app.add_option("--max-peers", options.peers.max_peers, "With --per-peer: so many at a time")
            ->type_name("N")
            ->capture_default_str()
            ->check(CLI::Range(std::size_t{1}, std::size_t{10'000'000}).description(""));
    const auto* cookie =
        app.add_flag("--cookie", options.cookie,
                     "With --per-peer: peers have to show first that their address is theirs");
    app.add_flag("--plain", plain,
                 "No datagrams put together by the kernel (GSO, GRO), for comparison");
    flags::threads threads;
    threads.add_flags(
        app, options.socket.reuse_port,
        "Listen with SO_REUSEPORT: other processes of this user may listen on the same\n"
        "port. With --threads each has a socket of its own in any case");
    flags::add_duration(app, "--drain-timeout", options.drain_timeout,
                        "After a signal: how long sessions may take to finish");
    flags::add_config(app);
    app.add_flag("--quiet", quiet, "No line for each peer and for each that cannot be reached");

    return sample::run_program("udp_echo_server", app, argc, argv, [&] {
        if (!per_peer && (idle->count() != 0 || most->count() != 0 || cookie->count() != 0)) {
            throw CLI::ValidationError(
                "--idle-timeout, --max-peers and --cookie need --per-peer: without it there are no "
                "peers, only datagrams");
        }
        std::signal(SIGPIPE, SIG_IGN);  // our output may be a pipe that nobody reads any more
        options.socket.segmentation = !plain;
        options.on_listening = [](const std::string& where) { print("listening on " + where); };
        if (!quiet) {
            report_peers(options);
            report_errors(options);
        }
        const auto serve = [&](auto session) {
            libnet::udp_server server(listen, session, options);
            const int exit_code = threads.run(
                server, [](libnet::task<> serving) { return libnet::run(std::move(serving)); });
            const libnet::udp_server_stats total = server.stats();
            print("stopped after " + flags::count(total.socket.received, "datagram") + ", " +
                  std::to_string(total.socket.sent) + " sent, " +
                  std::to_string(total.socket.dropped) + " dropped by the kernel" +
                  (per_peer ? ", " + flags::count(total.accepted, "peer") : ""));
            return exit_code;
        };
        return per_peer ? serve(echo_to_one) : serve(echo);
    });
}
