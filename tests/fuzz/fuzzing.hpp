#pragma once

#include <libnet/core/bytes.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

/// What must hold for every input. Ends the process: a fuzzer keeps the input that did it.
#define CHECK(...)                                                                                 \
    ((__VA_ARGS__) ? static_cast<void>(0)                                                          \
                   : libnet::tests::check_failed(#__VA_ARGS__, __FILE__, __LINE__))

namespace libnet::tests {

[[noreturn]] inline void check_failed(const char* expression, const char* file, int line)
{
    std::fprintf(stderr, "%s:%d: CHECK(%s) failed\n", file, line, expression);
    std::abort();
}

/// The input from its front: the first bytes choose what is tested, the others are the data. Where
/// it is used up, zeros follow, so that every input means something.
class fuzz_input {
public:
    fuzz_input(const std::uint8_t* data, std::size_t size)
        : rest_(std::as_bytes(std::span(data, size)))
    {
    }

    bool empty() const noexcept { return rest_.empty(); }
    bytes rest() const noexcept { return rest_; }

    std::size_t byte() noexcept
    {
        const bytes one = take(1);
        return one.empty() ? 0 : std::to_integer<std::size_t>(one[0]);
    }

    bytes take(std::size_t count) noexcept
    {
        const bytes taken = rest_.first(std::min(count, rest_.size()));
        rest_ = rest_.subspan(taken.size());
        return taken;
    }

private:
    bytes rest_;
};

/// Cuts data into pieces of these sizes (each byte and one), again from the first when they are
/// used up; whole if there are none.
inline std::vector<bytes> cut(bytes data, bytes sizes)
{
    std::vector<bytes> pieces;
    for (std::size_t i = 0; !data.empty(); ++i) {
        const std::size_t wanted =
            sizes.empty() ? data.size() : std::to_integer<std::size_t>(sizes[i % sizes.size()]) + 1;
        pieces.push_back(data.first(std::min(wanted, data.size())));
        data = data.subspan(pieces.back().size());
    }
    return pieces;
}

/// A copy on the heap of exactly this size: a sanitizer sees a read past its end.
inline std::vector<std::byte> exact_copy(bytes data)
{
    return {data.begin(), data.end()};
}

}  // namespace libnet::tests
