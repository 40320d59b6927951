#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

namespace libnet {

/// Tells what has come before, of datagrams with numbers that rise: the network may deliver one twice
/// or late. Remembers the last `Size` numbers; what is older counts as come already, since nobody
/// knows any more.
///
///     | too old |  window: came, or not yet  | newest |  not yet
///
/// Cost  a bit for each number.
template <std::size_t Size = 1024>
class duplicate_window {
public:
    /// What a number is.
    enum class verdict {
        newest,     ///< higher than all before
        late,       ///< others overtook it
        duplicate,  ///< it came before
        too_old,    ///< perhaps it came before
    };

    /// Looks at a number, and remembers it.
    verdict look(std::uint64_t number) noexcept
    {
        if (!any_ || number > newest_) {
            if (any_ && number - newest_ < Size) {
                for (std::uint64_t i = newest_ + 1; i != number; ++i) {
                    came_.reset(i % Size);
                }
            } else {
                came_.reset();
            }
            any_ = true;
            newest_ = number;
            came_.set(number % Size);
            return verdict::newest;
        }
        if (newest_ - number >= Size) {
            return verdict::too_old;
        }
        if (came_.test(number % Size)) {
            return verdict::duplicate;
        }
        came_.set(number % Size);
        return verdict::late;
    }

private:
    std::bitset<Size> came_;
    std::uint64_t newest_ = 0;
    bool any_ = false;
};

}  // namespace libnet
