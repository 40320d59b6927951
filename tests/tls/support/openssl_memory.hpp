#pragma once

#include <cstddef>

namespace libnet::tests {

/// Bytes that OpenSSL holds at the moment, in all threads.
std::size_t openssl_memory() noexcept;

}  // namespace libnet::tests
