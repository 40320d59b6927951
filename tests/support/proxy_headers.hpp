#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/framing/proxy_error.hpp>

#include <string>
#include <string_view>
#include <vector>

/// PROXY headers by their specification, byte by byte, without our own writer.
namespace libnet::tests {

inline const std::string proxy_v2_signature("\r\n\r\n\0\r\nQUIT\n", 12);

inline std::string two_bytes(std::size_t number)
{
    return {static_cast<char>(number >> 8), static_cast<char>(number & 0xFF)};
}

/// `what` is version and command, `family` family and transport: 0x21 and 0x11 for a client over TCP
/// and IPv4.
inline std::string proxy_v2(int what, int family, const std::string& rest)
{
    return proxy_v2_signature + static_cast<char>(what) + static_cast<char>(family) +
           two_bytes(rest.size()) + rest;
}

inline std::string tlv(int type, const std::string& value)
{
    return static_cast<char>(type) + two_bytes(value.size()) + value;
}

/// 203.0.113.7:4711 to 192.0.2.1:443
inline const std::string ipv4_addresses("\xCB\x00\x71\x07\xC0\x00\x02\x01\x12\x67\x01\xBB", 12);

inline std::string proxy_v2_ipv4(const std::string& tlvs = "")
{
    return proxy_v2(0x21, 0x11, ipv4_addresses + tlvs);
}

inline const std::string proxy_v1_ipv4 = "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n";

/// The client that both are about.
inline const std::string proxied_client = "203.0.113.7:4711";

struct bad_proxy_header {
    const char* name;
    std::string wire;
    proxy_error why;
};

/// At least one for every way to be wrong that bytes alone can have; but `truncated`, which every whole
/// header becomes when it is cut.
inline std::vector<bad_proxy_header> bad_proxy_headers()
{
    using enum proxy_error;
    const std::string too_long = "PROXY UNKNOWN " + std::string(93, 'f');
    return {
        {"v1 no end of the line", too_long, v1_too_long},
        {"v1 end of the line at byte 108", too_long.substr(0, 106) + "\r\n", v1_too_long},
        {"v1 LF alone", "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\n", v1_line_ending},
        {"v1 nothing behind the word", "PROXY\r\n", v1_fields},
        {"v1 another word", "PROXYTCP4 203.0.113.7 192.0.2.1 4711 443\r\n", v1_fields},
        {"v1 no ports", "PROXY TCP4 203.0.113.7 192.0.2.1\r\n", v1_fields},
        {"v1 one port", "PROXY TCP4 203.0.113.7 192.0.2.1 4711\r\n", v1_fields},
        {"v1 three ports", "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443 80\r\n", v1_fields},
        {"v1 two spaces", "PROXY TCP4  203.0.113.7 192.0.2.1 4711 443\r\n", v1_fields},
        {"v1 a space at the end", "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443 \r\n", v1_fields},
        {"v1 UDP4", "PROXY UDP4 203.0.113.7 192.0.2.1 4711 443\r\n", v1_protocol},
        {"v1 small letters", "PROXY tcp4 203.0.113.7 192.0.2.1 4711 443\r\n", v1_protocol},
        {"v1 UNKNOWN and more", "PROXY UNKNOWNS\r\n", v1_protocol},
        {"v1 a name for an address", "PROXY TCP4 example 192.0.2.1 4711 443\r\n", v1_address},
        {"v1 IPv4 address above 255", "PROXY TCP4 203.0.113.7 192.0.2.256 4711 443\r\n",
         v1_address},
        {"v1 octal", "PROXY TCP4 203.0.113.07 192.0.2.1 4711 443\r\n", v1_address},
        {"v1 IPv6 in TCP4", "PROXY TCP4 2001:db8::1 192.0.2.1 4711 443\r\n", v1_address},
        {"v1 IPv4 in TCP6", "PROXY TCP6 2001:db8::1 192.0.2.1 4711 443\r\n", v1_address},
        {"v1 port 65536", "PROXY TCP4 203.0.113.7 192.0.2.1 65536 443\r\n", v1_port},
        {"v1 negative port", "PROXY TCP4 203.0.113.7 192.0.2.1 4711 -1\r\n", v1_port},
        {"v1 leading zero", "PROXY TCP4 203.0.113.7 192.0.2.1 04711 443\r\n", v1_port},
        {"v1 port and letter", "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443x\r\n", v1_port},
        {"v1 CR inside", "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\r\n", v1_port},

        {"v2 version 1", proxy_v2(0x11, 0x11, ipv4_addresses), v2_version},
        {"v2 version 3", proxy_v2(0x31, 0x11, ipv4_addresses), v2_version},
        {"v2 command 2", proxy_v2(0x22, 0x11, ipv4_addresses), v2_command},
        {"v2 family 4", proxy_v2(0x21, 0x41, ipv4_addresses), v2_family},
        {"v2 transport 3", proxy_v2(0x21, 0x13, ipv4_addresses), v2_transport},
        {"v2 IPv4 without a transport", proxy_v2(0x21, 0x10, ipv4_addresses), v2_transport},
        {"v2 a transport without a family", proxy_v2(0x21, 0x01, ""), v2_transport},
        {"v2 above the limit", proxy_v2_signature + "\x21\x11" + two_bytes(4096 - 15),
         v2_too_large},
        {"v2 64 KiB", proxy_v2_signature + "\x21\x11\xFF\xFF", v2_too_large},
        {"v2 IPv4 in 11 bytes", proxy_v2(0x21, 0x11, std::string(11, 1)), v2_addresses},
        {"v2 IPv6 in 35 bytes", proxy_v2(0x21, 0x21, std::string(35, 1)), v2_addresses},
        {"v2 Unix in 215 bytes", proxy_v2(0x21, 0x31, std::string(215, 1)), v2_addresses},
        {"v2 one byte of a TLV", proxy_v2_ipv4("\x05"), v2_tlv},
        {"v2 a TLV without an end", proxy_v2_ipv4(std::string("\x05\x00\x02x", 4)), v2_tlv},
        {"v2 a checksum of three bytes", proxy_v2_ipv4(tlv(3, "abc")), v2_checksum_form},
        {"v2 a wrong checksum", proxy_v2_ipv4(tlv(3, "abcd")), v2_checksum},
        {"v2 a long unique id", proxy_v2_ipv4(tlv(5, std::string(129, 'i'))), v2_unique_id},
        {"v2 four bytes about TLS", proxy_v2_ipv4(tlv(0x20, std::string(4, '\1'))), v2_ssl},
        {"v2 half a version of TLS", proxy_v2_ipv4(tlv(0x20, std::string(5, '\0') + "\x21")),
         v2_ssl},
    };
}

}  // namespace libnet::tests
