#pragma once

/// Symbol visibility. `LIBNET_ASIO_SHARED` is defined for everybody who links a shared libnet,
/// `LIBNET_ASIO_BUILDING` while libnet itself is compiled; TLS and the test kit have their own.

#if defined(_WIN32)
#define LIBNET_ASIO_EXPORT __declspec(dllexport)
#define LIBNET_ASIO_IMPORT __declspec(dllimport)
#else
#define LIBNET_ASIO_EXPORT __attribute__((visibility("default")))
#define LIBNET_ASIO_IMPORT __attribute__((visibility("default")))
#endif

#if !defined(LIBNET_ASIO_SHARED)
#define LIBNET_ASIO_DECL
#elif defined(LIBNET_ASIO_BUILDING)
#define LIBNET_ASIO_DECL LIBNET_ASIO_EXPORT
#else
#define LIBNET_ASIO_DECL LIBNET_ASIO_IMPORT
#endif

#if !defined(LIBNET_ASIO_SHARED)
#define LIBNET_ASIO_TLS_DECL
#elif defined(LIBNET_ASIO_TLS_BUILDING)
#define LIBNET_ASIO_TLS_DECL LIBNET_ASIO_EXPORT
#else
#define LIBNET_ASIO_TLS_DECL LIBNET_ASIO_IMPORT
#endif

#if !defined(LIBNET_ASIO_SHARED)
#define LIBNET_ASIO_TESTING_DECL
#elif defined(LIBNET_ASIO_TESTING_BUILDING)
#define LIBNET_ASIO_TESTING_DECL LIBNET_ASIO_EXPORT
#else
#define LIBNET_ASIO_TESTING_DECL LIBNET_ASIO_IMPORT
#endif

/// For what stands on the path of every message and is called from one place, where compilers
/// hesitate all the same.
#if defined(__GNUC__)
#define LIBNET_ASIO_ALWAYS_INLINE [[gnu::always_inline]] inline
#else
#define LIBNET_ASIO_ALWAYS_INLINE inline
#endif

/// For what a message meets at its best, and for what it never does. After each system call the processor
/// has to fetch anew what it runs, line by line: so the first stands together, and the second, with all that
/// leads to it, elsewhere.
#if defined(__GNUC__)
#define LIBNET_ASIO_HOT [[gnu::hot]]
#define LIBNET_ASIO_COLD [[gnu::cold]]
#else
#define LIBNET_ASIO_HOT
#define LIBNET_ASIO_COLD
#endif

/// Whether this file is compiled with AddressSanitizer: GCC's way of saying so, and Clang's.
#if defined(__SANITIZE_ADDRESS__)
#define LIBNET_ASIO_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIBNET_ASIO_ADDRESS_SANITIZER 1
#endif
#endif
