#include "forged_records.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <array>
#include <map>
#include <stdexcept>

namespace libnet::tests {
namespace {

/// The traffic secrets of TLS 1.3: by whom, and by the client's random number, which no other has.
std::map<std::string, std::string>& secrets()
{
    static std::map<std::string, std::string> all;
    return all;
}

std::string big_endian(std::uint64_t number, int bytes)
{
    std::string text;
    for (int i = bytes; i-- > 0;) {
        text += static_cast<char>(number >> (8 * i));
    }
    return text;
}

std::string in_digits(std::string_view bytes)
{
    std::string text;
    for (const char c : bytes) {
        text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
        text += "0123456789abcdef"[c & 15];
    }
    return text;
}

std::string from_digits(std::string_view digits)
{
    std::string bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        bytes += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
    }
    return bytes;
}

OSSL_PARAM octets(const char* name, std::string& value)
{
    return OSSL_PARAM_construct_octet_string(name, value.data(), value.size());
}

std::string derive(const char* with, const OSSL_PARAM* parameters, std::size_t size)
{
    EVP_KDF* const kdf = EVP_KDF_fetch(nullptr, with, nullptr);
    EVP_KDF_CTX* const context = EVP_KDF_CTX_new(kdf);
    std::string made(size, '\0');
    const int done =
        EVP_KDF_derive(context, reinterpret_cast<unsigned char*>(made.data()), size, parameters);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    if (done != 1) {
        throw std::runtime_error("OpenSSL derives no key");
    }
    return made;
}

char sha384[] = "SHA384";

/// HKDF-Expand-Label (RFC 8446, 7.1) without a context.
std::string expand(std::string secret, std::string_view label, std::size_t size)
{
    std::string info = big_endian(size, 2) + static_cast<char>(label.size() + 6) + "tls13 ";
    info += label;
    info += '\0';
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    const std::array<OSSL_PARAM, 5> parameters{
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha384, 0),
        octets(OSSL_KDF_PARAM_KEY, secret), octets(OSSL_KDF_PARAM_INFO, info),
        OSSL_PARAM_construct_end()};
    return derive("HKDF", parameters.data(), size);
}

/// The key block of TLS 1.2 (RFC 5246, 6.3).
std::string key_block(std::string master, std::string seed, std::size_t size)
{
    seed = "key expansion" + seed;
    const std::array<OSSL_PARAM, 4> parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha384, 0),
        octets(OSSL_KDF_PARAM_SECRET, master), octets(OSSL_KDF_PARAM_SEED, seed),
        OSSL_PARAM_construct_end()};
    return derive("TLS1-PRF", parameters.data(), size);
}

template <class Get>
std::string random_of(Get get, const SSL* ssl)
{
    std::string bytes(32, '\0');
    get(ssl, reinterpret_cast<unsigned char*>(bytes.data()), bytes.size());
    return bytes;
}

constexpr std::size_t key_size = 32;

}  // namespace

void forged_records::listen(SSL_CTX* context)
{
    SSL_CTX_set_keylog_callback(context, [](const SSL*, const char* line) {
        const std::string text(line);
        secrets()[text.substr(0, text.rfind(' '))] = text.substr(text.rfind(' ') + 1);
    });
}

forged_records::forged_records(SSL* ssl)
    : is_1_3_(SSL_version(ssl) == TLS1_3_VERSION), sequence_(is_1_3_ ? 0 : 1)
{
    const std::string client = random_of(SSL_get_client_random, ssl);
    const bool is_server = SSL_is_server(ssl) == 1;
    if (is_1_3_) {
        const std::string who = is_server ? "SERVER" : "CLIENT";
        const std::string secret =
            from_digits(secrets().at(who + "_TRAFFIC_SECRET_0 " + in_digits(client)));
        key_ = expand(secret, "key", key_size);
        vector_ = expand(secret, "iv", 12);
    } else {
        std::string master(48, '\0');
        SSL_SESSION_get_master_key(SSL_get_session(ssl),
                                   reinterpret_cast<unsigned char*>(master.data()), master.size());
        const std::string block = key_block(master, random_of(SSL_get_server_random, ssl) + client,
                                            2 * key_size + 2 * 4);
        key_ = block.substr(is_server ? key_size : 0, key_size);
        vector_ = block.substr(2 * key_size + (is_server ? 4 : 0), 4);
    }
}

std::string forged_records::header(std::uint8_t type, std::size_t size) const
{
    return static_cast<char>(type) + std::string("\x03\x03") + big_endian(size, 2);
}

std::string forged_records::seal(std::uint8_t type, std::string_view content)
{
    std::string plain(content);
    std::string nonce = vector_;
    std::string before;
    std::string authenticated;
    const std::string sequence = big_endian(sequence_++, 8);
    if (is_1_3_) {
        plain += static_cast<char>(type);
        for (std::size_t i = 0; i < 8; ++i) {
            nonce[4 + i] = static_cast<char>(nonce[4 + i] ^ sequence[i]);
        }
        before = authenticated = header(data, plain.size() + 16);
    } else {
        nonce += sequence;
        before = header(type, 8 + plain.size() + 16) + sequence;
        authenticated = sequence + header(type, plain.size());
    }
    const auto* const key = reinterpret_cast<const unsigned char*>(key_.data());
    const auto in = [](const std::string& s) {
        return reinterpret_cast<const unsigned char*>(s.data());
    };
    EVP_CIPHER_CTX* const cipher = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), nullptr, key, in(nonce));
    int size = 0;
    EVP_EncryptUpdate(cipher, nullptr, &size, in(authenticated),
                      static_cast<int>(authenticated.size()));
    std::string sealed(plain.size(), '\0');
    EVP_EncryptUpdate(cipher, reinterpret_cast<unsigned char*>(sealed.data()), &size, in(plain),
                      static_cast<int>(plain.size()));
    std::string tag(16, '\0');
    EVP_EncryptFinal_ex(cipher, nullptr, &size);
    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, 16, tag.data());
    EVP_CIPHER_CTX_free(cipher);
    return before + sealed + tag;
}

}  // namespace libnet::tests
