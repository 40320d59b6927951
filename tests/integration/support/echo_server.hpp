#pragma once

#include "child_process.hpp"

#include <libnet/transport/endpoint.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace integration {

/// tcp_echo_server on a free port of the loopback interface.
class echo_server {
public:
    explicit echo_server(const std::vector<std::string>& flags = {}, child_process::setup with = {},
                         const std::vector<std::string>& started_by = {})
        : echo_server(flags, with, started_by, TCP_ECHO_SERVER)
    {
    }

    /// Another program that has its flags and prints its lines.
    echo_server(const std::vector<std::string>& flags, child_process::setup with,
                const std::vector<std::string>& started_by, const std::string& program)
        : process_(command(flags, started_by, program), with)
    {
        const std::string line = process_.line("listening on ");
        if (!line.empty()) {
            where_ = line.substr(std::string("listening on ").size());
            port_ = libnet::endpoint::parse(where_)->port;
        }
    }

    /// "127.0.0.1:40123", "unix:/tmp/s"; empty if it did not start.
    const std::string& where() const noexcept { return where_; }
    std::uint16_t port() const noexcept { return port_; }
    pid_t id() const noexcept { return process_.id(); }
    child_process& process() noexcept { return process_; }

    std::string line(const std::string& start) { return process_.line(start); }

    void signal(int number) const { process_.signal(number); }

    child_process::outcome stop(int signal_number, std::chrono::milliseconds limit = patience)
    {
        process_.signal(signal_number);
        return process_.finish(limit);
    }

private:
    static std::vector<std::string> command(const std::vector<std::string>& flags,
                                            std::vector<std::string> words,
                                            const std::string& program)
    {
        words.push_back(program);
        if (std::find(flags.begin(), flags.end(), "--listen") == flags.end()) {
            words.insert(words.end(), {"--listen", "127.0.0.1:0"});
        }
        words.insert(words.end(), flags.begin(), flags.end());
        return words;
    }

    child_process process_;
    std::string where_;
    std::uint16_t port_ = 0;
};

}  // namespace integration
