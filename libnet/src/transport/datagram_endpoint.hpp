#pragma once

#include <libnet/core/error.hpp>
#include <libnet/core/result.hpp>
#include <libnet/transport/endpoint.hpp>

#include <string_view>

namespace libnet::detail {

/// HOST:PORT, for datagrams.
///
/// Errors  as of endpoint::parse(); not_supported: unix:PATH, since there are no datagrams over these here.
inline result<endpoint> datagram_endpoint(std::string_view text)
{
    auto parsed = endpoint::parse(text);
    if (parsed && parsed->is_unix()) {
        return error::not_supported;
    }
    return parsed;
}

}  // namespace libnet::detail
