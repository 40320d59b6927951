#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/error.hpp>

#include <string>

namespace libnet {

/// How a connection ended, for logs and counters: who ended it, what was going on, and why.
struct connection_ending {
    /// Who ended it.
    enum class party : unsigned char {
        peer,     ///< it closed, reset, or sent what is no frame
        session,  ///< our session returned, failed or threw
        limit,    ///< one of our timeouts or bounds
        owner,    ///< we: the server stops, somebody cancelled
        network,  ///< the kernel gave up on it
    };

    /// What it was about just then.
    enum class phase : unsigned char {
        handshake,  ///< of TLS, or of whatever stands between the transport and the session
        opening,    ///< the peer had not sent a whole frame
        receiving,  ///< part of a frame had come
        idle,       ///< between frames, and all was sent
        sending,    ///< output waited for the peer
        working,    ///< the session was busy with something else
    };

    party who = party::session;     ///< the first that ended it
    phase during = phase::opening;  ///< at that moment
    error_code why;                 ///< `closed` and `draining` are in order

    /// Two letters, who and when, in the manner of HAProxy's logs: P, S, L, O, N and h, o, r, i, s, w.
    /// "Li" is a limit that struck an idle connection.
    LIBNET_ASIO_DECL std::string code() const;

    /// "Li idle_timeout: a limit of ours, while idle"
    LIBNET_ASIO_DECL std::string text() const;
};

/// Who is behind an end for this reason.
LIBNET_ASIO_DECL connection_ending::party party_behind(const error_code& why) noexcept;

}  // namespace libnet
