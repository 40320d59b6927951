#include <libnet/core/ip_network.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace libnet {
namespace {

unsigned bits_of(const ip_address& address) noexcept
{
    return static_cast<unsigned>(8 * address.octets().size());
}

}  // namespace

ip_network::ip_network(const ip_address& address, unsigned bits) noexcept
    : first_(address.network(bits)), bits_(std::min(bits, bits_of(address)))
{
}

result<ip_network> ip_network::parse(std::string_view text)
{
    if (text == "unix") {
        return ip_network();
    }
    const std::size_t slash = text.find('/');
    const auto address = ip_address::parse(text.substr(0, slash));
    if (!address) {
        return address.error();
    }
    unsigned bits = bits_of(*address);
    if (slash != std::string_view::npos) {
        const std::string_view number = text.substr(slash + 1);
        const unsigned most = bits;
        const auto [end, failed] =
            std::from_chars(number.data(), number.data() + number.size(), bits);
        if (failed != std::errc() || end != number.data() + number.size() || bits > most ||
            address->network(bits) != *address) {
            return error::invalid_endpoint;
        }
    }
    return ip_network(*address, bits);
}

std::string ip_network::to_string() const
{
    return first_.empty() ? "unix" : first_.to_string() + '/' + std::to_string(bits_);
}

bool ip_network::contains(const ip_address& who) const noexcept
{
    return who.octets().size() == first_.octets().size() && who.network(bits_) == first_;
}

}  // namespace libnet
