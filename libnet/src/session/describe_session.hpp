#pragma once

#include "connection_core.hpp"

#include <libnet/runtime/fiber.hpp>

namespace libnet::detail {

/// Lets reports name the peer of the connection that a task serves. `peer` lives as long as the
/// task's frame.
inline void describe_session(fiber& session, const connection& peer) noexcept
{
    surroundings& around = connection_access::core(peer);
    around.own_network = session.network_in_use();
    session.surround(&around);
}

}  // namespace libnet::detail
