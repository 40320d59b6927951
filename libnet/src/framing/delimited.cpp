#include <libnet/framing/delimited.hpp>

#include <algorithm>
#include <stdexcept>

namespace libnet {

delimited::delimited(std::string_view delimiter, delimited_options options)
    : delimiter_(delimiter), options_(options)
{
    if (delimiter.empty()) {
        throw std::invalid_argument("delimited: the delimiter must not be empty");
    }
}

decoded delimited::decode(bytes received) noexcept
{
    const std::string_view text = as_text(received);
    const std::size_t size = text.find(delimiter_, std::min(searched_, text.size()));
    if (size != std::string_view::npos) {
        searched_ = 0;
        if (size > options_.max_frame) {
            return decoded::failed(error::frame_too_large);
        }
        const std::size_t whole = size + delimiter_.size();
        return decoded::frame(0, keeps() ? whole : size, whole);
    }
    // A delimiter may have begun within the last bytes, but not before them.
    const std::size_t overlap = delimiter_.size() - 1;
    searched_ = text.size() > overlap ? text.size() - overlap : 0;
    if (searched_ > options_.max_frame) {
        searched_ = 0;
        return decoded::failed(error::frame_too_large);
    }
    return decoded::incomplete(text.size() + 1);
}

void delimited::encode(bytes payload, envelope& out) const noexcept
{
    std::string_view text = as_text(payload);
    const bool terminated = keeps() && text.ends_with(delimiter_);
    if (terminated) {
        text.remove_suffix(delimiter_.size());
    }
    if (text.size() > options_.max_frame) {
        out.refusal = error::frame_too_large;
        return;
    }
    // The receiver takes the first delimiter that it sees in payload and delimiter together, and
    // that must be ours: "a" before the delimiter "aa" would end one byte early.
    bool inside = text.find(delimiter_) != std::string_view::npos;
    for (std::size_t shared = 1; shared < delimiter_.size() && !inside; ++shared) {
        const std::string_view delimiter = delimiter_;
        inside = text.ends_with(delimiter.substr(0, shared)) &&
                 delimiter.starts_with(delimiter.substr(shared));
    }
    if (inside) {
        out.refusal = error::refused_payload;
        return;
    }
    if (!terminated) {
        out.tail = as_bytes(delimiter_);
    }
}

}  // namespace libnet
