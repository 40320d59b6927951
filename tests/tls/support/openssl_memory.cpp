#include "openssl_memory.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <new>

/// OpenSSL's memory comes from the heap of the tests, which is counted, and short on demand.
namespace {

std::atomic<std::size_t> held = 0;

void* take(std::size_t size, const char*, int)
{
    void* const memory = ::operator new(size, std::nothrow);
    held += memory != nullptr ? ::malloc_usable_size(memory) : 0;
    return memory;
}

void give_back(void* memory, const char*, int)
{
    held -= memory != nullptr ? ::malloc_usable_size(memory) : 0;
    ::operator delete(memory);
}

void* resize(void* memory, std::size_t size, const char* file, int line)
{
    void* const other = take(size, file, line);
    if (other != nullptr && memory != nullptr) {
        std::memcpy(other, memory, std::min(size, ::malloc_usable_size(memory)));
        give_back(memory, file, line);
    }
    return other;
}

[[maybe_unused]] const int installed = CRYPTO_set_mem_functions(take, resize, give_back);

}  // namespace

namespace libnet::tests {

std::size_t openssl_memory() noexcept
{
    return held;
}

}  // namespace libnet::tests
