#pragma once

#include "patience.hpp"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace integration {

/// "\0\0\0\5hello"
inline std::string framed(std::string_view payload, std::size_t width = 4)
{
    std::string frame;
    for (std::size_t i = width; i-- > 0;) {
        frame += static_cast<char>(payload.size() >> (8 * i));
    }
    return frame.append(payload);
}

/// A client that knows nothing of libnet: a plain blocking socket of the loopback interface.
class client_socket {
public:
    /// `from` is the last number of the address that it has: 127.0.0.2 is on this machine, too.
    explicit client_socket(std::uint16_t port, int receive_buffer = 0, unsigned from = 1)
        : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        if (receive_buffer != 0) {
            ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer,
                         sizeof receive_buffer);
        }
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + from);
        const int later = 1;  // the port is chosen by connect(), which finds one faster
        ::setsockopt(descriptor_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &later, sizeof later);
        if (from != 1 &&
            ::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            error_ = errno;
        }
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
            0) {
            error_ = errno;
        }
    }
    /// One that is connected already.
    static client_socket of(int descriptor) noexcept { return client_socket(adopted{descriptor}); }

    client_socket(client_socket&& other) noexcept
        : descriptor_(std::exchange(other.descriptor_, -1)), error_(other.error_)
    {
    }
    client_socket& operator=(client_socket&& other) noexcept
    {
        std::swap(descriptor_, other.descriptor_);
        std::swap(error_, other.error_);
        return *this;
    }
    ~client_socket() { close(); }

    int descriptor() const noexcept { return descriptor_; }

    /// What the last call that failed said; 0 if none did.
    int error() const noexcept { return error_; }

    /// All of it; false if the peer has gone, or takes no more for `limit`.
    bool send(std::string_view data, std::chrono::milliseconds limit = patience)
    {
        while (!data.empty()) {
            if (!ready(POLLOUT, limit)) {
                return false;
            }
            const ssize_t count =
                ::send(descriptor_, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count < 0 && errno != EAGAIN) {
                error_ = errno;
                return false;
            }
            data.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
        }
        return true;
    }

    void half_close() { ::shutdown(descriptor_, SHUT_WR); }

    /// So many bytes, or fewer at the end of the stream, an error, or after `limit` of silence.
    std::string read(std::size_t size, std::chrono::milliseconds limit = patience)
    {
        std::string got;
        while (got.size() < size && ready(POLLIN, limit)) {
            char room[65536];
            const ssize_t count =
                ::recv(descriptor_, room, std::min(sizeof room, size - got.size()), 0);
            if (count <= 0) {
                ended_ = count == 0;
                error_ = count < 0 ? errno : 0;
                break;
            }
            got.append(room, static_cast<std::size_t>(count));
        }
        return got;
    }

    std::string read_to_end(std::chrono::milliseconds limit = patience)
    {
        return read(SIZE_MAX, limit);
    }

    /// Whether read() has come to the orderly end of the stream.
    bool ended() const noexcept { return ended_; }

    void close()
    {
        if (descriptor_ >= 0) {
            ::close(std::exchange(descriptor_, -1));
        }
    }

    /// Ends the connection with a reset.
    void reset()
    {
        const linger at_once{1, 0};
        ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close();
    }

    /// The port that it has itself.
    std::uint16_t own_port() const
    {
        sockaddr_in address{};
        socklen_t size = sizeof address;
        ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size);
        return ntohs(address.sin_port);
    }

private:
    struct adopted {
        int descriptor;
    };
    explicit client_socket(adopted a) noexcept : descriptor_(a.descriptor) {}

    bool ready(short event, std::chrono::milliseconds limit)
    {
        pollfd watched{descriptor_, event, 0};
        return ::poll(&watched, 1, static_cast<int>(limit.count())) > 0;
    }

    int descriptor_;
    int error_ = 0;
    bool ended_ = false;
};

/// Sends one message with a 4-byte length and answers whether it came back.
inline bool echoes(client_socket& client, std::string_view message = "still there?")
{
    const std::string frame = framed(message);
    return client.send(frame) && client.read(frame.size()) == frame;
}

inline bool echoes(std::uint16_t port)
{
    client_socket client(port);
    return echoes(client);
}

}  // namespace integration
