/// netbench: makes a load for an echo server, measures it, and draws what it measured.

#include "plan.hpp"
#include "processes.hpp"
#include "report_html.hpp"
#include "report_json.hpp"
#include "report_text.hpp"
#include "server_watch.hpp"

#include "../support/flags.hpp"
#include "../support/program.hpp"
#if defined(NETBENCH_WITH_TLS)
#include "../support/tls_client_flags.hpp"
#endif

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using netbench::plan;
using netbench::results;

struct wishes {
    plan load;
    std::size_t processes = 1;
    std::vector<int> servers;
    std::vector<std::string> merge;
    bool json = false;
    bool quiet = false;
    std::string html;
#if defined(NETBENCH_WITH_TLS)
    bool tls = false;
    libnet::tls_client_options tls_options;
#endif
};

CLI::Option* add_count(CLI::App& app, const std::string& name, std::size_t& value, std::size_t most,
                       const std::string& help)
{
    return app.add_option(name, value, help)
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::Range(std::size_t{1}, most).description(""));
}

CLI::Option* add_rate(CLI::App& app, const std::string& name, double& value,
                      const std::string& help)
{
    return app.add_option(name, value, help)
        ->type_name("N")
        ->check(CLI::Range(0.001, 1e9).description(""));
}

void add_flags(CLI::App& app, wishes& w)
{
    plan& p = w.load;
    flags::add_endpoint(app, "--connect", p.connect, "The echo server");
    auto* const udp = app.add_flag("--udp", p.udp, "Datagrams instead of a stream");
    flags::add_framing(app, p.framing)->excludes(udp);
    add_count(app, "--connections", p.connections, 1'000'000, "How many; with --udp, sockets");
    app.add_option("--depth", p.depth,
                   "Messages under way on each connection: 1, or with --rate as many as it\n"
                   "takes")
        ->type_name("N")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}).description(""));
    flags::add_size(app, "--size", p.size, "Bytes of a message");
    flags::add_duration(app, "--duration", p.duration, "How long to measure");
    flags::add_duration(app, "--warm-up", p.warm_up, "How long to run before that");
    auto* const rate =
        add_rate(app, "--rate", p.rate,
                 "Messages a second, over all connections, whether the server keeps up or not\n"
                 "(open loop): latency counts from when a message should have been sent, so that\n"
                 "a server that stops for a while is seen to. Without it, each echo lets another\n"
                 "message go (closed loop)");
    add_rate(app, "--connect-rate", p.connect_rate,
             "Connections a second, at the beginning; without it, all at once");
    app.add_option("--per-connection", p.per_connection,
                   "End each connection after so many messages and open another")
        ->type_name("N")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}).description(""))
        ->excludes(udp)
        ->excludes(rate);
    flags::add_duration(
        app, "--timeout", p.timeout,
        "Ends a connection whose echo takes longer, and gives up what could not be\n"
        "sent for so long; with --udp, where it is 1s, the datagram is lost then");
    add_count(app, "--processes", w.processes, 1'024,
              "Make the load with so many processes, each with its share of connections");
    app.add_option("--server-pid", w.servers,
                   "Also measure what this process of the server spends on CPUs; may be\n"
                   "repeated")
        ->type_name("PID");
    app.add_flag("--json", w.json, "The results as JSON on the standard output");
    app.add_option("--html", w.html,
                   "Write a page with pictures: throughput over time, latency by percentile")
        ->type_name("PATH");
    app.add_flag("--quiet", w.quiet, "No line of progress every second");
    app.add_option("--merge", w.merge,
                   "Measure nothing; put together what other runs of --json have written")
        ->type_name("PATH")
        ->check(CLI::ExistingFile.description(""));
#if defined(NETBENCH_WITH_TLS)
    app.add_flag("--tls", w.tls, "Speak TLS")->excludes(udp);
    flags::add_tls_client(app, w.tls_options);
#endif
}

/// What is merged was measured by other runs, with flags of theirs.
void check_merge(const CLI::App& app)
{
    constexpr std::array<std::string_view, 4> reporting{"--merge", "--json", "--html", "--quiet"};
    const auto given = [](const CLI::Option* o) { return o->count() != 0; };
    for (const CLI::Option* option : app.get_options(given)) {
        if (std::find(reporting.begin(), reporting.end(), option->get_name()) == reporting.end()) {
            throw CLI::ValidationError(option->get_name(),
                                       "means nothing with --merge, which measures nothing");
        }
    }
}

/// What only all flags together can tell.
void check(const CLI::App& app, wishes& w)
{
    if (!w.merge.empty()) {
        check_merge(app);
        return;
    }
    plan& p = w.load;
    if (p.udp &&
        (p.size < netbench::datagram_load::smallest || p.size > netbench::datagram_load::largest)) {
        throw CLI::ValidationError("--size", "a datagram here has 16 to 65000 bytes");
    }
    if (p.udp && p.connect.starts_with("unix:")) {
        throw CLI::ValidationError("--udp", "there is no UDP over a Unix socket");
    }
    if (p.framing == "length2" && p.size > 65'535) {
        throw CLI::ValidationError("--size", "length2 carries 65535 bytes at most");
    }
    if (p.duration == libnet::never || p.warm_up == libnet::never) {
        throw CLI::ValidationError("--duration", "nobody waits for ever: write 10s or 5min");
    }
    if (w.processes > p.connections) {
        throw CLI::ValidationError("--processes", "there are fewer connections than processes");
    }
    if (app.count("--udp") != 0 && app.count("--timeout") == 0) {
        p.timeout = std::chrono::seconds(1);
    }
#if defined(NETBENCH_WITH_TLS)
    if (!w.tls) {
        for (const char* name : {"--ca", "--fingerprint", "--server-name", "--certificate",
                                 "--alpn", "--key-log", "--insecure"}) {
            if (app.count(name) != 0) {
                throw CLI::ValidationError(name, "means nothing without --tls");
            }
        }
        return;
    }
    flags::require_server_name(p.connect, w.tls_options);
    if (w.tls_options.insecure) {
        std::cerr << "netbench: warning: --insecure takes every certificate; whoever is on the way "
                     "can read and change everything\n";
    }
    w.tls_options.handshake_timeout = p.timeout;
    p.make_layer = [&w] {
        return libnet::stream_layer(libnet::tls_context::client(w.tls_options));
    };
    (void)p.make_layer();  // bad files are known before anything begins
#endif
}

std::string transport_of(const wishes& w)
{
#if defined(NETBENCH_WITH_TLS)
    if (w.tls) {
        return "tls";
    }
#endif
    return w.load.udp ? "udp" : w.load.connect.starts_with("unix:") ? "unix" : "tcp";
}

results measure(const wishes& w)
{
    netbench::server_watch server(w.servers);
    netbench::observers told;
    told.on_measuring = [&] { server.begin(); };
    told.on_second = [&](std::uint64_t number, std::uint64_t in_it, std::uint64_t errors) {
        server.look();
        if (!w.quiet) {
            std::cerr << "netbench: " + std::to_string(number) + " s, " + netbench::grouped(in_it) +
                             " messages/s, " + netbench::grouped(errors) +
                             (errors == 1 ? " error\n" : " errors\n");
        }
    };
    results found = w.processes == 1
                        ? netbench::run_here(w.load, transport_of(w), told)
                        : netbench::run_in_processes(w.load, transport_of(w), w.processes, told);
    found.server_cpu = server.spent();
    return found;
}

results merged(const std::vector<std::string>& files)
{
    results all;
    for (std::size_t i = 0; i < files.size(); ++i) {
        std::ifstream file(files[i], std::ios::binary);
        const std::string text(std::istreambuf_iterator<char>(file), {});
        try {
            results part = netbench::from_json(text);
            if (i == 0) {
                all = std::move(part);
            } else {
                all.merge(part);
            }
        } catch (const std::exception& wrong) {
            throw std::runtime_error(files[i] + ": " + wrong.what());
        }
    }
    return all;
}

void write_page(const std::string& path, const results& r)
{
    std::ofstream file(path, std::ios::binary);
    file << netbench::report_html(r);
    if (!file.flush()) {
        throw std::runtime_error("cannot write " + path);
    }
}

}  // namespace

int main(int argc, char** argv)
{
    CLI::App app(
        "Makes a load for an echo server: connections with messages under way, every echo\n"
        "compared with what was sent. Says how many came back, how long they took, what went\n"
        "wrong, and what each cost.\n"
        "Exit code: 0 if every echo was right and nothing failed, 1 if not, 2 for wrong usage.\n");
    app.footer("\nTry it:\n"
               "  netbench --connect 127.0.0.1:9000 --connections 64 --size 64\n"
               "  netbench --rate 20000 --duration 30s --html report.html\n"
               "  netbench --depth 64 --server-pid $(pidof tcp_echo_server) --json > run.json\n"
               "  netbench --merge one.json two.json --html both.html\n");
    wishes w;
    add_flags(app, w);
    return sample::run_program("netbench", app, argc, argv, [&] {
        check(app, w);
        const results r = w.merge.empty() ? measure(w) : merged(w.merge);
        std::cout << (w.json ? netbench::to_json(r) + '\n' : netbench::report_text(r));
        if (!std::cout.flush()) {
            throw std::runtime_error("cannot write to the standard output");
        }
        if (!w.html.empty()) {
            write_page(w.html, r);
        }
        return r.is_clean() ? 0 : 1;
    });
}
