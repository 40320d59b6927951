#pragma once

#include "tls_handle.hpp"

#include <libnet/core/time.hpp>

#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace libnet::detail {

/// A session to go on with.
struct tls_kept_session {
    tls_session_handle session;
    time_point verified_until;  // the full handshake at its beginning counts until then
    time_point shown_until;     // the server keeps its ticket until then
};

/// Sessions of the servers that a client has talked to, for all of its connections: a bounded number
/// of servers, the one that was not used for longest goes first, and of sessions with each: as many
/// connections at once can go on, and each of them brings a session in place of the one that it took.
///
/// Threads  any.
class tls_session_cache {
public:
    static constexpr std::size_t most_servers = 256;
    static constexpr std::size_t most_each = 4;

    void put(const std::string& server, tls_kept_session session);

    /// A session to go on with, or none. Of TLS 1.3 each is handed out once: whoever listens would
    /// know a client by a ticket that it shows twice (RFC 8446, C.4).
    tls_kept_session take(const std::string& server, time_point now);

    void clear();

private:
    struct entry {
        std::string server;
        std::vector<tls_kept_session> sessions;  // the newest last
    };

    std::mutex mutex_;
    std::list<entry> entries_;  // the one used last in front
    std::map<std::string, std::list<entry>::iterator, std::less<>> by_server_;
};

}  // namespace libnet::detail
