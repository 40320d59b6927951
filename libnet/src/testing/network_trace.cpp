#include "network_trace.hpp"

#include <libnet/framing/crc32c.hpp>

#include <array>
#include <cstdio>

namespace libnet::testing {

std::string seconds_text(duration time)
{
    std::array<char, 40> text{};
    const auto nanoseconds = std::chrono::nanoseconds(time).count();
    std::snprintf(text.data(), text.size(), "%lld.%09lld",
                  static_cast<long long>(nanoseconds / 1'000'000'000),
                  static_cast<long long>(nanoseconds % 1'000'000'000));
    return text.data();
}

void network_trace::note(time_point now, std::string_view where, std::string_view what)
{
    if (on_) {
        text_ += seconds_text(now - start_) + ' ';
        text_ += where;
        text_ += ' ';
        text_ += what;
        text_ += '\n';
    }
}

void network_trace::note(time_point now, std::string_view where, std::string_view what,
                         bytes content)
{
    if (on_) {
        std::array<char, 16> checksum{};
        std::snprintf(checksum.data(), checksum.size(), "%08x", crc32c(content));
        note(now, where,
             std::string(what) + ' ' + std::to_string(content.size()) + " bytes, crc32c " +
                 checksum.data());
    }
}

}  // namespace libnet::testing
