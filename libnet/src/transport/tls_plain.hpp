#pragma once

#include <libnet/core/bytes.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace libnet::detail {

/// Pieces of plain text, one after the other.
class tls_plain {
public:
    tls_plain(std::span<const bytes> pieces, std::size_t skip) noexcept : pieces_(pieces)
    {
        for (const bytes piece : pieces) {
            size_ += piece.size();
        }
        while (skip != 0) {
            skip -= take(skip).size();
        }
    }

    std::size_t size() const noexcept { return size_; }

    /// The next bytes that are in one piece, at most so many; at least one if there is one.
    bytes take(std::size_t most) noexcept
    {
        while (!pieces_.empty() && offset_ == pieces_.front().size()) {
            pieces_ = pieces_.subspan(1);
            offset_ = 0;
        }
        if (pieces_.empty()) {
            return {};
        }
        const bytes rest = pieces_.front().subspan(offset_);
        const bytes taken = rest.first(std::min(rest.size(), most));
        offset_ += taken.size();
        size_ -= taken.size();
        return taken;
    }

private:
    std::span<const bytes> pieces_;
    std::size_t offset_ = 0;
    std::size_t size_ = 0;
};

}  // namespace libnet::detail
