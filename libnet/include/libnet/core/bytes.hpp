#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace libnet {

/// Bytes that somebody else owns. How long a view lives stands with whoever hands it out.
using bytes = std::span<const std::byte>;
using mutable_bytes = std::span<std::byte>;

/// The characters of a text as bytes; valid as long as the text.
inline bytes as_bytes(std::string_view text) noexcept
{
    return std::as_bytes(std::span(text.data(), text.size()));
}

/// The bytes as characters, without a copy or a check of any encoding.
inline std::string_view as_text(bytes data) noexcept
{
    return {reinterpret_cast<const char*>(data.data()), data.size()};
}

/// A copy that lives on its own.
inline std::string to_string(bytes data)
{
    return std::string(as_text(data));
}

/// Same length, same bytes. (`std::span` has no `==`.)
inline bool equal(bytes a, bytes b) noexcept
{
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace libnet
