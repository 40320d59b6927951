// Input: whose address and who sends from it, how long after the challenge, what is changed in the proof, hello. And
// all of it once more as a datagram of somebody who was asked nothing.

#include "fuzzing.hpp"

#include <libnet/core/socket_address.hpp>
#include <libnet/policy/address_cookie.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <string>

namespace {

using namespace libnet::tests;
using libnet::address_cookie;
using libnet::as_bytes;
using libnet::bytes;

constexpr libnet::duration lifetime = std::chrono::seconds(30);
constexpr libnet::time_point challenged{std::chrono::hours(1)};
const address_cookie jar({1, 2}, lifetime);

/// An odd number has an address of IPv6, of which the last byte and the port tell one from another.
libnet::socket_address peer(std::size_t number)
{
    std::array<std::byte, 16> octets{};
    octets.fill(std::byte{10});
    octets[number % 2 == 0 ? 3 : 15] = std::byte(number / 4);
    const std::size_t width = number % 2 == 0 ? 4 : 16;
    const auto port = static_cast<std::uint16_t>(1000 + number / 2 % 2);
    return {libnet::ip_address(bytes(octets).first(width)), port, 0};
}

/// A proof is one that repeats the challenge to this very address, in the epoch of the challenge or in the next.
void check_proof(fuzz_input input)
{
    const std::size_t asked = input.byte();
    const std::size_t sender = input.byte();
    const libnet::duration passed = lifetime * static_cast<int>(input.byte()) / 64;
    const std::size_t changed = input.byte();
    const std::byte change{static_cast<unsigned char>(input.byte())};

    const auto challenge = jar.make(peer(asked), challenged);
    CHECK(address_cookie::is_challenge(challenge));
    const auto head = address_cookie::answer(challenge);
    std::string proof(libnet::as_text(head));
    proof += libnet::as_text(input.rest());
    const bool is_changed = changed < address_cookie::size && change != std::byte{};
    if (is_changed) {
        proof[changed] = static_cast<char>(std::byte(proof[changed]) ^ change);
    }

    const auto sent = exact_copy(as_bytes(proof));
    const auto hello = jar.proven(peer(sender), sent, challenged + passed);
    const bool is_fresh = passed < 2 * lifetime;
    CHECK(hello.has_value() == (asked == sender && is_fresh && !is_changed));
    if (hello) {
        CHECK(libnet::to_string(*hello) == libnet::to_string(input.rest()));
    }
}

/// Nobody guesses 64 bits.
void check_stranger(bytes datagram)
{
    const auto sent = exact_copy(datagram);
    CHECK(!jar.proven(peer(1), sent, challenged));
    if (address_cookie::is_challenge(sent)) {
        CHECK(sent.size() == address_cookie::size);
        const auto head = address_cookie::answer(sent);
        CHECK(!address_cookie::is_challenge(head));
        CHECK(!jar.proven(peer(1), head, challenged));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const fuzz_input input(data, size);
    check_proof(input);
    check_stranger(input.rest());
    return 0;
}
