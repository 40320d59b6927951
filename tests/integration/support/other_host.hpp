#pragma once

#include "child_process.hpp"
#include "client_socket.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

namespace integration {

/// Another machine, as far as TCP can tell: a network namespace at the other end of a virtual cable.
/// The namespace has no name, so that the kernel takes everything away with this process, however it
/// ends. Needs the rights of root.
class other_host {
public:
    other_host()
    {
        std::thread([this] {
            if (::unshare(CLONE_NEWNET) == 0) {
                namespace_ = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
            }
        }).join();
        if (namespace_ < 0) {
            return;
        }
        static int count = 0;
        const int number = count++;
        const auto process = static_cast<unsigned>(::getpid());
        ours_ = "ln" + std::to_string(process) + 'a' + std::to_string(number);
        theirs_ = "ln" + std::to_string(process) + 'b' + std::to_string(number);
        network_ = 0xC6120000u + (process * 4 + static_cast<unsigned>(number)) % 0x8000 *
                                     4;  // in 198.18.0.0/15, which is for such tests
        made_ = shell("ip link add " + ours_ + " type veth peer name " + theirs_ + " netns " +
                      file() + " && ip addr add " + text(1) + "/30 dev " + ours_ +
                      " && ip link set " + ours_ + " up && " + inside() + "ip addr add " + text(2) +
                      "/30 dev " + theirs_ + " && " + inside() + "ip link set " + theirs_ + " up")
                    .code == 0;
    }
    other_host(const other_host&) = delete;
    other_host& operator=(const other_host&) = delete;
    ~other_host()
    {
        if (!ours_.empty()) {
            shell("ip link del " + ours_);
        }
        if (namespace_ >= 0) {
            ::close(namespace_);
        }
    }

    /// Whether it could be made.
    explicit operator bool() const noexcept { return made_; }

    /// Where it sees us: "198.18.0.1:0", to listen at.
    std::string here() const { return text(1) + ":0"; }

    /// A client there, connected to a port of ours.
    client_socket connect(std::uint16_t port) const
    {
        int descriptor = -1;
        std::thread([&] {
            if (::setns(namespace_, CLONE_NEWNET) == 0) {
                descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                sockaddr_in address{};
                address.sin_family = AF_INET;
                address.sin_port = htons(port);
                address.sin_addr.s_addr = htonl(network_ + 1);
                ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
            }
        }).join();
        return client_socket::of(descriptor);
    }

    /// From here on nothing arrives any more, in either direction.
    bool vanish() const { return shell(inside() + "ip link set " + theirs_ + " down").code == 0; }

private:
    std::string file() const
    {
        return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(namespace_);
    }
    std::string inside() const { return "nsenter --net=" + file() + ' '; }
    std::string text(std::uint32_t host) const
    {
        const in_addr address{htonl(network_ + host)};
        char room[INET_ADDRSTRLEN];
        return ::inet_ntop(AF_INET, &address, room, sizeof room);
    }

    int namespace_ = -1;
    std::string ours_;
    std::string theirs_;
    std::uint32_t network_ = 0;
    bool made_ = false;
};

}  // namespace integration
