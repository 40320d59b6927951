#include <libnet/core/ip_address.hpp>

#include <algorithm>
#include <string_view>

namespace libnet {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view mapped = "\0\0\0\0\0\0\0\0\0\0\xFF\xFF"sv;

}  // namespace

ip_address::ip_address(bytes octets) noexcept
{
    if (octets.size() == octets_.size() && as_text(octets).starts_with(mapped)) {
        octets = octets.subspan(mapped.size());
    }
    if (octets.size() == 4 || octets.size() == octets_.size()) {
        size_ = static_cast<unsigned char>(octets.size());
        std::copy(octets.begin(), octets.end(), octets_.begin());
    }
}

ip_address ip_address::network(unsigned bits) const noexcept
{
    ip_address first = *this;
    for (unsigned octet = bits / 8; octet < size_; ++octet) {
        const unsigned kept = octet == bits / 8 ? bits % 8 : 0;
        first.octets_[octet] &= std::byte(0xFF00U >> kept);
    }
    return first;
}

}  // namespace libnet
