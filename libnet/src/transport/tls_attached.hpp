#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace libnet::detail {

/// An object of ours that a connection of OpenSSL's carries along while it shakes hands. It does not
/// own it.
template <class T>
struct tls_attached {
    static void set(SSL* to, T* object)
    {
        if (SSL_set_ex_data(to, index(), const_cast<std::remove_const_t<T>*>(object)) != 1) {
            throw std::bad_alloc();
        }
    }
    static T* get(const SSL* from) { return static_cast<T*>(SSL_get_ex_data(from, index())); }

private:
    static int index()
    {
        static const int made = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
        return made;
    }
};

/// An object of ours that lives as long as OpenSSL's: a connection or a context.
template <class T>
struct tls_owned {
    static void give(SSL* to, std::unique_ptr<T> object)
    {
        if (SSL_set_ex_data(to, index<SSL>(), object.get()) != 1) {
            throw std::bad_alloc();
        }
        (void)object.release();
    }
    static void give(SSL_CTX* to, std::unique_ptr<T> object)
    {
        if (SSL_CTX_set_ex_data(to, index<SSL_CTX>(), object.get()) != 1) {
            throw std::bad_alloc();
        }
        (void)object.release();
    }
    static T* get(const SSL* from) { return static_cast<T*>(SSL_get_ex_data(from, index<SSL>())); }
    static T* get(const SSL_CTX* from)
    {
        return static_cast<T*>(SSL_CTX_get_ex_data(from, index<SSL_CTX>()));
    }

private:
    template <class Owner>
    static int index()
    {
        constexpr int kind =
            std::is_same_v<Owner, SSL> ? CRYPTO_EX_INDEX_SSL : CRYPTO_EX_INDEX_SSL_CTX;
        static const int made =
            CRYPTO_get_ex_new_index(kind, 0, nullptr, nullptr, nullptr, destroy);
        return made;
    }
    static void destroy(void*, void* object, CRYPTO_EX_DATA*, int, long, void*)
    {
        delete static_cast<T*>(object);
    }
};

}  // namespace libnet::detail
