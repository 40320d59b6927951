#pragma once

#include "process_time.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace netbench {

/// What the servers' processes spend on CPUs while it is measured.
class server_watch {
public:
    /// Throws std::runtime_error if there is no such process.
    explicit server_watch(std::vector<int> processes) : processes_(std::move(processes))
    {
        for (const int process : processes_) {
            if (!cpu_time_of(process)) {
                throw std::runtime_error("--server-pid: there is no process " +
                                         std::to_string(process) +
                                         " here, or its CPU time may not be read");
            }
        }
    }

    void begin() { before_ = sum(); }
    void look() { now_ = sum(); }

    /// Seconds, between begin() and the last look(). Nothing without processes, or if one has ended.
    std::optional<double> spent() const
    {
        if (processes_.empty() || !before_ || !now_) {
            return std::nullopt;
        }
        return *now_ - *before_;
    }

private:
    std::optional<double> sum() const
    {
        double all = 0;
        for (const int process : processes_) {
            const auto of_it = cpu_time_of(process);
            if (!of_it) {
                return std::nullopt;
            }
            all += *of_it;
        }
        return all;
    }

    std::vector<int> processes_;
    std::optional<double> before_;
    std::optional<double> now_;
};

}  // namespace netbench
