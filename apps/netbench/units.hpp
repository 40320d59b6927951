#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

/// Numbers as people read them.
namespace netbench {

inline std::string with_digits(double value, int digits)
{
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

/// "1,234,567"
inline std::string grouped(std::uint64_t number)
{
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3; at -= 3) {
        text.insert(at - 3, 1, ',');
    }
    return text;
}

/// "53.2 us", "1.25 ms", "2.50 s": three digits
inline std::string short_time(std::chrono::nanoseconds t)
{
    double value = static_cast<double>(t.count());
    const char* unit = "ns";
    for (const char* larger : {"us", "ms", "s"}) {
        if (value < 999.5) {
            break;
        }
        value /= 1000;
        unit = larger;
    }
    const int digits = t.count() < 1000 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return with_digits(value, digits) + ' ' + unit;
}

/// "12.3 MB/s"
inline std::string short_rate(double bytes_per_second)
{
    const char* unit = "B/s";
    for (const char* larger : {"kB/s", "MB/s", "GB/s"}) {
        if (bytes_per_second < 999.5) {
            break;
        }
        bytes_per_second /= 1000;
        unit = larger;
    }
    return with_digits(bytes_per_second, bytes_per_second < 99.95 ? 1 : 0) + ' ' + unit;
}

}  // namespace netbench
