#include "tls_session_cache.hpp"

#include <algorithm>
#include <utility>

namespace libnet::detail {

void tls_session_cache::put(const std::string& server, tls_kept_session session)
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

tls_kept_session tls_session_cache::take(const std::string& server, time_point now)
{
    const std::lock_guard lock(mutex_);
    const auto found = by_server_.find(server);
    if (found == by_server_.end()) {
        return {};
    }
    entries_.splice(entries_.begin(), entries_, found->second);
    auto& sessions = found->second->sessions;
    while (!sessions.empty()) {
        tls_kept_session last = std::move(sessions.back());
        sessions.pop_back();
        SSL_SESSION* const session = last.session.get();
        if (now >= std::min(last.verified_until, last.shown_until) ||
            SSL_SESSION_is_resumable(session) != 1) {
            continue;
        }
        if (SSL_SESSION_get_protocol_version(session) < TLS1_3_VERSION) {
            SSL_SESSION_up_ref(session);
            sessions.push_back(
                {tls_session_handle(session), last.verified_until, last.shown_until});
        }
        return last;
    }
    return {};
}

void tls_session_cache::clear()
{
    const std::lock_guard lock(mutex_);
    by_server_.clear();
    entries_.clear();
}

}  // namespace libnet::detail
