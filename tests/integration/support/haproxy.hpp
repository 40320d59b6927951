#pragma once

#include "certificates.hpp"
#include "child_process.hpp"
#include "client_socket.hpp"

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace integration {

/// A port of the loopback interface that was free a moment ago: for programs that cannot say which one
/// the kernel has chosen.
inline std::uint16_t free_port()
{
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(probe, reinterpret_cast<const sockaddr*>(&address), size);
    ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(probe);
    return ntohs(address.sin_port);
}

/// HAProxy with the configuration of docs/deploying/, on free ports of the loopback interface and in
/// front of two servers of this machine.
class haproxy {
public:
    using replacements = std::vector<std::pair<std::string, std::string>>;

    /// `changes` are made to the text of the configuration. Throws std::runtime_error for one whose
    /// text is not there, so that the page and the tests cannot part.
    haproxy(std::uint16_t first_server, std::uint16_t second_server,
            const replacements& changes = {})
        : plain_(free_port()),
          encrypted_(free_port()),
          process_(command(all(first_server, second_server, changes)))
    {
    }

    /// Where it takes clients, as they are and over TLS.
    std::uint16_t plain_port() const noexcept { return plain_; }
    std::uint16_t encrypted_port() const noexcept { return encrypted_; }

    /// Whether it runs and thinks so of the server: "UP", "DOWN", "DRAIN".
    bool sees(const std::string& server, const std::string& status)
    {
        return soon([&] { return status_of(server) == status; });
    }

    std::string status_of(const std::string& server)
    {
        // pxname,svname,...: the status is the field number 17.
        const std::string line = ask("show stat", "echo," + server + ",");
        std::size_t begin = 0;
        for (int field = 0; field < 17 && begin != std::string::npos; ++field) {
            begin = line.find(',', begin);
            begin += begin != std::string::npos ? 1 : 0;
        }
        const std::string status =
            begin == std::string::npos ? "" : line.substr(begin, line.find(',', begin) - begin);
        return status.substr(0, status.find(' '));
    }

    void set_state(const std::string& server, const std::string& state)
    {
        ask("set server echo/" + server + " state " + state, "");
    }

    std::string complaints() { return process_.error_line(""); }

private:
    /// The line of the answer that begins so.
    std::string ask(const std::string& question, const std::string& start)
    {
        const std::string answer =
            '\n' + shell("echo '" + question + "' | socat -t 5 - UNIX-CONNECT:" + control()).output;
        const std::size_t line = answer.find('\n' + start);
        return line == std::string::npos
                   ? ""
                   : answer.substr(line + 1, answer.find('\n', line + 1) - line - 1);
    }

    std::string control() const
    {
        return certificates::made().folder() + "/haproxy_" + std::to_string(plain_) + ".sock";
    }

    replacements all(std::uint16_t first, std::uint16_t second, const replacements& more) const
    {
        const std::string here = "127.0.0.1:";
        replacements changes{
            {"/run/haproxy/admin.sock", control()},
            {"bind :9000", "bind " + here + std::to_string(plain_)},
            {"bind :9443", "bind " + here + std::to_string(encrypted_)},
            {"/etc/haproxy/site.pem", both_in_one("server")},
            {"10.0.0.11:9001", here + std::to_string(first)},
            {"10.0.0.12:9001", here + std::to_string(second)},
            {"inter 1s", "inter 100ms"},
        };
        changes.insert(changes.end(), more.begin(), more.end());
        return changes;
    }

    /// HAProxy wants certificate and key in one file.
    std::string both_in_one(const std::string& name) const
    {
        const certificates& made = certificates::made();
        const std::string path = made.folder() + "/haproxy_" + std::to_string(plain_) + ".pem";
        std::ofstream(path) << std::ifstream(made.chain(name)).rdbuf()
                            << std::ifstream(made.key(name)).rdbuf();
        return path;
    }

    std::vector<std::string> command(const replacements& changes) const
    {
        std::ifstream page(HAPROXY_CONFIGURATION);
        std::string text{std::istreambuf_iterator<char>(page), {}};
        for (const auto& [from, to] : changes) {
            const std::size_t place = text.find(from);
            if (place == std::string::npos) {
                throw std::runtime_error("the configuration does not say " + from);
            }
            text.replace(place, from.size(), to);
        }
        const std::string path =
            certificates::made().folder() + "/haproxy_" + std::to_string(plain_) + ".cfg";
        std::ofstream(path) << text;
        return {"haproxy", "-db", "-f", path};
    }

    std::uint16_t plain_;
    std::uint16_t encrypted_;
    child_process process_;
};

}  // namespace integration
