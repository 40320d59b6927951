#include <libnet/policy/address_cookie.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace libnet {
namespace {

constexpr std::array<std::byte, 4> asks{std::byte{0x6C}, std::byte{0x6E}, std::byte{0xC0},
                                        std::byte{0x01}};
constexpr std::array<std::byte, 4> answers{std::byte{0x6C}, std::byte{0x6E}, std::byte{0xC0},
                                           std::byte{0x02}};

template <class Number>
void write(std::byte* to, Number number) noexcept
{
    for (std::size_t i = sizeof number; i != 0; --i) {
        to[i - 1] = std::byte(number & 0xFF);
        number = static_cast<Number>(number >> 8);
    }
}

bool begins_with(bytes datagram, bytes what) noexcept
{
    return datagram.size() >= what.size() && equal(datagram.first(what.size()), what);
}

}  // namespace

address_cookie::address_cookie(const siphash_key& key, duration lifetime)
    : key_(key), lifetime_(lifetime)
{
    if (lifetime <= duration::zero()) {
        throw std::invalid_argument("libnet: a cookie has to hold for some time");
    }
}

std::uint32_t address_cookie::epoch_at(time_point now) const noexcept
{
    return static_cast<std::uint32_t>(now.time_since_epoch() / lifetime_);
}

address_cookie::challenge address_cookie::made(const socket_address& who,
                                               std::uint32_t epoch) const noexcept
{
    std::array<std::byte, 16 + 2 + 4 + 4 + 1> text{};
    const bytes octets = who.address.octets();
    std::copy(octets.begin(), octets.end(), text.begin());
    write(text.data() + 16, who.port);
    write(text.data() + 18, who.zone);
    write(text.data() + 22, epoch);
    text[26] = std::byte(octets.size());

    challenge cookie{};
    std::copy(asks.begin(), asks.end(), cookie.begin());
    write(cookie.data() + 4, epoch);
    write(cookie.data() + 8, siphash(key_, text));
    return cookie;
}

address_cookie::challenge address_cookie::make(const socket_address& who,
                                               time_point now) const noexcept
{
    return made(who, epoch_at(now));
}

std::optional<bytes> address_cookie::proven(const socket_address& who, bytes datagram,
                                            time_point now) const noexcept
{
    if (datagram.size() < size || !begins_with(datagram, answers)) {
        return std::nullopt;
    }
    const std::uint32_t current = epoch_at(now);
    for (const std::uint32_t epoch : {current, current - 1}) {
        const challenge valid = made(who, epoch);
        // All of it is compared, so that the time it takes tells nothing.
        std::byte different{};
        for (std::size_t i = asks.size(); i < size; ++i) {
            different |= valid[i] ^ datagram[i];
        }
        if (different == std::byte{}) {
            return datagram.subspan(size);
        }
    }
    return std::nullopt;
}

bool address_cookie::is_challenge(bytes datagram) noexcept
{
    return datagram.size() == size && begins_with(datagram, asks);
}

address_cookie::challenge address_cookie::answer(bytes asked) noexcept
{
    challenge head{};
    std::copy_n(asked.begin(), std::min(asked.size(), size), head.begin());
    std::copy(answers.begin(), answers.end(), head.begin());
    return head;
}

}  // namespace libnet
