#pragma once

#include <libnet/core/error.hpp>

namespace libnet::detail {

/// Socket options that the kernel may refuse. The names are those of its manual.
enum class socket_option {
    reuse_address = 1,
    v6_only,
    send_buffer,
    receive_buffer,
    no_delay,
    keep_alive,
    keep_alive_idle,
    keep_alive_interval,
    keep_alive_count,
    user_timeout,
    fast_open,
    congestion,
    not_sent_low_water,
    linger,
    device,
    dscp,
    quick_ack,
    permissions,
    reuse_port,  // from here on of UDP
    broadcast,
    destination,
    hop_limit,
    ecn,
    multicast_hops,
    multicast_loop,
    multicast_interface,
    errors,
    local_address,
};

/// "the kernel refused TCP_USER_TIMEOUT: Invalid argument"; equals condition::option_refused.
error_code refused(socket_option option, int system_error) noexcept;

}  // namespace libnet::detail
