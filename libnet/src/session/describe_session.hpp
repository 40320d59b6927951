#pragma once

#include <libnet/runtime/fiber.hpp>
#include <libnet/session/connection.hpp>

#include <string>

namespace libnet::detail {

/// Lets reports name the peer of the connection that a task serves. `peer` lives as long as the
/// task's frame.
inline void describe_session(fiber& session, const connection& peer) noexcept
{
    session.describe_by(
        [](const void* whom) -> std::string {
            return static_cast<const connection*>(whom)->peer();
        },
        &peer);
}

}  // namespace libnet::detail
