#include "tls_tickets.hpp"

#include "tls_attached.hpp"
#include "tls_certificates.hpp"
#include "tls_state.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

namespace libnet::detail {
namespace {

bool set_keys(EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* authenticator, const unsigned char* cipher_key,
              unsigned char* mac_key, std::size_t mac_size, const unsigned char* vector,
              bool sealing)
{
    std::array<OSSL_PARAM, 3> parameters{
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key, mac_size),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>("SHA256"), 0),
        OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(authenticator, parameters.data()) == 1 &&
           EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, cipher_key, vector,
                             sealing ? 1 : 0) == 1;
}

/// Until when the full handshake at the beginning of this session counts, if that is noted in it.
std::optional<time_point> noted_end(SSL_SESSION* session)
{
    void* noted = nullptr;
    std::size_t size = 0;
    time_point until{};
    if (SSL_SESSION_get0_ticket_appdata(session, &noted, &size) != 1 || size != sizeof until) {
        return std::nullopt;
    }
    std::memcpy(&until, noted, sizeof until);
    return until;
}

}  // namespace

void tls_tickets::serve(SSL_CTX* context, std::shared_ptr<tls_tickets> keys)
{
    using shared = std::shared_ptr<tls_tickets>;
    tls_owned<shared>::give(context, std::make_unique<shared>(std::move(keys)));
    SSL_CTX_set_timeout(context, std::chrono::seconds(lifetime).count());
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, use);
    SSL_CTX_set_session_ticket_cb(context, note_end, judge, nullptr);
}

/// Into the ticket: that of an earlier one in the chain, or of the full handshake. A ticket does not say
/// that it is good for longer.
int tls_tickets::note_end(SSL* ssl, void*)
{
    SSL_SESSION* const session = SSL_get_session(ssl);
    const tls_note* const note = tls_attached<tls_note>::get(ssl);
    if (note == nullptr) {
        return 0;
    }
    auto until = noted_end(session);
    if (!until) {
        until = add(note->began, trusted_for(SSL_get0_peer_certificate(ssl)));
        if (SSL_SESSION_set1_ticket_appdata(session, &*until, sizeof *until) != 1) {
            return 0;
        }
    }
    const auto left = std::chrono::floor<std::chrono::seconds>(*until - note->began);
    SSL_SESSION_set_timeout(session, std::min<std::chrono::seconds>(left, lifetime).count());
    return 1;
}

SSL_TICKET_RETURN tls_tickets::judge(SSL* ssl, SSL_SESSION* session, const unsigned char*,
                                     std::size_t, SSL_TICKET_STATUS status, void*)
{
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    const tls_note* const note = tls_attached<tls_note>::get(ssl);
    const auto until = noted_end(session);
    if (note == nullptr || !until || note->began >= *until) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    const bool is_used_up = SSL_version(ssl) == TLS1_3_VERSION;
    return is_used_up || status == SSL_TICKET_SUCCESS_RENEW ? SSL_TICKET_RETURN_USE_RENEW
                                                            : SSL_TICKET_RETURN_USE;
}

/// What OpenSSL asks: -1 failed, 0 unknown key (a full handshake follows), 1 good, 2 good and to be
/// replaced.
int tls_tickets::use(SSL* ssl, unsigned char* name, unsigned char* vector, EVP_CIPHER_CTX* cipher,
                     EVP_MAC_CTX* authenticator, int sealing)
{
    const auto& self = *tls_owned<std::shared_ptr<tls_tickets>>::get(SSL_get_SSL_CTX(ssl));
    const tls_note* const note = tls_attached<tls_note>::get(ssl);
    if (note == nullptr) {
        return -1;
    }
    const time_point now = note->began;
    key found{};
    bool is_newest = true;
    if (sealing == 1) {
        if (!self->newest(found, now) || RAND_bytes(vector, EVP_MAX_IV_LENGTH) != 1) {
            return -1;
        }
        std::copy(found.name.begin(), found.name.end(), name);
    } else if (!self->named(name, found, is_newest, now)) {
        return 0;
    }
    const bool set =
        set_keys(cipher, authenticator, found.cipher.data(), found.authenticator.data(),
                 found.authenticator.size(), vector, sealing == 1);
    OPENSSL_cleanse(&found, sizeof found);
    if (!set) {
        return -1;
    }
    return sealing == 1 || is_newest ? 1 : 2;
}

bool tls_tickets::newest(key& found, time_point now)
try {
    const std::lock_guard lock(mutex_);
    if (keys_.empty() || now - keys_.back().made >= rotation) {
        std::erase_if(keys_, [&](key& k) {
            const bool over = now - k.made >= rotation + lifetime;
            if (over) {
                OPENSSL_cleanse(&k, sizeof k);
            }
            return over;
        });
        key fresh{.name{}, .cipher{}, .authenticator{}, .made = now};
        if (RAND_bytes(fresh.name.data(), static_cast<int>(fresh.name.size())) != 1 ||
            RAND_priv_bytes(fresh.cipher.data(), static_cast<int>(fresh.cipher.size())) != 1 ||
            RAND_priv_bytes(fresh.authenticator.data(),
                            static_cast<int>(fresh.authenticator.size())) != 1) {
            return false;
        }
        keys_.push_back(fresh);
    }
    found = keys_.back();
    return true;
} catch (const std::bad_alloc&) {  // not through OpenSSL's C
    return false;
}

bool tls_tickets::named(const unsigned char* name, key& found, bool& is_newest, time_point now)
{
    const std::lock_guard lock(mutex_);
    for (const key& k : keys_) {
        if (std::equal(k.name.begin(), k.name.end(), name) && now - k.made < rotation + lifetime) {
            found = k;
            is_newest = &k == &keys_.back() && now - k.made < rotation;
            return true;
        }
    }
    return false;
}

}  // namespace libnet::detail
