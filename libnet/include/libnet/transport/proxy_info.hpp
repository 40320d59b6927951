#pragma once

#include <libnet/framing/proxy_header.hpp>

#include <string>

namespace libnet {

/// Through whom a connection came, and what that one said of the client.
struct proxy_info {
    std::string balancer;  ///< who has connected: "10.0.0.5:41212"
    proxy_header header;   ///< what it said first, with all TLVs
};

}  // namespace libnet
