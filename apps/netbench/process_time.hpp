#pragma once

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <system_error>

namespace netbench {

/// Seconds that this process has spent on CPUs, in user space and in the kernel.
inline double own_cpu_time()
{
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// The same of another process, all of its threads that are alive, as the scheduler counts it (in
/// nanoseconds, where /proc/PID/stat has hundredths of a second). Nothing if there is no such process.
inline std::optional<double> cpu_time_of(int process)
{
    std::optional<double> spent;
    std::error_code gone;
    const std::filesystem::path threads = "/proc/" + std::to_string(process) + "/task";
    for (const auto& thread : std::filesystem::directory_iterator(threads, gone)) {
        std::ifstream file(thread.path() / "schedstat");
        double nanoseconds = 0;
        if (file >> nanoseconds) {
            spent = spent.value_or(0) + nanoseconds / 1e9;
        }
    }
    return spent;
}

}  // namespace netbench
