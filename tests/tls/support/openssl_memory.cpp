#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <new>

/// OpenSSL's memory comes from the heap of the tests, which is counted, and short on demand.
namespace {

void* take(std::size_t size, const char*, int)
{
    return ::operator new(size, std::nothrow);
}

void give_back(void* memory, const char*, int)
{
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
