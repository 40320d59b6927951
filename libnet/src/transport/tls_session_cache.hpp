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

/// A session, and until when what was verified at its beginning counts.
struct tls_kept_session {
    tls_session_handle session;
    time_point good_until;
};

/// Sessions of the servers that a client has talked to, for all of its connections: a bounded number
/// of servers, the one that was not used for longest goes first.
///
/// Threads  any.
class tls_session_cache {
public:
    static constexpr std::size_t most_servers = 256;
    static constexpr std::size_t most_each = 4;

    void put(const std::string& server, tls_kept_session session);

    /// A session to go on with, or none. Of TLS 1.3 each is used once (RFC 8446, C.4).
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
