#include <libnet/core/literals.hpp>
#include <libnet/policy/address_cookie.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>

namespace {

using namespace libnet;
using namespace libnet::literals;

constexpr time_point start{1h};
constexpr duration tick{1};

socket_address host(unsigned number, std::uint16_t port = 1000)
{
    const std::array<std::byte, 4> octets{std::byte{10}, std::byte{0}, std::byte{0},
                                          std::byte(number)};
    return {ip_address(octets), port, 0};
}

const address_cookie jar({1, 2}, 30s);

std::string proof_of(const socket_address& who, time_point now, const std::string& hello)
{
    const auto challenge = jar.make(who, now);
    EXPECT_TRUE(address_cookie::is_challenge(challenge));
    const auto head = address_cookie::answer(challenge);
    return std::string(as_text(head)) + hello;
}

TEST(AddressCookie, ProvesAnAddressAndHandsOutWhatStandsBehindIt)
{
    const std::string proof = proof_of(host(1), start, "hello");
    const auto behind = jar.proven(host(1), as_bytes(proof), start);
    ASSERT_TRUE(behind);
    EXPECT_EQ(as_text(*behind), "hello");
    const std::string empty = proof_of(host(1), start, "");
    EXPECT_TRUE(jar.proven(host(1), as_bytes(empty), start));
}

TEST(AddressCookie, IsWorthNothingToSomebodyElse)
{
    const std::string proof = proof_of(host(1), start, "hello");
    EXPECT_FALSE(jar.proven(host(2), as_bytes(proof), start));
    EXPECT_FALSE(jar.proven(host(1, 1001), as_bytes(proof), start));
    socket_address zone = host(1);
    zone.zone = 1;
    EXPECT_FALSE(jar.proven(zone, as_bytes(proof), start));
    const address_cookie another({1, 3}, 30s);
    EXPECT_FALSE(another.proven(host(1), as_bytes(proof), start));
}

TEST(AddressCookie, HoldsForOneLifetimeAndNoMoreThanTwo)
{
    const time_point epoch{120 * 30s};
    const std::string proof = proof_of(host(1), epoch, "");
    EXPECT_TRUE(jar.proven(host(1), as_bytes(proof), epoch + 60s - tick));
    EXPECT_FALSE(jar.proven(host(1), as_bytes(proof), epoch + 60s));
    const std::string late = proof_of(host(1), epoch + 30s - tick, "");
    EXPECT_TRUE(jar.proven(host(1), as_bytes(late), epoch + 60s - tick));
}

TEST(AddressCookie, EveryBitCounts)
{
    const std::string proof = proof_of(host(1), start, "x");
    for (std::size_t bit = 0; bit < 8 * address_cookie::size; ++bit) {
        std::string changed = proof;
        changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
        EXPECT_FALSE(jar.proven(host(1), as_bytes(changed), start)) << bit;
    }
}

TEST(AddressCookie, WhatIsCutShortIsNone)
{
    const std::string proof = proof_of(host(1), start, "");
    for (std::size_t size = 0; size < proof.size(); ++size) {
        EXPECT_FALSE(jar.proven(host(1), as_bytes(proof.substr(0, size)), start));
        EXPECT_FALSE(address_cookie::is_challenge(as_bytes(proof.substr(0, size))));
    }
    const auto challenge = jar.make(host(1), start);
    EXPECT_FALSE(jar.proven(host(1), challenge, start));  // a question is no answer
    EXPECT_FALSE(address_cookie::is_challenge(as_bytes(proof)));
}

TEST(AddressCookie, HasToHoldForSomeTime)
{
    EXPECT_THROW(address_cookie({1, 2}, 0s), std::invalid_argument);
}

}  // namespace
