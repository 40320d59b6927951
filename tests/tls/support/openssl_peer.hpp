#pragma once

#include "support/stream_recorder.hpp"

#include <libnet/testing/simulation.hpp>

#include <libnet/transport/tls_certificate.hpp>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace libnet::tests {

/// A client, or a server, that is OpenSSL's own, and does what a test wants: also what no decent one
/// would.
class openssl_peer {
public:
    enum class role : unsigned char { client, server };

    openssl_peer(testing::simulation& sim, std::unique_ptr<stream> wire,
                 const std::function<void(SSL_CTX*)>& adjust = {}, role as = role::client)
        : sim_(sim), wire_(std::move(wire)), context_(SSL_CTX_new(TLS_method()))
    {
        if (adjust) {
            adjust(context_);
        }
        ssl_ = SSL_new(context_);
        in_ = BIO_new(BIO_s_mem());
        out_ = BIO_new(BIO_s_mem());
        SSL_set_bio(ssl_, in_, out_);
        as == role::client ? SSL_set_connect_state(ssl_) : SSL_set_accept_state(ssl_);
        wire_.read();
    }
    openssl_peer(const openssl_peer&) = delete;
    openssl_peer& operator=(const openssl_peer&) = delete;
    ~openssl_peer()
    {
        SSL_free(ssl_);
        SSL_CTX_free(context_);
    }

    SSL* ssl() const noexcept { return ssl_; }

    /// As far as it goes; true when the handshake is done.
    bool shake_hands()
    {
        for (int i = 0; i < 10 && SSL_do_handshake(ssl_) != 1; ++i) {
            pass();
        }
        pass();
        return SSL_is_init_finished(ssl_) == 1;
    }

    /// Sends a message of its own.
    void say(std::string_view text)
    {
        SSL_write(ssl_, text.data(), static_cast<int>(text.size()));
        pass();
    }

    /// What has come, decrypted.
    std::string hear()
    {
        pass();
        std::string all;
        std::array<char, 4096> some{};
        for (int n; (n = SSL_read(ssl_, some.data(), some.size())) > 0;) {
            all.append(some.data(), static_cast<std::size_t>(n));
        }
        pass();
        return all;
    }

    /// Shows a certificate that was issued by a test's authority.
    static void show(SSL_CTX* context, const tls_certificate& own)
    {
        BIO* const chain = BIO_new_mem_buf(own.chain.data(), static_cast<int>(own.chain.size()));
        BIO* const key = BIO_new_mem_buf(own.key.data(), static_cast<int>(own.key.size()));
        X509* const certificate = PEM_read_bio_X509(chain, nullptr, nullptr, nullptr);
        EVP_PKEY* const private_key = PEM_read_bio_PrivateKey(key, nullptr, nullptr, nullptr);
        SSL_CTX_use_certificate(context, certificate);
        SSL_CTX_use_PrivateKey(context, private_key);
        EVP_PKEY_free(private_key);
        X509_free(certificate);
        BIO_free(key);
        BIO_free(chain);
    }

    /// Bytes that are nobody's records.
    void inject(std::string_view bytes)
    {
        (void)wire_.try_write(bytes);
        sim_.settle();
    }

    /// What is to be sent, for the test to send.
    std::string take_output()
    {
        char* data = nullptr;
        const long size = BIO_get_mem_data(out_, &data);
        std::string output(data, size > 0 ? static_cast<std::size_t>(size) : 0);
        (void)BIO_reset(out_);
        return output;
    }

    /// Everything that is to be sent leaves; what has come stays where it is.
    void send_only()
    {
        if (const std::string output = take_output(); !output.empty()) {
            (void)wire_.try_write(output);
        }
        sim_.settle();
    }

    /// Everything that is to be sent leaves, and what has come is taken in.
    void pass()
    {
        send_only();
        while (!wire_.reading() && !wire_.read_error()) {
            wire_.read();
            sim_.settle();
        }
        if (seen_ < wire_.got().size()) {
            BIO_write(in_, wire_.got().data() + seen_,
                      static_cast<int>(wire_.got().size() - seen_));
            seen_ = wire_.got().size();
        }
    }

    bool ended() const { return static_cast<bool>(wire_.read_error()); }
    stream_recorder& wire() noexcept { return wire_; }

private:
    testing::simulation& sim_;
    stream_recorder wire_;
    SSL_CTX* context_;
    SSL* ssl_;
    BIO* in_;
    BIO* out_;
    std::size_t seen_ = 0;
};

}  // namespace libnet::tests
