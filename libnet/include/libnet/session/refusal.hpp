#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/error.hpp>
#include <libnet/policy/admission.hpp>

#include <string>

namespace libnet {

/// What becomes of clients for whom a server has no room now.
enum class surplus {
    wait,    ///< nobody is accepted: they stay in the kernel's backlog until there is room
    refuse,  ///< they are accepted and turned away at once
};

/// A client that a server has turned away.
struct refusal_report {
    std::string peer;                          ///< "127.0.0.1:50412"
    error_code reason = error::limit_reached;  ///< `limit_reached`, mostly
    admission::decision limit{};               ///< which one

    /// One line for people: "a configured limit is reached (max_per_address)".
    LIBNET_ASIO_DECL std::string text() const;
};

}  // namespace libnet
