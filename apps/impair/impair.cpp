/// impair: a bad line between two programs, in user space.

#include "../support/impairment_flags.hpp"
#include "../support/program.hpp"

#include <libnet/testing/tcp_relay.hpp>
#include <libnet/testing/udp_relay.hpp>

#include <csignal>
#include <iostream>
#include <string>
#include <utility>

namespace {

using libnet::testing::impairment_counts;
using libnet::testing::impairment_options;
using libnet::testing::relay_options;
using libnet::testing::relay_stats;

void print(const std::string& line)
{
    std::cout << line + '\n' << std::flush;
}

std::string described(const std::string& way, const impairment_counts& counts)
{
    std::string text = way + ": " + flags::count(counts.packets, "packet") + ", " +
                       flags::count(counts.bytes, "byte");
    const std::pair<std::uint64_t, const char*> events[] = {
        {counts.lost, "lost"},           {counts.overflowed, "over the queue"},
        {counts.reordered, "reordered"}, {counts.duplicated, "duplicated"},
        {counts.corrupted, "corrupted"}, {counts.silenced, "into silence"}};
    for (const auto& [number, what] : events) {
        if (number != 0) {
            text += ", " + std::to_string(number) + ' ' + what;
        }
    }
    return text;
}

struct impair {
    std::string listen = "127.0.0.1:9001";
    std::string connect = "127.0.0.1:9000";
    std::string direction = "both";
    bool udp = false;
    bool tcp = false;
    impairment_options line{};
    relay_options options{};

    void add_flags(CLI::App& app)
    {
        flags::add_endpoint(app, "--listen", listen, "Where clients come to. Port 0 picks a free one");
        flags::add_endpoint(app, "--connect", connect, "The server that they mean");
        CLI::Option* const datagrams =
            app.add_flag("--udp", udp, "Relays datagrams; each client has a port of its own");
        app.add_flag("--tcp", tcp, "Relays connections, as it does without --udp")->excludes(datagrams);
        flags::add_impairment(app, line);
        app.add_option("--direction", direction,
                       "Which way is bad: there (from clients to the server), back, or both")
            ->type_name("WAY")
            ->check(CLI::IsMember({"there", "back", "both"}).description(""))
            ->capture_default_str();
        app.add_option("--seed", options.seed,
                       "Begins the random numbers: the same seed deals out the same to the same\n"
                       "packets")
            ->capture_default_str();
    }

    void check() const
    {
        const auto packets_alone = [&](double chance, const char* flag) {
            if (!udp && chance > 0) {
                throw CLI::ValidationError(
                    flag, "a stream has neither duplicates nor another order: use --udp");
            }
        };
        packets_alone(line.reorder, "--reorder");
        packets_alone(line.duplicate, "--duplicate");
        if (udp && (listen.starts_with("unix:") || connect.starts_with("unix:"))) {
            throw CLI::ValidationError("--udp", "there are no datagrams over unix: paths here");
        }
    }

    template <class Relay>
    int relay()
    {
        Relay between(listen, connect, options);
        const int exit_code = libnet::run(between.run());
        const relay_stats total = between.stats();
        print("stopped after " + flags::count(total.peers, udp ? "peer" : "connection") +
              (total.cut == 0 ? "" : ", " + std::to_string(total.cut) + " cut") +
              (total.unreachable == 0
                   ? ""
                   : ", " + std::to_string(total.unreachable) + " without reaching the server") +
              (total.dropped == 0
                   ? ""
                   : ", " + flags::count(total.dropped, "packet") + " without room here"));
        print(described("there", total.there));
        print(described("back", total.back));
        return exit_code;
    }

    int run()
    {
        check();
        std::signal(SIGPIPE, SIG_IGN);
        options.there = direction == "back" ? impairment_options{} : line;
        options.back = direction == "there" ? impairment_options{} : line;
        options.on_listening = [](const std::string& where) { print("listening on " + where); };
        return udp ? relay<libnet::testing::udp_relay>() : relay<libnet::testing::tcp_relay>();
    }
};

}  // namespace

int main(int argc, char** argv)
{
    CLI::App app(
        "A bad line between two programs: stands between clients and a server, and loses,\n"
        "delays and damages what passes. In user space: neither netem nor root is needed.\n"
        "Each way is as bad, unless --direction says otherwise.\n");
    app.footer("\nTry it:\n"
               "  tcp_echo_server --listen 127.0.0.1:9000 &\n"
               "  impair --delay 100ms --jitter 20ms --loss 2% &\n"
               "  tcp_echo_client --connect 127.0.0.1:9001 hello\n"
               "  impair --udp --loss 10% --reorder 5% --duplicate 1%\n");
    impair line;
    line.add_flags(app);
    return sample::run_program("impair", app, argc, argv, [&] { return line.run(); });
}
