#pragma once

#include "tls_handle.hpp"

#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace libnet::detail {

/// Sessions of the servers that a client has talked to, for all of its connections: a bounded number
/// of servers, the one that was not used for longest goes first.
///
/// Threads  any.
class tls_session_cache {
public:
    static constexpr std::size_t most_servers = 256;
    static constexpr std::size_t most_each = 4;

    void put(const std::string& server, tls_session_handle session);

    /// A session to go on with, or none. Of TLS 1.3 each is used once (RFC 8446, C.4).
    tls_session_handle take(const std::string& server);

    void clear();

private:
    struct entry {
        std::string server;
        std::vector<tls_session_handle> sessions;  // the newest last
    };

    std::mutex mutex_;
    std::list<entry> entries_;  // the one used last in front
    std::map<std::string, std::list<entry>::iterator, std::less<>> by_server_;
};

}  // namespace libnet::detail
