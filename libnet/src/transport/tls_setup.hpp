#pragma once

#include "tls_handle.hpp"

#include <libnet/transport/tls_context.hpp>

#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace libnet::detail {

/// The file of secrets, for Wireshark. Threads  any.
class tls_key_log {
public:
    /// Throws boost::system::system_error that names the file.
    explicit tls_key_log(const std::string& path);
    tls_key_log(const tls_key_log&) = delete;
    tls_key_log& operator=(const tls_key_log&) = delete;
    ~tls_key_log();

    static void serve(SSL_CTX* context, std::shared_ptr<tls_key_log> log);

private:
    std::mutex mutex_;
    std::FILE* file_;
};

/// A context with what servers and clients have in common. Throws std::bad_alloc, and
/// boost::system::system_error for options that OpenSSL refuses.
tls_context_handle make_context(const SSL_METHOD* method, const tls_options& options);

/// A connection of which `choose_side`, SSL_set_connect_state or SSL_set_accept_state, has made a
/// client or a server. Throws std::bad_alloc.
tls_connection_handle make_connection(SSL_CTX* context, void (*choose_side)(SSL*));

/// Our certificate and its key. Throws boost::system::system_error: unreadable, expired, not its key.
void use_certificate(SSL_CTX* context, const tls_certificate& certificate);

/// Whom to trust: those in `pem`. Throws as above.
void trust(SSL_CTX* context, const std::string& pem, std::string_view what);

/// Notes down why a certificate is not accepted, in the tls_note that is attached to the connection.
int note_refusal(int accepted, X509_STORE_CTX* chain);

/// Names in the form of RFC 7301: each with its length before it. Throws boost::system::system_error
/// for a name that is empty or too long.
std::string wire_form(const std::vector<std::string>& protocols);

}  // namespace libnet::detail
