#pragma once

#include "tls_handle.hpp"

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
/// Threads  any.
class tls_tickets {
public:
    using clock = std::chrono::steady_clock;

    static constexpr std::chrono::hours rotation{1};
    static constexpr std::chrono::hours lifetime{2};

    /// Lets `context` use these.
    static void serve(SSL_CTX* context, std::shared_ptr<tls_tickets> keys);

private:
    struct key {
        std::array<unsigned char, 16> name;
        std::array<unsigned char, 32> cipher;
        std::array<unsigned char, 32> authenticator;
        clock::time_point made;
    };

    static int use(SSL* ssl, unsigned char* name, unsigned char* vector, EVP_CIPHER_CTX* cipher,
                   EVP_MAC_CTX* authenticator, int sealing);
    bool newest(key& found, clock::time_point now);
    bool named(const unsigned char* name, key& found, bool& is_newest, clock::time_point now);

    std::mutex mutex_;
    std::vector<key> keys_;  // the newest last
};

}  // namespace libnet::detail
