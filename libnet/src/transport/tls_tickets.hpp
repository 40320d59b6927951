#pragma once

#include "tls_handle.hpp"

#include <libnet/core/time.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

namespace libnet::detail {

/// The keys of session tickets (RFC 5077): in memory only, a new one every hour, each good until the
/// last ticket under it has run out. So who learns the key of today cannot read what was said
/// yesterday.
///
/// A client shows each ticket of TLS 1.3 once, so that nobody sees that it is the same client (RFC 8446,
/// C.4): each resumption gives it the next one. In all of them stands until when the full handshake at
/// their beginning counts. Without that they would beget each other for ever, and certificates be looked
/// at once.
///
/// Time is that of the loop on which hands are shaken, which leaves it in the tls_note.
///
/// Threads  any.
class tls_tickets {
public:
    static constexpr std::chrono::hours rotation{1};
    static constexpr std::chrono::hours lifetime{2};

    /// Lets `context` use these.
    static void serve(SSL_CTX* context, std::shared_ptr<tls_tickets> keys);

private:
    struct key {
        std::array<unsigned char, 16> name;
        std::array<unsigned char, 32> cipher;
        std::array<unsigned char, 32> authenticator;
        time_point made;
    };

    static int use(SSL* ssl, unsigned char* name, unsigned char* vector, EVP_CIPHER_CTX* cipher,
                   EVP_MAC_CTX* authenticator, int sealing);
    static int note_end(SSL* ssl, void*);
    static SSL_TICKET_RETURN judge(SSL* ssl, SSL_SESSION* session, const unsigned char*,
                                   std::size_t, SSL_TICKET_STATUS status, void*);
    bool newest(key& found, time_point now);
    bool named(const unsigned char* name, key& found, bool& is_newest, time_point now);

    std::mutex mutex_;
    std::vector<key> keys_;  // the newest last
};

}  // namespace libnet::detail
