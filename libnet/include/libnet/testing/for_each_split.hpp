#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/literals.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace libnet::testing {

/// How far for_each_split goes.
struct split_options {
    /// Cuts in two: inputs of at most so many bytes are cut at every place, longer ones at half
    /// as many places from either end.
    std::size_t cuts_in_two = 4_KiB;

    /// Cuts in three: inputs of at most so many bytes are cut at every pair of places. The number
    /// of pairs is about half the square of it.
    std::size_t longest_cut_in_three = 24;

    /// Random splits, into pieces of all sizes. The same seed gives the same splits everywhere.
    std::size_t random_splits = 32;
    std::uint64_t seed = 1;
};

/// Hands `input` to `visit` in every way in which a network could deliver it: whole, byte by byte,
/// cut in two at every place, cut in three if it is short, and cut at random.
///
///     for_each_split("5:Hello1:!", [&](std::span<const libnet::bytes> pieces) {
///         SCOPED_TRACE(describe_split(pieces));
///         my_parser parser;
///         for (libnet::bytes piece : pieces) {
///             parser.feed(piece);
///         }
///         EXPECT_EQ(parser.words(), expected);
///     });
///
/// No piece is empty; an empty input is visited once, as no pieces. The pieces are views into
/// `input`, their list is valid during the visit. A visitor that returns false ends the tour.
///
/// Returns  false if the visitor ended it.
/// Cost     about n visits for n bytes; options bound it for long inputs.
template <std::invocable<std::span<const bytes>> Visitor>
bool for_each_split(bytes input, Visitor&& visit, split_options options = {})
{
    const std::size_t size = input.size();
    std::vector<std::size_t> places;  // where to cut, ascending
    std::vector<bytes> pieces;
    const auto goes_on = [&] {
        pieces.clear();
        std::size_t begin = 0;
        for (const std::size_t place : places) {
            pieces.push_back(input.subspan(begin, place - begin));
            begin = place;
        }
        if (begin != size) {
            pieces.push_back(input.subspan(begin));
        }
        const std::span<const bytes> all = pieces;
        if constexpr (std::is_void_v<std::invoke_result_t<Visitor&, std::span<const bytes>>>) {
            visit(all);
            return true;
        } else {
            return static_cast<bool>(visit(all));
        }
    };

    if (!goes_on()) {
        return false;
    }
    if (size < 2) {
        return true;
    }
    places.resize(size - 1);
    std::iota(places.begin(), places.end(), std::size_t{1});
    if (!goes_on()) {
        return false;
    }
    const std::size_t edge = size <= options.cuts_in_two ? size : options.cuts_in_two / 2;
    for (std::size_t place = 1; place < size; ++place) {
        if (place <= edge || size - place <= edge) {
            places.assign(1, place);
            if (!goes_on()) {
                return false;
            }
        }
    }
    for (std::size_t first = 1; size <= options.longest_cut_in_three && first < size; ++first) {
        for (std::size_t second = first + 1; second < size; ++second) {
            places.assign({first, second});
            if (!goes_on()) {
                return false;
            }
        }
    }
    std::uint64_t state = options.seed;
    const auto random_below = [&state](std::size_t bound) {  // splitmix64
        std::uint64_t mixed = state += 0x9E3779B97F4A7C15U;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9U;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBU;
        return static_cast<std::size_t>((mixed ^ (mixed >> 31)) % bound);
    };
    for (std::size_t round = 0; round < options.random_splits; ++round) {
        const std::size_t longest = std::max<std::size_t>(size >> (round % 12), 2);
        places.clear();
        for (std::size_t place = 1 + random_below(longest); place < size;
             place += 1 + random_below(longest)) {
            places.push_back(place);
        }
        if (!goes_on()) {
            return false;
        }
    }
    return true;
}

/// The same for a text. `input` must outlive the call.
template <std::invocable<std::span<const bytes>> Visitor>
bool for_each_split(std::string_view input, Visitor&& visit, split_options options = {})
{
    return for_each_split(as_bytes(input), visit, options);
}

/// The sizes of the pieces, for a failing test to name its split: "5 + 1 + 4".
inline std::string describe_split(std::span<const bytes> pieces)
{
    constexpr std::size_t shown = 16;
    std::string text;
    for (const bytes piece : pieces.first(std::min(pieces.size(), shown))) {
        text += (text.empty() ? "" : " + ") + std::to_string(piece.size());
    }
    if (pieces.size() > shown) {
        text += " + ... (" + std::to_string(pieces.size()) + " pieces)";
    }
    return text.empty() ? "nothing" : text;
}

}  // namespace libnet::testing
