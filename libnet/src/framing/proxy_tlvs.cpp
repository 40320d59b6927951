#include <libnet/framing/proxy_tlvs.hpp>

#include <libnet/framing/proxy_error.hpp>

#include <algorithm>
#include <stdexcept>

namespace libnet {
namespace {

constexpr std::size_t tlv_head = 3;
constexpr std::size_t longest_value = 0xFFFF;
constexpr std::size_t ssl_head = 5;

std::size_t length_at(bytes tlv) noexcept
{
    return std::to_integer<std::size_t>(tlv[1]) << 8 | std::to_integer<std::size_t>(tlv[2]);
}

bool has_bit(std::byte bits, unsigned which) noexcept
{
    return (bits >> which & std::byte{1}) != std::byte{};
}

}  // namespace

result<proxy_tlvs> proxy_tlvs::parse(bytes wire)
{
    for (bytes rest = wire; !rest.empty();) {
        if (rest.size() < tlv_head || rest.size() - tlv_head < length_at(rest)) {
            return proxy_error::v2_tlv;
        }
        rest = rest.subspan(tlv_head + length_at(rest));
    }
    proxy_tlvs tlvs;
    tlvs.wire_ = to_string(wire);
    return tlvs;
}

void proxy_tlvs::add(proxy_tlv::type kind, bytes value)
{
    if (value.size() > longest_value) {
        throw std::length_error("proxy_tlvs: a value has at most 65535 bytes");
    }
    wire_ += static_cast<char>(kind);
    wire_ += static_cast<char>(value.size() >> 8);
    wire_ += static_cast<char>(value.size() & 0xFF);
    wire_ += as_text(value);
}

std::optional<bytes> proxy_tlvs::find(proxy_tlv::type kind) const noexcept
{
    const auto found =
        std::find_if(begin(), end(), [kind](const proxy_tlv& tlv) { return tlv.kind == kind; });
    return found == end() ? std::nullopt : std::optional((*found).value);
}

proxy_tlv proxy_tlvs::iterator::operator*() const noexcept
{
    return {.kind = static_cast<proxy_tlv::type>(rest_[0]),
            .value = rest_.subspan(tlv_head, length_at(rest_))};
}

proxy_tlvs::iterator& proxy_tlvs::iterator::operator++() noexcept
{
    rest_ = rest_.subspan(tlv_head + length_at(rest_));
    return *this;
}

result<proxy_ssl> proxy_ssl::parse(bytes value)
{
    if (value.size() < ssl_head) {
        return proxy_error::v2_ssl;
    }
    auto details = proxy_tlvs::parse(value.subspan(ssl_head));
    if (!details) {
        return proxy_error::v2_ssl;
    }
    const bytes verify = value.subspan(1, ssl_head - 1);
    proxy_ssl ssl;
    ssl.over_tls = has_bit(value[0], 0);
    ssl.showed_certificate = has_bit(value[0], 1);
    ssl.certificate_of_session = has_bit(value[0], 2);
    const bool no_failure =
        std::ranges::all_of(verify, [](std::byte b) { return b == std::byte{}; });
    ssl.verified = no_failure && (ssl.showed_certificate || ssl.certificate_of_session);
    ssl.details = std::move(*details);
    return ssl;
}

std::string proxy_ssl::wire() const
{
    std::string value(1, static_cast<char>((over_tls ? 1 : 0) | (showed_certificate ? 2 : 0) |
                                           (certificate_of_session ? 4 : 0)));
    value += verified ? std::string(4, '\0') : std::string{'\0', '\0', '\0', '\1'};
    value += as_text(details.wire());
    return value;
}

}  // namespace libnet
