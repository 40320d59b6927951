#pragma once

#include "asio_loop.hpp"

#include <libnet/runtime/loop.hpp>

#include <utility>

namespace libnet::detail {

/// Something of Asio's on a loop. The loop of a strand is kept as long as it lives; that of a context
/// is there anyway.
class resident {
public:
    explicit resident(loop& home) noexcept
        : home_(home), kept_(strand_of(home) != nullptr ? &home : nullptr)
    {
        if (kept_ != nullptr) {
            kept_->enter();
        }
    }
    resident(const resident&) = delete;
    resident& operator=(const resident&) = delete;
    ~resident() { leave(); }

    /// The loop may go; home() is not asked for any more.
    void leave() noexcept
    {
        if (loop* left = std::exchange(kept_, nullptr)) {
            left->exit();
        }
    }

    loop& home() const noexcept { return home_; }

private:
    loop& home_;
    loop* kept_;
};

}  // namespace libnet::detail
