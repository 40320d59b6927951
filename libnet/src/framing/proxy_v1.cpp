#include "proxy_wire.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

/// Version 1: a line.
namespace libnet::detail {
namespace {

using family = proxy_header::family;

/// What is left of the line behind the signature: one space before each field, and nothing behind the
/// last one.
std::optional<std::array<std::string_view, 5>> split(std::string_view rest)
{
    std::array<std::string_view, 5> fields;
    for (std::string_view& field : fields) {
        if (!rest.starts_with(' ')) {
            return std::nullopt;
        }
        rest.remove_prefix(1);
        field = rest.substr(0, rest.find(' '));
        rest.remove_prefix(field.size());
        if (field.empty()) {
            return std::nullopt;
        }
    }
    return rest.empty() ? std::optional(fields) : std::nullopt;
}

result<ip_address> read_address(std::string_view text, family of)
{
    const auto read = ip_address::parse(text);
    const bool looks_like_v6 = text.find(':') != std::string_view::npos;
    if (!read || looks_like_v6 != (of == family::ipv6)) {
        return proxy_error::v1_address;
    }
    return *read;
}

/// Without leading zeroes: who writes them may also count in another base.
result<std::uint16_t> read_port(std::string_view text)
{
    std::uint16_t port = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
    const bool leading_zero = text.size() > 1 && text.front() == '0';
    if (failed != std::errc() || end != text.data() + text.size() || leading_zero) {
        return proxy_error::v1_port;
    }
    return port;
}

result<proxy_header> read_line(std::string_view line)
{
    proxy_header header;
    header.written = proxy_header::version::v1;
    header.purpose = proxy_header::command::proxy;
    const std::string_view rest = line.substr(proxy_v1_signature.size());
    if (rest == " UNKNOWN" || rest.starts_with(" UNKNOWN ")) {
        return header;
    }
    if (!rest.starts_with(" TCP4 ") && !rest.starts_with(" TCP6 ")) {
        return rest.starts_with(' ') ? proxy_error::v1_protocol : proxy_error::v1_fields;
    }
    const auto fields = split(rest);
    if (!fields) {
        return proxy_error::v1_fields;
    }
    header.addresses = (*fields)[0] == "TCP4" ? family::ipv4 : family::ipv6;
    header.over = proxy_header::transport::stream;
    const auto source = read_address((*fields)[1], header.addresses);
    const auto destination = read_address((*fields)[2], header.addresses);
    if (!source || !destination) {
        return proxy_error::v1_address;
    }
    const auto source_port = read_port((*fields)[3]);
    const auto destination_port = read_port((*fields)[4]);
    if (!source_port || !destination_port) {
        return proxy_error::v1_port;
    }
    header.source = {.address = *source, .port = *source_port};
    header.destination = {.address = *destination, .port = *destination_port};
    return header;
}

std::string address_text(const ip_address& address, family as)
{
    return (as == family::ipv6 && address.is_v4() ? "::ffff:" : "") + address.to_string();
}

bool fits(const ip_address& address, family as)
{
    return as == family::ipv4 ? address.is_v4() : !address.empty();
}

}  // namespace

result<proxy_reading> read_proxy_v1(std::string_view beginning)
{
    const std::size_t end = beginning.substr(0, longest_proxy_v1).find('\n');
    if (end == std::string_view::npos) {
        if (beginning.size() >= longest_proxy_v1) {
            return proxy_error::v1_too_long;
        }
        return incomplete_proxy_header(beginning.size() + 1);
    }
    if (beginning[end - 1] != '\r') {
        return proxy_error::v1_line_ending;
    }
    auto header = read_line(beginning.substr(0, end - 1));
    if (!header) {
        return header.error();
    }
    return proxy_reading{
        .state = proxy_reading::status::header, .size = end + 1, .header = std::move(*header)};
}

result<std::string> write_proxy_v1(const proxy_header& header)
{
    if (!header.tlvs.empty()) {
        return error::refused_payload;
    }
    std::string line(proxy_v1_signature);
    if (!header.names_client()) {
        return line + " UNKNOWN\r\n";
    }
    const family as = header.addresses;
    const bool is_tcp = (as == family::ipv4 || as == family::ipv6) &&
                        header.over == proxy_header::transport::stream;
    if (!is_tcp || !fits(header.source.address, as) || !fits(header.destination.address, as)) {
        return error::refused_payload;
    }
    line += as == family::ipv4 ? " TCP4 " : " TCP6 ";
    line += address_text(header.source.address, as) + ' ';
    line += address_text(header.destination.address, as) + ' ';
    line += std::to_string(header.source.port) + ' ' + std::to_string(header.destination.port);
    return line + "\r\n";
}

}  // namespace libnet::detail
