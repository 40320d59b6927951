#pragma once

#include <array>
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
                    forget(i);
                }
            } else {
                came_ = {};
            }
            any_ = true;
            newest_ = number;
            remember(number);
            return verdict::newest;
        }
        if (newest_ - number >= Size) {
            return verdict::too_old;
        }
        if (has_come(number)) {
            return verdict::duplicate;
        }
        remember(number);
        return verdict::late;
    }

private:
    static constexpr std::size_t word = 64;

    static constexpr std::uint64_t bit_of(std::uint64_t number) noexcept
    {
        return std::uint64_t{1} << number % Size % word;
    }
    std::uint64_t& word_of(std::uint64_t number) noexcept { return came_[number % Size / word]; }

    void remember(std::uint64_t number) noexcept { word_of(number) |= bit_of(number); }
    void forget(std::uint64_t number) noexcept { word_of(number) &= ~bit_of(number); }
    bool has_come(std::uint64_t number) noexcept { return (word_of(number) & bit_of(number)) != 0; }

    std::array<std::uint64_t, (Size + word - 1) / word> came_{};
    std::uint64_t newest_ = 0;
    bool any_ = false;
};

}  // namespace libnet
