#pragma once

#include "histogram.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace netbench {

/// What was asked for, as the report repeats it.
struct setting {
    std::string target;     ///< "127.0.0.1:9000"
    std::string transport;  ///< tcp, unix, tls or udp
    std::string framing;
    std::uint64_t connections = 0;
    std::uint64_t depth = 0;  ///< messages under way on each; 0: as many as the rate asks for
    std::uint64_t size = 0;   ///< bytes of a message
    double rate = 0;  ///< messages a second over all connections; 0: as fast as echoes come back
};

/// What was measured, by one process or by several together.
struct results {
    setting asked;
    std::uint64_t processes = 1;
    double seconds = 0;
    std::uint64_t messages = 0;  ///< that came back, in that time
    std::uint64_t wrong = 0;     ///< that came back as something else
    std::uint64_t lost = 0;      ///< UDP: not back within the timeout
    std::uint64_t late = 0;      ///< UDP: back after that, or twice
    std::uint64_t connects = 0;
    histogram latency;
    histogram connecting;
    std::map<std::string, std::uint64_t> errors;
    std::vector<std::uint64_t> timeline;  ///< messages in each second

    double own_cpu = 0;                ///< seconds of CPU time of this program
    std::optional<double> server_cpu;  ///< of the servers, where their process ids are known

    bool is_clean() const { return wrong == 0 && errors.empty() && messages != 0; }

    /// Adds what another process measured at the same time.
    void merge(const results& other)
    {
        asked.connections += other.asked.connections;
        asked.rate += other.asked.rate;
        processes += other.processes;
        seconds = std::max(seconds, other.seconds);
        messages += other.messages;
        wrong += other.wrong;
        lost += other.lost;
        late += other.late;
        connects += other.connects;
        latency.merge(other.latency);
        connecting.merge(other.connecting);
        for (const auto& [what, times] : other.errors) {
            errors[what] += times;
        }
        timeline.resize(std::max(timeline.size(), other.timeline.size()));
        for (std::size_t i = 0; i < other.timeline.size(); ++i) {
            timeline[i] += other.timeline[i];
        }
        own_cpu += other.own_cpu;
        if (other.server_cpu) {
            // Two that ran at the same time may have looked at the same server: it is not counted twice.
            server_cpu = std::max(server_cpu.value_or(0), *other.server_cpu);
        }
    }
};

}  // namespace netbench
