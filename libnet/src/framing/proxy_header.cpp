#include "proxy_wire.hpp"

#include <algorithm>
#include <utility>

namespace libnet {
namespace {

/// Somebody else has chosen it: no control character of it may get into a log.
std::string printable(std::string_view path)
{
    std::string text(path);
    if (!text.empty() && text.front() == '\0') {
        text.front() = '@';
    }
    std::ranges::replace_if(
        text, [](char c) { return c < ' ' || c > '~'; }, '?');
    return text;
}

/// Whether the one is the beginning of the other.
bool agree(std::string_view a, std::string_view b) noexcept
{
    const std::size_t common = std::min(a.size(), b.size());
    return a.substr(0, common) == b.substr(0, common);
}

}  // namespace

std::string proxy_header::client() const
{
    if (!names_client()) {
        return {};
    }
    return addresses == family::unix_domain ? "unix:" + printable(source_path) : source.to_string();
}

proxy_header proxy_header::for_client(const socket_address& source,
                                      const socket_address& destination, version as)
{
    const bool both_v4 = source.address.is_v4() && destination.address.is_v4();
    return {.written = as,
            .purpose = command::proxy,
            .addresses = both_v4 ? family::ipv4 : family::ipv6,
            .over = transport::stream,
            .source = source,
            .destination = destination};
}

proxy_header proxy_header::for_nobody(version as)
{
    return {.written = as, .purpose = as == version::v1 ? command::proxy : command::local};
}

result<proxy_reading> read_proxy_header(bytes beginning, std::size_t max_size)
{
    const std::string_view text = as_text(beginning);
    for (const auto signature : {detail::proxy_v1_signature, detail::proxy_v2_signature}) {
        if (agree(text, signature)) {
            if (text.size() < signature.size()) {
                // The two differ in their first byte, so that one of them it is; unless there is none.
                return detail::incomplete_proxy_header(text.empty() ? 1 : signature.size());
            }
            return signature == detail::proxy_v1_signature
                       ? detail::read_proxy_v1(text)
                       : detail::read_proxy_v2(beginning, max_size);
        }
    }
    return proxy_reading{.state = proxy_reading::status::absent};
}

bool begins_as_proxy_header(bytes beginning) noexcept
{
    const std::string_view text = as_text(beginning);
    return text.starts_with(detail::proxy_v1_signature) ||
           text.starts_with(detail::proxy_v2_signature);
}

result<std::string> write_proxy_header(const proxy_header& header)
{
    return header.written == proxy_header::version::v1 ? detail::write_proxy_v1(header)
                                                       : detail::write_proxy_v2(header);
}

}  // namespace libnet
