#pragma once

#include "client_socket.hpp"

#include <csignal>
#include <memory>
#include <string>
#include <string_view>

#include <netinet/tcp.h>
#include <openssl/ssl.h>

namespace integration {

/// A client of TLS that knows nothing of libnet: OpenSSL on a plain blocking socket, of one version if
/// it is told so. It takes every certificate.
class tls_client_socket {
public:
    explicit tls_client_socket(std::uint16_t port, int version = 0)
        : socket_(port), ssl_(SSL_new(context()))
    {
        if (version != 0) {  // also those that are too old
            SSL_set_security_level(ssl_.get(), 0);
            SSL_set_min_proto_version(ssl_.get(), version);
            SSL_set_max_proto_version(ssl_.get(), version);
        }
        const int on = 1;
        ::setsockopt(socket_.descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        SSL_set_fd(ssl_.get(), socket_.descriptor());
        shaken_ = SSL_connect(ssl_.get()) == 1;
    }

    bool shaken() const noexcept { return shaken_; }

    bool send(std::string_view text)
    {
        return SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) ==
               static_cast<int>(text.size());
    }

    /// Exactly so much, or what came before the end.
    std::string read(std::size_t size)
    {
        std::string got(size, '\0');
        std::size_t have = 0;
        while (have < size) {
            const int n = SSL_read(ssl_.get(), got.data() + have, static_cast<int>(size - have));
            if (n <= 0) {
                break;
            }
            have += static_cast<std::size_t>(n);
        }
        got.resize(have);
        return got;
    }

    /// A message there and back.
    bool echoes(std::string_view text = "hello")
    {
        const std::string frame = framed(text);
        return shaken_ && send(frame) && read(frame.size()) == frame;
    }

    /// The server has said goodbye.
    bool has_goodbye() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }

    client_socket& below() noexcept { return socket_; }
    SSL* ssl() const noexcept { return ssl_.get(); }

    /// The first bytes that such a client would send.
    static std::string hello()
    {
        SSL* const ssl = SSL_new(context());
        BIO* const out = BIO_new(BIO_s_mem());
        SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
        (void)SSL_connect(ssl);
        char* data = nullptr;
        const long size = BIO_get_mem_data(out, &data);
        std::string text(data, static_cast<std::size_t>(size));
        SSL_free(ssl);
        return text;
    }

private:
    struct free_ssl {
        void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
    };

    static SSL_CTX* context()
    {
        static SSL_CTX* const made = [] {
            std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to a peer that has gone without a flag
            return SSL_CTX_new(TLS_client_method());
        }();
        return made;
    }

    client_socket socket_;
    std::unique_ptr<SSL, free_ssl> ssl_;
    bool shaken_ = false;
};

}  // namespace integration
