#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

namespace libnet::detail {

template <auto Free>
struct tls_free {
    template <class T>
    void operator()(T* handle) const noexcept
    {
        Free(handle);
    }
};

/// OpenSSL's objects, each with its end.
using tls_context_handle = std::unique_ptr<SSL_CTX, tls_free<SSL_CTX_free>>;
using tls_connection_handle = std::unique_ptr<SSL, tls_free<SSL_free>>;
using tls_session_handle = std::unique_ptr<SSL_SESSION, tls_free<SSL_SESSION_free>>;
using tls_certificate_handle = std::unique_ptr<X509, tls_free<X509_free>>;
using tls_key_handle = std::unique_ptr<EVP_PKEY, tls_free<EVP_PKEY_free>>;
using tls_bio_handle = std::unique_ptr<BIO, tls_free<BIO_free_all>>;

}  // namespace libnet::detail
