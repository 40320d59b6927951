#pragma once

#include "socket.hpp"

#include <libnet/core/ip_address.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace libnet::detail {

/// Who is at the two ends of a connected socket, for people. Ten thousand sockets are idle and nobody
/// asks, so what the kernel can tell is not kept as text.
class socket_names {
public:
    explicit socket_names(const socket_endpoint& peer);

    /// Of ends that have other names than the kernel's. `local` is empty where it can be asked for it.
    socket_names(std::string peer, const ip_address& address, std::string local = {});

    std::string peer() const;
    std::string local(int descriptor) const;
    const ip_address& address() const noexcept { return address_; }

    /// Before it is closed. Without memory for it, local() will be "?".
    void keep_local(int descriptor) noexcept;

private:
    struct texts {
        std::string peer;
        std::string local;
    };

    ip_address address_;
    std::uint16_t port_ = 0;
    std::unique_ptr<texts> texts_;  // an empty one is not known
};

}  // namespace libnet::detail
