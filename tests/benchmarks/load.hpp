#pragma once

/// What the loads beside this file have in common: connecting, and the time in which they measure.

#include <arpa/inet.h>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>
#include <utility>

namespace bench {

[[noreturn]] inline void die(const char* what)
{
    std::perror(what);
    std::exit(1);
}

/// Nanoseconds on CPUs, of all threads: the first number of each schedstat.
inline std::uint64_t cpu_time_of(const std::string& process)
{
    std::uint64_t all = 0;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/" + process + "/task")) {
        std::FILE* file = std::fopen((thread.path() / "schedstat").c_str(), "r");
        unsigned long long spent = 0;
        if (file == nullptr || std::fscanf(file, "%llu", &spent) != 1) {
            die("schedstat");
        }
        std::fclose(file);
        all += spent;
    }
    return all;
}

/// `from` is an address of this machine, in its own byte order.
inline int connect_to(int port, in_addr_t from = INADDR_LOOPBACK)
{
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(from);
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        die("bind");
    }
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        die("connect");
    }
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);  // the servers' too
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return descriptor;
}

/// A quarter of the time to warm up, then all of it to measure what the server's CPU spends.
class measurement {
public:
    measurement(std::string server, double seconds)
        : server_(std::move(server)), end_(after(seconds * 1.25)), began_(after(seconds * 0.25))
    {
    }

    /// False when it is over. Sets `done` to zero when it begins to count.
    bool goes_on(std::uint64_t& done)
    {
        const auto now = clock::now();
        if (!measuring_ && now >= began_) {
            measuring_ = true;
            done = 0;
            cpu_ = cpu_time_of(server_);
            began_ = now;
        }
        return !measuring_ || now < end_;
    }

    void print(std::uint64_t done, const std::string& what) const
    {
        const auto cpu = static_cast<double>(cpu_time_of(server_) - cpu_);
        const double elapsed = std::chrono::duration<double>(clock::now() - began_).count();
        std::printf("%.1f ns_cpu_per_%s %.0f %ss_per_second %llu %ss\n",
                    cpu / static_cast<double>(done), what.c_str(),
                    static_cast<double>(done) / elapsed, what.c_str(),
                    static_cast<unsigned long long>(done), what.c_str());
    }

private:
    using clock = std::chrono::steady_clock;

    static clock::time_point after(double seconds)
    {
        return clock::now() +
               std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(seconds));
    }

    std::string server_;
    clock::time_point end_;
    clock::time_point began_;  // and before that, when it will
    bool measuring_ = false;
    std::uint64_t cpu_ = 0;
};

}  // namespace bench
