#pragma once

#include "results.hpp"
#include "units.hpp"

#include <string>
#include <utility>

namespace netbench {

/// "tcp 127.0.0.1:9000, 64 connections, 1 message of 64 bytes under way on each"
inline std::string what_was_done(const results& r)
{
    const setting& s = r.asked;
    const auto plural = [](std::uint64_t n, const char* what) {
        return grouped(n) + ' ' + what + (n == 1 ? "" : "s");
    };
    std::string text = s.transport + ' ' + s.target;
    text += s.framing.empty() ? "" : ", framing " + s.framing;
    text += ", " + plural(s.connections, s.transport == "udp" ? "socket" : "connection");
    text += ", messages of " + plural(s.size, "byte");
    if (s.rate > 0) {
        text += ", " + with_digits(s.rate, s.rate < 100 ? 1 : 0) + " a second";
        text += s.depth == 0 ? "" : ", at most " + grouped(s.depth) + " under way on each";
    } else {
        text += ", " + grouped(s.depth) + " under way on each";
    }
    return text;
}

/// "p50 53.2 us, ..."
inline std::string percentiles(const histogram& h)
{
    std::string text = "min " + short_time(h.min());
    for (const auto& [name, percent] : {std::pair{"p50", 50.0},
                                        {"p90", 90.0},
                                        {"p99", 99.0},
                                        {"p99.9", 99.9},
                                        {"p99.99", 99.99}}) {
        text += std::string(", ") + name + ' ' + short_time(h.percentile(percent));
    }
    return text + ", max " + short_time(h.max());
}

/// What a person wants to see at the end.
inline std::string report_text(const results& r)
{
    const auto messages = static_cast<double>(r.messages);
    std::string text = what_was_done(r) + '\n';
    const auto line = [&text](const char* name, const std::string& value) {
        text += std::string(name) + std::string(12 - std::string(name).size(), ' ') + value + '\n';
    };
    const double a_second = r.seconds > 0 ? messages / r.seconds : 0;
    line("echoed", grouped(r.messages) + " in " + with_digits(r.seconds, 1) +
                       " s: " + grouped(static_cast<std::uint64_t>(a_second)) + " messages/s, " +
                       short_rate(a_second * static_cast<double>(r.asked.size)) +
                       " of payload each way");
    if (r.messages != 0) {
        line("latency", percentiles(r.latency));
    }
    if (r.asked.transport == "udp") {
        line("datagrams", grouped(r.lost) + " lost, " + grouped(r.late) + " late or twice");
    } else if (r.connects != 0) {
        line("connects", grouped(r.connects) + ": p50 " + short_time(r.connecting.percentile(50)) +
                             ", p99 " + short_time(r.connecting.percentile(99)) + ", max " +
                             short_time(r.connecting.max()));
    }
    std::string errors = r.wrong == 0 ? "" : grouped(r.wrong) + " x another message came back";
    for (const auto& [what, times] : r.errors) {
        errors += (errors.empty() ? "" : "; ") + grouped(times) + " x " + what;
    }
    line("errors", errors.empty() ? "none" : errors);
    if (r.messages != 0 && r.seconds > 0) {
        const auto cpu = [&](double seconds) {
            return short_time(std::chrono::nanoseconds(
                       static_cast<std::int64_t>(seconds * 1e9 / messages))) +
                   " a message (" + with_digits(100 * seconds / r.seconds, 0) + " % of a core)";
        };
        line("CPU",
             "netbench " + cpu(r.own_cpu) + (r.server_cpu ? "; server " + cpu(*r.server_cpu) : ""));
    }
    return text;
}

}  // namespace netbench
