#pragma once

#include "tls_handle.hpp"

#include <libnet/policy/token_bucket.hpp>
#include <libnet/transport/tls_context.hpp>

#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace libnet {

namespace detail {

/// What is noted down while a handshake goes on: when it began, and why it fails if it does.
struct tls_note {
    time_point began;
    std::string certificate;  // the one that was not accepted
    std::string reason;       // why, in OpenSSL's words
};

}  // namespace detail

/// A context behind its handle. What a connection needs of it is a snapshot: reload() replaces it,
/// and handshakes that are under way go on with theirs.
class tls_context::state {
public:
    /// OpenSSL's contexts as the files were when they were read, and whoever they point to.
    class snapshot {
    public:
        virtual ~snapshot() = default;

        /// A connection that is about to shake hands; none if no peer can have that name. Throws
        /// std::bad_alloc.
        virtual detail::tls_connection_handle begin(const endpoint& where,
                                                    time_point now) const = 0;
    };

    explicit state(bool is_server) noexcept : is_server_(is_server) {}
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    virtual ~state() = default;

    virtual const tls_options& options() const noexcept = 0;
    bool is_server() const noexcept { return is_server_; }
    std::shared_ptr<const snapshot> current() const;

    /// Reads all files; with `other` certificates from now on unless it is null.
    void load(const std::vector<tls_certificate>* other = nullptr);

    /// Waits for the handshake's turn.
    virtual task<> admit() = 0;

protected:
    virtual std::shared_ptr<const snapshot> read(const std::vector<tls_certificate>* other) = 0;

private:
    const bool is_server_;
    std::mutex loading_;  // one at a time
    mutable std::mutex mutex_;
    std::shared_ptr<const snapshot> current_;
};

namespace detail {

std::shared_ptr<tls_context::state> make_server_state(tls_server_options options);
std::shared_ptr<tls_context::state> make_client_state(tls_client_options options);

}  // namespace detail

}  // namespace libnet
