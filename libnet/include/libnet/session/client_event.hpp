#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/error.hpp>
#include <libnet/core/time.hpp>
#include <libnet/session/connection_ending.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace libnet {

/// An address of a host that could not be connected to.
struct failed_address {
    std::string address;  ///< "192.0.2.1:9000"
    error_code why;       ///< what this attempt ended with
};

/// What a client does, for logs and counters.
struct client_event {
    /// What happened.
    enum class kind : unsigned char {
        connecting,  ///< an attempt begins
        connected,   ///< the session begins
        failed,      ///< no connection: `why`, and for each address in `tried`
        ended,       ///< the session has ended: `why`, `ending`
        stopped,     ///< the client has ended; `why` if it has given up
    };

    kind what{};                          ///< by which the fields below mean something
    std::string where;                    ///< "quotes:9000", as it was given
    std::string peer{};                   ///< connected, ended: "192.0.2.1:9000"
    std::uint64_t attempt = 0;            ///< the how manieth
    error_code why{};                     ///< failed, lost: the reason
    std::vector<failed_address> tried{};  ///< failed: each address, in the order of the attempts
    connection_ending ending{};           ///< lost: who ended it, in which phase

    /// failed, ended: until the next attempt; nothing if there is none.
    std::optional<duration> pause{};

    /// One line for people: "cannot connect to quotes:9000: connection refused ([::1]:9000:
    /// connection refused; 127.0.0.1:9000: connection refused); again in 1.7 s".
    LIBNET_ASIO_DECL std::string text() const;
};

}  // namespace libnet
