#pragma once

#include <libnet/core/bytes.hpp>

#include <array>
#include <cstddef>
#include <string_view>

/// How protocols begin that are often spoken to a port where another one is expected.
namespace libnet::detail {

/// The line of a request, or the preface of HTTP/2 (RFC 9113, 3.4).
inline bool begins_like_http(bytes received) noexcept
{
    constexpr std::array<std::string_view, 10> methods{"GET ", "POST", "HEAD", "PUT ", "OPTI",
                                                       "DELE", "PATC", "CONN", "TRAC", "PRI "};
    const std::string_view text = as_text(received);
    for (const std::string_view method : methods) {
        if (text.starts_with(method)) {
            return true;
        }
    }
    return false;
}

/// A record with a ClientHello, as far as it has come (RFC 8446, 5.1 and 4).
///
///     | 22 | 3 | 0..4 | size 2 | 1 | ...
inline bool begins_like_tls(bytes received) noexcept
{
    constexpr std::byte handshake_record{22};
    constexpr std::byte client_hello{1};
    return received.size() >= 3 && received[0] == handshake_record && received[1] == std::byte{3} &&
           received[2] <= std::byte{4} && (received.size() < 6 || received[5] == client_hello);
}

}  // namespace libnet::detail
