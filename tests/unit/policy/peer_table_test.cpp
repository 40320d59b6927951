#include <libnet/core/literals.hpp>
#include <libnet/policy/peer_table.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <deque>
#include <string>

namespace {

using namespace libnet;
using namespace libnet::literals;

constexpr time_point start{1h};
constexpr duration tick{1};
constexpr siphash_key key{1, 2};

socket_address host(unsigned number, std::uint16_t port = 1000)
{
    const std::array<std::byte, 4> octets{std::byte{10}, std::byte(number >> 16),
                                          std::byte(number >> 8), std::byte(number)};
    return {ip_address(octets), port, 0};
}

TEST(PeerTable, FindsPeersByAddressPortAndZone)
{
    const std::array<std::byte, 16> link_local{std::byte{0xFE}, std::byte{0x80}};
    const socket_address six{ip_address(link_local), 1000, 2};
    peer_table table({}, key);
    std::deque<peer_entry> peers;
    for (const socket_address& a : {host(1), host(2), host(1, 1001), six}) {
        table.add(peers.emplace_back(a), start);
    }
    EXPECT_EQ(table.find(host(1)), &peers[0]);
    EXPECT_EQ(table.find(host(1, 1001)), &peers[2]);
    EXPECT_EQ(table.find(six), &peers[3]);
    EXPECT_EQ(table.find({six.address, 1000, 3}), nullptr);
    EXPECT_EQ(table.find(host(3)), nullptr);
    table.remove(peers[0]);
    EXPECT_EQ(table.find(host(1)), nullptr);
    EXPECT_EQ(table.find(host(1, 1001)), &peers[2]);
}

TEST(PeerTable, ExpiresTheMostSilentToTheTick)
{
    peer_table table({.idle_timeout = 60s}, key);
    std::deque<peer_entry> peers;
    EXPECT_EQ(table.when_next(), end_of_time);
    EXPECT_EQ(table.expired(end_of_time), nullptr);
    for (unsigned i = 0; i < 3; ++i) {
        table.add(peers.emplace_back(host(i)), start + i * 1s);
    }
    table.heard(peers[0], start + 10s);
    EXPECT_EQ(table.when_next(), start + 61s);
    EXPECT_EQ(table.expired(start + 61s - tick), nullptr);
    EXPECT_EQ(table.expired(start + 61s), &peers[1]);
    table.remove(peers[1]);
    EXPECT_EQ(table.expired(start + 61s), nullptr);
    table.heard(peers[0], start + 62s);
    table.remove(peers[2]);
    EXPECT_EQ(table.when_next(), start + 122s);
}

TEST(PeerTable, NeverExpiresIfItShallNot)
{
    peer_table table({.idle_timeout = never}, key);
    peer_entry peer(host(1));
    table.add(peer, start);
    EXPECT_EQ(table.when_next(), end_of_time);
    EXPECT_EQ(table.expired(end_of_time - tick), nullptr);
}

TEST(PeerTable, LetsInNoMoreThanItsLimits)
{
    using decision = peer_table::decision;
    peer_table table({.max_peers = 2, .new_peers_per_second = 3}, key);
    peer_entry one(host(1));
    peer_entry two(host(2));
    EXPECT_EQ(table.ask(start), decision::let_in);
    table.add(one, start);
    EXPECT_EQ(table.ask(start), decision::let_in);
    EXPECT_EQ(table.ask(start), decision::let_in);  // nobody came of it
    EXPECT_EQ(table.ask(start), decision::new_peers_per_second);
    table.add(two, start);
    EXPECT_EQ(table.ask(start + 1s), decision::max_peers);
    table.remove(one);
    EXPECT_EQ(table.ask(start + 1s), decision::let_in);
    EXPECT_EQ(name_of(decision::max_peers), std::string("max_peers"));
    EXPECT_EQ(name_of(decision::let_in), std::string("let_in"));
    EXPECT_EQ(name_of(decision::new_peers_per_second), std::string("new_peers_per_second"));
    EXPECT_EQ(name_of(static_cast<decision>(99)), std::string("unknown"));
}

TEST(PeerTable, HoldsAHundredThousandAndGivesItsMemoryBack)
{
    peer_table table({.max_peers = 200'000, .idle_timeout = 10s}, key);
    const std::size_t before = table.memory();
    std::deque<peer_entry> peers;
    for (unsigned i = 0; i < 100'000; ++i) {
        table.add(peers.emplace_back(host(i)), start + duration(i));
    }
    EXPECT_EQ(table.size(), 100'000U);
    EXPECT_LE(table.memory(), 100'000U * 16);
    for (unsigned i = 0; i < 100'000; ++i) {
        ASSERT_EQ(table.find(host(i)), &peers[i]);
    }
    for (unsigned i = 0; i < 100'000; ++i) {
        ASSERT_EQ(table.when_next(), start + 10s + duration(i));
        peer_entry* const gone = table.expired(start + 10s + duration(i));
        ASSERT_EQ(gone, &peers[i]);
        table.remove(*gone);
    }
    EXPECT_EQ(table.size(), 0U);
    EXPECT_LE(table.memory(), 16 * before);
}

}  // namespace
