#pragma once

#include <chrono>
#include <cstddef>

namespace libnet {
inline namespace literals {

using namespace std::chrono_literals;  // 10s, 250ms, ...

consteval std::size_t operator""_KiB(unsigned long long n)
{
    return static_cast<std::size_t>(n) << 10;
}

consteval std::size_t operator""_MiB(unsigned long long n)
{
    return static_cast<std::size_t>(n) << 20;
}

consteval std::size_t operator""_GiB(unsigned long long n)
{
    return static_cast<std::size_t>(n) << 30;
}

}  // namespace literals
}  // namespace libnet
