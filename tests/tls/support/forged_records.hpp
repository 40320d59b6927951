#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace libnet::tests {

/// Records under the keys of a connection that OpenSSL has opened, of any type and with anything in
/// them: what OpenSSL itself would never send. Only for AES-256-GCM with SHA-384, which is what both
/// versions agree on here, and only before the connection has sent data of its own.
class forged_records {
public:
    /// Before the handshake of TLS 1.3: its secrets are written down.
    static void listen(SSL_CTX* context);

    /// After the handshake.
    explicit forged_records(SSL* ssl);

    std::string seal(std::uint8_t type, std::string_view content);

    static constexpr std::uint8_t change_cipher_spec = 20;
    static constexpr std::uint8_t alert = 21;
    static constexpr std::uint8_t handshake = 22;
    static constexpr std::uint8_t data = 23;

private:
    std::string header(std::uint8_t type, std::size_t size) const;

    bool is_1_3_;
    std::string key_;
    std::string vector_;
    std::uint64_t sequence_;
};

}  // namespace libnet::tests
