#include "tls_session_cache.hpp"

#include <utility>

namespace libnet::detail {

void tls_session_cache::put(const std::string& server, tls_session_handle session)
{
    const std::lock_guard lock(mutex_);
    auto found = by_server_.find(server);
    if (found == by_server_.end()) {
        entries_.push_front({server, {}});
        try {
            found = by_server_.emplace(server, entries_.begin()).first;
        } catch (...) {
            entries_.pop_front();
            throw;
        }
    } else {
        entries_.splice(entries_.begin(), entries_, found->second);
    }
    auto& sessions = found->second->sessions;
    if (sessions.size() == most_each) {
        sessions.erase(sessions.begin());
    }
    sessions.push_back(std::move(session));
    if (entries_.size() > most_servers) {
        by_server_.erase(entries_.back().server);
        entries_.pop_back();
    }
}

tls_session_handle tls_session_cache::take(const std::string& server)
{
    const std::lock_guard lock(mutex_);
    const auto found = by_server_.find(server);
    if (found == by_server_.end()) {
        return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, found->second);
    auto& sessions = found->second->sessions;
    while (!sessions.empty()) {
        tls_session_handle last = std::move(sessions.back());
        sessions.pop_back();
        if (SSL_SESSION_is_resumable(last.get()) != 1) {
            continue;
        }
        if (SSL_SESSION_get_protocol_version(last.get()) < TLS1_3_VERSION) {
            SSL_SESSION_up_ref(last.get());
            sessions.emplace_back(last.get());
        }
        return last;
    }
    return nullptr;
}

void tls_session_cache::clear()
{
    const std::lock_guard lock(mutex_);
    by_server_.clear();
    entries_.clear();
}

}  // namespace libnet::detail
