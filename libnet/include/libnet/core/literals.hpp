#pragma once

#include <chrono>
#include <cstddef>

namespace libnet {
inline namespace literals {

using namespace std::chrono_literals;  // 10s, 250ms, ...

/// A size in bytes: `64_KiB` is 65,536.
consteval std::size_t operator""_KiB(unsigned long long n)
{
    return static_cast<std::size_t>(n) << 10;
}

/// A size in bytes, in steps of 1024 KiB.
consteval std::size_t operator""_MiB(unsigned long long n)
{
    return static_cast<std::size_t>(n) << 20;
}

/// A size in bytes, in steps of 1024 MiB.
consteval std::size_t operator""_GiB(unsigned long long n)
{
    return static_cast<std::size_t>(n) << 30;
}

}  // namespace literals
}  // namespace libnet
