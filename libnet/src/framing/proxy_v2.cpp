#include "proxy_wire.hpp"

#include <libnet/framing/crc32c.hpp>

#include <cstdint>
#include <optional>
#include <utility>

/// Version 2: binary.
namespace libnet::detail {
namespace {

using family = proxy_header::family;
using transport = proxy_header::transport;

constexpr std::size_t head_size = 16;
constexpr std::size_t longest_path = 108;
constexpr std::size_t longest_rest = 0xFFFF;
constexpr std::size_t longest_unique_id = 128;
constexpr std::size_t checksum_size = 4;
constexpr std::size_t ipv6_size = 16;
constexpr std::string_view mapped = "\0\0\0\0\0\0\0\0\0\0\xFF\xFF"sv;

constexpr std::size_t address_size(family of) noexcept
{
    switch (of) {
    case family::unspecified: break;
    case family::ipv4: return 4;
    case family::ipv6: return ipv6_size;
    case family::unix_domain: return longest_path;
    }
    return 0;
}

constexpr bool has_ports(family of) noexcept
{
    return of == family::ipv4 || of == family::ipv6;
}

constexpr std::size_t addresses_size(family of) noexcept
{
    return 2 * address_size(of) + (has_ports(of) ? 4 : 0);
}

constexpr unsigned high(std::byte b) noexcept
{
    return std::to_integer<unsigned>(b >> 4);
}

constexpr unsigned low(std::byte b) noexcept
{
    return std::to_integer<unsigned>(b & std::byte{0x0F});
}

std::uint16_t number_at(bytes data, std::size_t where) noexcept
{
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(data[where]) << 8 |
                                      std::to_integer<unsigned>(data[where + 1]));
}

// ---- reading ------------------------------------------------------------------------------------

/// What is wrong with as much of the first 16 bytes as is there; nothing if that is in order.
std::optional<proxy_error> judge_head(bytes head, std::size_t max_size)
{
    if (head.size() > 12) {
        if (high(head[12]) != 2) {
            return proxy_error::v2_version;
        }
        if (low(head[12]) > 1) {
            return proxy_error::v2_command;
        }
    }
    const bool is_local = head.size() > 12 && low(head[12]) == 0;
    if (head.size() > 13 && !is_local) {
        if (high(head[13]) > 3) {
            return proxy_error::v2_family;
        }
        const bool both_or_neither = (high(head[13]) == 0) == (low(head[13]) == 0);
        if (low(head[13]) > 2 || !both_or_neither) {
            return proxy_error::v2_transport;
        }
    }
    if (head.size() == head_size) {
        const std::size_t rest = number_at(head, 14);
        if (head_size + rest > max_size) {
            return proxy_error::v2_too_large;
        }
        if (!is_local && rest < addresses_size(static_cast<family>(high(head[13])))) {
            return proxy_error::v2_addresses;
        }
    }
    return std::nullopt;
}

std::string path_in(bytes field)
{
    const std::string_view path = as_text(field);
    return std::string(path.substr(0, path.find_last_not_of('\0') + 1));
}

void read_addresses(bytes block, proxy_header& into)
{
    const std::size_t size = address_size(into.addresses);
    const bytes source = block.first(size);
    const bytes destination = block.subspan(size, size);
    if (into.addresses == family::unix_domain) {
        into.source_path = path_in(source);
        into.destination_path = path_in(destination);
    } else if (has_ports(into.addresses)) {
        into.source = {.address = ip_address(source), .port = number_at(block, 2 * size)};
        into.destination = {.address = ip_address(destination),
                            .port = number_at(block, 2 * size + 2)};
    }
}

/// That of the whole header, with zeroes where the checksum itself is.
std::uint32_t checksum_of(bytes header, bytes field) noexcept
{
    constexpr std::array<std::byte, checksum_size> zeroes{};
    const auto before = static_cast<std::size_t>(field.data() - header.data());
    return crc32c(header.subspan(before + checksum_size),
                  crc32c(zeroes, crc32c(header.first(before))));
}

std::optional<proxy_error> judge_checksum(bytes header, bytes field)
{
    const std::uint32_t said = static_cast<std::uint32_t>(number_at(field, 0)) << 16 |
                               static_cast<std::uint32_t>(number_at(field, 2));
    return said == checksum_of(header, field) ? std::nullopt
                                              : std::optional(proxy_error::v2_checksum);
}

/// The types that have a form of their own, where it matters to whoever uses them. `tlvs` is a part of
/// `header`, where it came in.
std::optional<proxy_error> judge_tlvs(const proxy_tlvs& tlvs, bytes header)
{
    const bytes as_received = header.last(tlvs.wire().size());
    bool has_checksum = false;
    for (const proxy_tlv& tlv : tlvs) {
        if (tlv.kind == proxy_tlv::type::unique_id && tlv.value.size() > longest_unique_id) {
            return proxy_error::v2_unique_id;
        }
        if (tlv.kind == proxy_tlv::type::ssl && !proxy_ssl::parse(tlv.value)) {
            return proxy_error::v2_ssl;
        }
        if (tlv.kind == proxy_tlv::type::crc32c) {
            if (std::exchange(has_checksum, true) || tlv.value.size() != checksum_size) {
                return proxy_error::v2_checksum_form;
            }
            const auto where = static_cast<std::size_t>(tlv.value.data() - tlvs.wire().data());
            if (auto wrong = judge_checksum(header, as_received.subspan(where, checksum_size))) {
                return wrong;
            }
        }
    }
    return std::nullopt;
}

result<proxy_header> read_whole(bytes whole)
{
    proxy_header header;
    header.purpose = static_cast<proxy_header::command>(low(whole[12]));
    if (header.purpose == proxy_header::command::local) {
        return header;  // whatever follows is to be discarded
    }
    header.addresses = static_cast<family>(high(whole[13]));
    header.over = static_cast<transport>(low(whole[13]));
    const bytes rest = whole.subspan(head_size);
    read_addresses(rest, header);
    auto tlvs = proxy_tlvs::parse(rest.subspan(addresses_size(header.addresses)));
    if (!tlvs) {
        return tlvs.error();
    }
    if (const auto wrong = judge_tlvs(*tlvs, whole)) {
        return *wrong;
    }
    header.tlvs = std::move(*tlvs);
    return header;
}

// ---- writing ------------------------------------------------------------------------------------

void append_number(std::string& to, std::size_t number)
{
    to += static_cast<char>(number >> 8);
    to += static_cast<char>(number & 0xFF);
}

result<> append_address(std::string& to, const ip_address& address, family as)
{
    if (address.empty() || (as == family::ipv4 && !address.is_v4())) {
        return error::refused_payload;
    }
    if (as == family::ipv6 && address.is_v4()) {
        to += mapped;
    }
    to += as_text(address.octets());
    return {};
}

result<> append_path(std::string& to, std::string_view path)
{
    if (path.size() > longest_path) {
        return error::refused_payload;
    }
    to += path;
    to.append(longest_path - path.size(), '\0');
    return {};
}

result<> append_addresses(std::string& to, const proxy_header& header)
{
    if (header.addresses == family::unix_domain) {
        const auto source = append_path(to, header.source_path);
        return source ? append_path(to, header.destination_path) : source;
    }
    if (has_ports(header.addresses)) {
        const auto source = append_address(to, header.source.address, header.addresses);
        const auto destination = append_address(to, header.destination.address, header.addresses);
        append_number(to, header.source.port);
        append_number(to, header.destination.port);
        return source ? destination : source;
    }
    return {};
}

void fill_in_checksum(std::string& header, const proxy_tlvs& tlvs)
{
    const auto field = tlvs.find(proxy_tlv::type::crc32c);
    if (!field || field->size() != checksum_size) {
        return;
    }
    const std::size_t where = header.size() - tlvs.wire().size() +
                              static_cast<std::size_t>(field->data() - tlvs.wire().data());
    const bytes whole = as_bytes(header);
    const std::uint32_t sum = checksum_of(whole, whole.subspan(where, checksum_size));
    for (std::size_t i = 0; i < checksum_size; ++i) {
        header[where + i] = static_cast<char>(sum >> (8 * (checksum_size - 1 - i)) & 0xFF);
    }
}

}  // namespace

result<proxy_reading> read_proxy_v2(bytes beginning, std::size_t max_size)
{
    const bytes head = beginning.first(std::min(beginning.size(), head_size));
    if (const auto wrong = judge_head(head, max_size)) {
        return *wrong;
    }
    const std::size_t size = head.size() < head_size ? head_size : head_size + number_at(head, 14);
    if (beginning.size() < size) {
        return incomplete_proxy_header(size);
    }
    auto header = read_whole(beginning.first(size));
    if (!header) {
        return header.error();
    }
    return proxy_reading{
        .state = proxy_reading::status::header, .size = size, .header = std::move(*header)};
}

result<std::string> write_proxy_v2(const proxy_header& header)
{
    const bool is_local = header.purpose == proxy_header::command::local;
    std::string rest;
    if (!is_local) {
        if (const auto written = append_addresses(rest, header); !written) {
            return written.error();
        }
        rest += as_text(header.tlvs.wire());
    }
    if (rest.size() > longest_rest) {
        return error::frame_too_large;
    }
    const bool named = header.names_client();
    if (named != (header.over != transport::unspecified) && !is_local) {
        return error::refused_payload;
    }
    std::string wire(proxy_v2_signature);
    wire += is_local ? '\x20' : '\x21';
    wire += named ? static_cast<char>(static_cast<unsigned>(header.addresses) << 4 |
                                      static_cast<unsigned>(header.over))
                  : '\0';
    append_number(wire, rest.size());
    wire += rest;
    if (!is_local) {
        fill_in_checksum(wire, header.tlvs);
    }
    return wire;
}

}  // namespace libnet::detail
