#include "process_figures.hpp"

#include "child_process.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>

#include <unistd.h>

namespace integration {
namespace {

/// A line of /proc/PID/status that is a number of kibibytes, in bytes.
std::size_t memory_figure(pid_t process, std::string_view name)
{
    std::ifstream status("/proc/" + std::to_string(process) + "/status");
    for (std::string word; status >> word;) {
        if (word == name) {
            std::size_t kibibytes = 0;
            status >> kibibytes;
            return kibibytes * 1024;
        }
    }
    return 0;
}

}  // namespace

std::size_t resident_memory(pid_t process)
{
    return memory_figure(process, "VmRSS:");
}

std::size_t peak_memory(pid_t process)
{
    return memory_figure(process, "VmHWM:");
}

std::size_t descriptors_of(pid_t process)
{
    const auto folder = "/proc/" + std::to_string(process) + "/fd";
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

std::chrono::milliseconds processor_time(pid_t process)
{
    std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
    std::string text;
    std::getline(stat, text);
    std::istringstream fields(text.substr(text.rfind(')') + 1));  // the name may contain anything
    std::string skipped;
    for (int i = 3; i < 14; ++i) {
        fields >> skipped;
    }
    long user = 0;
    long system = 0;
    fields >> user >> system;
    return std::chrono::milliseconds((user + system) * 1000 / ::sysconf(_SC_CLK_TCK));
}

/// By address and port: a client may have the same port at another address.
std::size_t in_time_wait(std::uint16_t port)
{
    const auto lines =
        shell("ss -Htn state time-wait 'src 127.0.0.1:" + std::to_string(port) + "' | wc -l");
    return std::stoul(lines.output);
}

}  // namespace integration
