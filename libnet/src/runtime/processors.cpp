#include <libnet/runtime/processors.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace libnet {
namespace detail {
namespace {

std::string first_line(const std::filesystem::path& file)
{
    std::string line;
    std::ifstream stream(file);
    std::getline(stream, line);
    return line;
}

/// Where this process is in the hierarchy of control group v2: the line "0::/path".
std::filesystem::path own_control_group()
{
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        if (line.starts_with("0::/")) {
            return line.substr(4);
        }
    }
    return {};
}

/// The least that the own group and those above it pay for.
std::optional<std::size_t> processors_of_control_groups()
{
    const std::filesystem::path mounted = "/sys/fs/cgroup";
    std::optional<std::size_t> least;
    const auto consider = [&](const std::string& cpu_max) {
        if (const auto paid = processors_of_quota(cpu_max)) {
            least = least ? std::min(*least, *paid) : paid;
        }
    };
    std::filesystem::path group = mounted / own_control_group();
    for (; group != mounted && group.has_relative_path(); group = group.parent_path()) {
        consider(first_line(group / "cpu.max"));
    }
    consider(first_line(mounted / "cpu.max"));
    const std::filesystem::path before_v2 = mounted / "cpu";
    consider(first_line(before_v2 / "cpu.cfs_quota_us") + ' ' +
             first_line(before_v2 / "cpu.cfs_period_us"));
    return least;
}

}  // namespace

std::vector<int> allowed_processors()
{
    std::vector<int> allowed;
#if defined(__linux__)
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) == 0) {
        for (int i = 0; i < CPU_SETSIZE; ++i) {
            if (CPU_ISSET(static_cast<unsigned>(i), &set)) {
                allowed.push_back(i);
            }
        }
    }
#endif
    return allowed;
}

std::optional<std::size_t> processors_of_quota(std::string_view cpu_max) noexcept
{
    std::uint64_t quota = 0;
    std::uint64_t period = 0;
    const char* const end = cpu_max.data() + cpu_max.size();
    const auto [behind, failed] = std::from_chars(cpu_max.data(), end, quota);
    if (failed != std::errc() || behind == end || *behind != ' ') {
        return std::nullopt;
    }
    const auto [rest, failed_too] = std::from_chars(behind + 1, end, period);
    if (failed_too != std::errc() || rest != end || quota == 0 || period == 0) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(quota / period + (quota % period != 0 ? 1 : 0));
}

}  // namespace detail

std::size_t usable_processors() noexcept
{
    std::size_t usable = std::thread::hardware_concurrency();
    try {
        if (const auto allowed = detail::allowed_processors(); !allowed.empty()) {
            usable = allowed.size();
        }
        if (const auto paid = detail::processors_of_control_groups()) {
            usable = std::min(usable, *paid);
        }
    } catch (const std::exception&) {  // without memory to look it up
    }
    return std::max<std::size_t>(usable, 1);
}

}  // namespace libnet
