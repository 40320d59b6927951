#include <libnet/transport/endpoint.hpp>

#include <charconv>

namespace libnet {
namespace {

constexpr std::string_view unix_prefix = "unix:";

}  // namespace

result<endpoint> endpoint::parse(std::string_view text)
{
    if (text.starts_with(unix_prefix)) {
        const std::string_view path = text.substr(unix_prefix.size());
        if (path.empty() || path == "@" || path.find('\0') != std::string_view::npos) {
            return error::invalid_endpoint;
        }
        return endpoint{{}, 0, std::string(path)};
    }
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return error::invalid_endpoint;
    }
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    if (host.starts_with('[')) {
        if (!host.ends_with(']') || host.size() < 3) {
            return error::invalid_endpoint;
        }
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return error::invalid_endpoint;  // an IPv6 address without its brackets
    }
    std::uint16_t port = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (digits.empty() || failed != std::errc() || end != digits.data() + digits.size()) {
        return error::invalid_endpoint;
    }
    return endpoint{std::string(host), port, {}};
}

std::string endpoint::to_string() const
{
    if (is_unix()) {
        return std::string(unix_prefix) + path;
    }
    const bool brackets = host.find(':') != std::string::npos;
    return (brackets ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

}  // namespace libnet
