#include <libnet/core/siphash.hpp>

#include <bit>
#include <cstddef>

namespace libnet {
namespace {

struct state {
    std::uint64_t a, b, c, d;

    void round() noexcept
    {
        a += b;
        c += d;
        b = std::rotl(b, 13) ^ a;
        d = std::rotl(d, 16) ^ c;
        a = std::rotl(a, 32);
        c += b;
        a += d;
        b = std::rotl(b, 17) ^ c;
        d = std::rotl(d, 21) ^ a;
        c = std::rotl(c, 32);
    }

    void take(std::uint64_t word) noexcept
    {
        d ^= word;
        round();
        round();
        a ^= word;
    }
};

/// Up to eight bytes, the first the lowest.
std::uint64_t word_of(bytes data) noexcept
{
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < data.size(); ++i) {
        word |= std::to_integer<std::uint64_t>(data[i]) << (8 * i);
    }
    return word;
}

}  // namespace

std::uint64_t siphash(const siphash_key& key, bytes data) noexcept
{
    state s{key.first ^ 0x736f6d6570736575, key.second ^ 0x646f72616e646f6d,
            key.first ^ 0x6c7967656e657261, key.second ^ 0x7465646279746573};
    const std::uint64_t length = data.size() << 56;
    for (; data.size() >= 8; data = data.subspan(8)) {
        s.take(word_of(data.first(8)));
    }
    s.take(length | word_of(data));
    s.c ^= 0xff;
    for (int i = 0; i < 4; ++i) {
        s.round();
    }
    return s.a ^ s.b ^ s.c ^ s.d;
}

}  // namespace libnet
