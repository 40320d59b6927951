#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/literals.hpp>
#include <libnet/core/result.hpp>
#include <libnet/core/socket_address.hpp>
#include <libnet/core/time.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace libnet {

/// When the kernel looks whether a silent peer is still there.
struct tcp_keep_alive {
    std::chrono::seconds after{60};     ///< silence before the first probe (TCP_KEEPIDLE)
    std::chrono::seconds interval{10};  ///< between probes (TCP_KEEPINTVL)
    int probes = 3;  ///< unanswered ones before the connection ends (TCP_KEEPCNT)
};

/// A name as the kernel has them for interfaces and algorithms: 15 characters at most. Trivial, so
/// that options are: GCC 12 destroys temporaries of other aggregates inside an await twice.
class short_name {
public:
    constexpr short_name() noexcept = default;

    /// Throws std::length_error above 15 characters.
    constexpr short_name(std::string_view text) : size_(text.size())  // implicit on purpose
    {
        if (text.size() >= characters_.size()) {
            throw std::length_error("libnet: a name of the kernel's has 15 characters at most");
        }
        text.copy(characters_.data(), text.size());
    }
    constexpr short_name(const char* text) : short_name(std::string_view(text)) {}
    short_name(const std::string& text) : short_name(std::string_view(text)) {}

    /// What it was made of; valid as long as this name.
    constexpr std::string_view text() const noexcept { return {characters_.data(), size_}; }
    constexpr bool empty() const noexcept { return size_ == 0; }

    friend constexpr bool operator==(const short_name&, const short_name&) = default;

private:
    std::array<char, 16> characters_{};
    std::size_t size_ = 0;
};

/// What is asked of the kernel for each socket. The defaults are those that servers want. Those of
/// TCP are passed over for Unix sockets. What the kernel refuses is an error that says which option
/// and why, and equals condition::option_refused.
struct socket_options {
    /// SO_REUSEADDR on listening sockets: a restart need not wait for TIME_WAIT to pass.
    bool reuse_address = true;

    /// SO_REUSEPORT on listening sockets: several of one user may listen on one port, and the kernel
    /// deals clients out among them. For the processes of a restart, and for a server over shards, each
    /// of which listens for itself then. A second server that was started by mistake is not noticed.
    bool reuse_port = false;

    /// TCP_NODELAY: small messages leave at once. libnet gathers neighbours itself, so Nagle's
    /// algorithm would only add a round trip.
    bool no_delay = true;

    /// SO_KEEPALIVE: a peer that vanished is noticed after 60 s + 3 x 10 s. Empty: never.
    std::optional<tcp_keep_alive> keep_alive = tcp_keep_alive{};

    /// TCP_USER_TIMEOUT: how long sent data may stay unacknowledged. It overrides keep-alive's
    /// count, so it has to agree with it: 90 s. Zero: the kernel's own 15 minutes.
    std::chrono::milliseconds user_timeout = std::chrono::seconds(90);

    /// Connections that have come and are not accepted yet; the kernel caps it at somaxconn.
    int backlog = 4096;

    /// SO_SNDBUF and SO_RCVBUF in bytes. Empty: the kernel tunes them itself, which is better
    /// unless memory has to be bounded.
    std::optional<std::size_t> send_buffer = std::nullopt;
    std::optional<std::size_t> receive_buffer = std::nullopt;

    /// IPV6_V6ONLY on an IPv6 listener. Empty: only where the host is an explicit address, so that
    /// `[::1]:9000` and `127.0.0.1:9000` can be served side by side and `[::]` serves both kinds.
    std::optional<bool> v6_only = std::nullopt;

    /// TCP_FASTOPEN: on a listener so many connections may bring data in their first packet; for a
    /// client any number lets the first message leave with it (TCP_FASTOPEN_CONNECT). Then the
    /// connection counts as connected before the server has answered, and a refusal shows at the
    /// first receive. Only for requests that may arrive twice.
    std::optional<int> fast_open = std::nullopt;

    /// TCP_CONGESTION: "bbr", "cubic", "reno", as far as the kernel has them. Empty: its own choice.
    short_name congestion{};

    /// TCP_NOTSENT_LOWAT: writing waits while so many bytes stand in the kernel unsent. Keeps what
    /// is to be sent in the program, where it can still be changed, at the price of more wake-ups.
    std::optional<std::size_t> not_sent_low_water = std::nullopt;

    /// SO_LINGER. Zero: closing sends a reset at once and throws away what is unsent. More: closing
    /// blocks the loop's thread for up to so long; leave that to connection::close(), which waits
    /// without blocking.
    std::optional<std::chrono::seconds> linger = std::nullopt;

    /// For a client: where it connects from; port 0: any. Only addresses of the same family are tried
    /// then. Empty: the kernel chooses both.
    std::optional<socket_address> local_address = std::nullopt;

    /// SO_BINDTODEVICE: traffic of this interface only ("eth0"). May need privileges.
    short_name device{};

    /// The differentiated services code point, 0 to 63 (RFC 2474): 46 is expedited forwarding.
    std::optional<int> dscp = std::nullopt;

    /// TCP_QUICKACK at the start of the connection: acknowledge at once. The kernel goes back to its
    /// own ways later.
    std::optional<bool> quick_ack = std::nullopt;

    /// Multipath TCP (RFC 8684) where the kernel has it, plain TCP where not. Options that its
    /// multipath sockets do not have are passed over: read_socket_options() shows what is in force.
    bool multipath = false;

    /// Who may connect to a Unix socket: the permissions of its file, 0660 for instance, set before
    /// anybody can. Empty: what the umask leaves.
    std::optional<unsigned> permissions = std::nullopt;
};

/// What the kernel has in force for a socket, such as `peer.transport().native_handle()`. Buffer
/// sizes are given as they would be asked for. `backlog`,
/// `permissions` and `local_address` are not asked.
///
/// Errors   the kernel's, if this is no socket.
LIBNET_ASIO_DECL result<socket_options> read_socket_options(int native_handle);

}  // namespace libnet
