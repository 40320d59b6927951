#include <libnet/core/ip_address.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>

namespace libnet {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view mapped = "\0\0\0\0\0\0\0\0\0\0\xFF\xFF"sv;

/// Reads one number of either family from the front of `text`.
std::optional<unsigned> take_number(std::string_view& text, int base, std::size_t most_digits)
{
    unsigned number = 0;
    const char* const begin = text.data();
    const auto [end, failed] =
        std::from_chars(begin, begin + std::min(text.size(), most_digits), number, base);
    if (failed != std::errc()) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - begin));
    return number;
}

bool take(std::string_view& text, std::string_view what)
{
    const bool there = text.starts_with(what);
    text.remove_prefix(there ? what.size() : 0);
    return there;
}

/// All of `text`: four numbers without leading zeros, which some read as octal.
bool read_v4(std::string_view text, std::span<std::byte, 4> octets)
{
    for (std::size_t i = 0; i < octets.size(); ++i) {
        const bool leading_zero = text.size() > 1 && text[0] == '0' && text[1] != '.';
        const auto number = take_number(text, 10, 3);
        if (leading_zero || !number || *number > 255 || (i < 3 && !take(text, "."))) {
            return false;
        }
        octets[i] = std::byte(*number);
    }
    return text.empty();
}

/// Eight groups; `::` is there once and stands for at least one; the last two may be an IPv4 address.
bool read_v6(std::string_view text, std::span<std::byte, 16> octets)
{
    std::size_t filled = 0;
    std::optional<std::size_t> gap;
    if (take(text, "::")) {
        gap = 0;
    }
    while (!text.empty()) {
        if (filled == octets.size()) {
            return false;
        }
        if (filled <= 12 && text.find('.') < text.find(':')) {
            if (!read_v4(text, octets.subspan(filled).first<4>())) {
                return false;
            }
            filled += 4;
            break;
        }
        const auto group = take_number(text, 16, 4);
        if (!group) {
            return false;
        }
        octets[filled++] = std::byte(*group >> 8);
        octets[filled++] = std::byte(*group & 0xFF);
        if (!gap && take(text, "::")) {
            gap = filled;
        } else if (!text.empty() && (!take(text, ":") || text.empty())) {
            return false;
        }
    }
    if (!gap) {
        return filled == octets.size();
    }
    // What came after the gap goes to the end.
    const auto from = octets.begin() + static_cast<std::ptrdiff_t>(*gap);
    const auto to = octets.begin() + static_cast<std::ptrdiff_t>(filled);
    std::rotate(from, to, octets.end());
    return filled < octets.size();
}

/// The longest run of at least two groups that are zero becomes `::`, the first of equal ones.
std::string v6_text(std::span<const std::byte, 16> octets)
{
    constexpr std::size_t groups = 8;
    const auto group = [&](std::size_t i) {
        return std::to_integer<unsigned>(octets[2 * i]) << 8 |
               std::to_integer<unsigned>(octets[2 * i + 1]);
    };
    std::size_t gap = groups;
    std::size_t longest = 1;
    for (std::size_t i = 0; i < groups; ++i) {
        std::size_t end = i;
        while (end < groups && group(end) == 0) {
            ++end;
        }
        if (end - i > longest) {
            gap = i;
            longest = end - i;
        }
    }
    std::string text;
    for (std::size_t i = 0; i < groups; ++i) {
        if (i == gap) {
            text += "::";
            i += longest - 1;
            continue;
        }
        if (!text.empty() && text.back() != ':') {
            text += ':';
        }
        std::array<char, 4> digits{};
        const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), group(i), 16);
        text.append(digits.data(), written.ptr);
    }
    return text;
}

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

result<ip_address> ip_address::parse(std::string_view text)
{
    std::array<std::byte, 16> octets{};
    if (text.find(':') != std::string_view::npos) {
        if (read_v6(text, octets)) {
            return ip_address(octets);
        }
    } else if (read_v4(text, std::span(octets).first<4>())) {
        return ip_address(bytes(octets).first(4));
    }
    return error::invalid_endpoint;
}

std::string ip_address::to_string() const
{
    std::string text;
    if (is_v4()) {
        for (const std::byte octet : octets()) {
            text += text.empty() ? "" : ".";
            text += std::to_string(std::to_integer<int>(octet));
        }
    } else if (is_v6()) {
        text = v6_text(octets_);
    }
    return text;
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
