#pragma once

#include <libnet/session/connection.hpp>
#include <libnet/session/server.hpp>

namespace libnet::detail {

/// What is not said about a connection that somebody else has opened: nobody holds it by saying nothing.
inline connection_options with_defaults_of_servers(connection_options options)
{
    if (!options.first_frame_timeout) {
        options.first_frame_timeout = server_options::default_first_frame_timeout;
    }
    if (!options.idle_timeout && !options.heartbeat) {
        options.idle_timeout = server_options::default_idle_timeout;
    }
    return options;
}

}  // namespace libnet::detail
