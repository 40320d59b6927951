#include "option_error.hpp"

#include <string>

namespace libnet::detail {
namespace {

// A code is an int: the option above, what the kernel said below.
constexpr int errors = 4096;

const char* name_of(socket_option option) noexcept
{
    switch (option) {
    case socket_option::reuse_address: return "SO_REUSEADDR";
    case socket_option::v6_only: return "IPV6_V6ONLY";
    case socket_option::send_buffer: return "SO_SNDBUF";
    case socket_option::receive_buffer: return "SO_RCVBUF";
    case socket_option::no_delay: return "TCP_NODELAY";
    case socket_option::keep_alive: return "SO_KEEPALIVE";
    case socket_option::keep_alive_idle: return "TCP_KEEPIDLE";
    case socket_option::keep_alive_interval: return "TCP_KEEPINTVL";
    case socket_option::keep_alive_count: return "TCP_KEEPCNT";
    case socket_option::user_timeout: return "TCP_USER_TIMEOUT";
    case socket_option::fast_open: return "TCP_FASTOPEN";
    case socket_option::congestion: return "TCP_CONGESTION";
    case socket_option::not_sent_low_water: return "TCP_NOTSENT_LOWAT";
    case socket_option::linger: return "SO_LINGER";
    case socket_option::device: return "SO_BINDTODEVICE";
    case socket_option::dscp: return "the DSCP";
    case socket_option::quick_ack: return "TCP_QUICKACK";
    case socket_option::permissions: return "the permissions of the socket file";
    case socket_option::reuse_port: return "SO_REUSEPORT";
    case socket_option::broadcast: return "SO_BROADCAST";
    case socket_option::destination: return "IP_PKTINFO";
    case socket_option::hop_limit: return "IP_RECVTTL";
    case socket_option::ecn: return "IP_RECVTOS";
    case socket_option::multicast_hops: return "IP_MULTICAST_TTL";
    case socket_option::multicast_loop: return "IP_MULTICAST_LOOP";
    case socket_option::multicast_interface: return "IP_MULTICAST_IF";
    case socket_option::errors: return "IP_RECVERR";
    case socket_option::local_address: return "the local address";
    }
    return "a socket option";
}

// As for libnet's other categories: nobody deletes one, and GCC warns all the same.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"

class option_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "libnet.socket_option"; }

    std::string message(int value) const override
    {
        const error_code said(value % errors, boost::system::system_category());
        return std::string("the kernel refused ") +
               name_of(static_cast<socket_option>(value / errors)) + ": " + said.message();
    }

    bool equivalent(int value, const error_condition& other) const noexcept override
    {
        return other == make_error_condition(condition::option_refused) ||
               error_code(value % errors, boost::system::system_category()) == other;
    }
};

#pragma GCC diagnostic pop

}  // namespace

error_code refused(socket_option option, int system_error) noexcept
{
    static const option_category category;
    return {static_cast<int>(option) * errors + system_error, category};
}

}  // namespace libnet::detail
