#pragma once

#include <libnet/framing/proxy_header.hpp>

#include <array>
#include <cstddef>
#include <string_view>

/// The two versions of the PROXY protocol, each with its reader and its writer.
namespace libnet::detail {

using namespace std::string_view_literals;

inline constexpr std::string_view proxy_v1_signature = "PROXY"sv;
inline constexpr std::size_t longest_proxy_v1 = 107;

inline constexpr std::string_view proxy_v2_signature = "\r\n\r\n\0\r\nQUIT\n"sv;

/// Both get a beginning that has the whole signature of their version.
result<proxy_reading> read_proxy_v1(std::string_view beginning);
result<proxy_reading> read_proxy_v2(bytes beginning, std::size_t max_size);

result<std::string> write_proxy_v1(const proxy_header& header);
result<std::string> write_proxy_v2(const proxy_header& header);

inline proxy_reading incomplete_proxy_header(std::size_t needed)
{
    return {.state = proxy_reading::status::incomplete, .size = needed};
}

}  // namespace libnet::detail
