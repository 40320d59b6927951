#include "support/addresses.hpp"
#include "support/allocations.hpp"

#include <libnet/core/literals.hpp>
#include <libnet/policy/admission.hpp>

#include <gtest/gtest.h>

#include <new>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::literals;
using namespace libnet::tests;
using enum admission::decision;

constexpr time_point start{1h};

const ip_address office = v4(192, 0, 2, 1);
const ip_address neighbour = v4(192, 0, 2, 2);
const ip_address nobody;

TEST(Admission, LetsInSoManyAtATime)
{
    admission gate({.max_connections = 2});
    EXPECT_EQ(gate.ask(office, start), let_in);
    EXPECT_EQ(gate.when_next(start), start);
    EXPECT_EQ(gate.ask(nobody, start), let_in);
    EXPECT_EQ(gate.ask(office, start), max_connections);
    EXPECT_EQ(gate.ask(nobody, start), max_connections);
    EXPECT_EQ(gate.when_next(start), end_of_time);
    gate.leave(nobody);
    EXPECT_EQ(gate.when_next(start), start);
    EXPECT_EQ(gate.ask(neighbour, start), let_in);
    EXPECT_EQ(gate.connections(), 2U);
}

TEST(Admission, HasRoomForManyByDefault)
{
    admission gate;
    for (int i = 0; i < 10'000; ++i) {
        ASSERT_EQ(gate.ask(office, start), let_in);
    }
    EXPECT_EQ(gate.ask(office, start), max_connections);
}

TEST(Admission, LetsInSoManyOfAnAddress)
{
    admission gate({.max_per_address = 2});
    EXPECT_EQ(gate.ask(office, start), let_in);
    EXPECT_EQ(gate.ask(office, start), let_in);
    EXPECT_EQ(gate.ask(office, start), max_per_address);
    EXPECT_EQ(gate.when_next(start), start) << "others can come in";
    EXPECT_EQ(gate.ask(neighbour, start), let_in);
    gate.leave(office);
    EXPECT_EQ(gate.ask(office, start), let_in);
    EXPECT_EQ(gate.ask(office, start), max_per_address);
}

TEST(Admission, WhoHasNoAddressCountsInTheTotalOnly)
{
    admission gate({.max_connections = 5, .max_per_address = 1});
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(gate.ask(nobody, start), let_in);
    }
    EXPECT_EQ(gate.ask(nobody, start), max_connections);
    EXPECT_EQ(gate.addresses(), 0U);
}

TEST(Admission, CountsANetworkOfIpv6AsOneAddress)
{
    admission gate({.max_per_address = 2});
    EXPECT_EQ(gate.ask(v6({0x2001, 0xDB8, 1, 2, 3}, 1), start), let_in);
    EXPECT_EQ(gate.ask(v6({0x2001, 0xDB8, 1, 2, 0xFFFF}, 2), start), let_in);
    EXPECT_EQ(gate.ask(v6({0x2001, 0xDB8, 1, 2}, 0), start), max_per_address);
    EXPECT_EQ(gate.ask(v6({0x2001, 0xDB8, 1, 1, 0xFFFF}, 2), start), let_in);
    EXPECT_EQ(gate.ask(v6({0x2001, 0xDB8, 1, 3}, 1), start), let_in);
}

TEST(Admission, CountsMappedAddressesAsIpv4)
{
    admission gate({.max_per_address = 1});
    EXPECT_EQ(gate.ask(v6({0, 0, 0, 0, 0, 0xFFFF, 0xC000}, 0x0201), start), let_in);
    EXPECT_EQ(gate.ask(v4(192, 0, 2, 1), start), max_per_address);
    EXPECT_EQ(gate.ask(v6({0, 0, 0, 0, 0, 0xFFFF, 0xC000}, 0x0202), start), let_in)
        << "not one /64 for all of IPv4";
}

TEST(Admission, TakesOtherPrefixes)
{
    admission gate({.max_per_address = 1, .ipv4_prefix = 24, .ipv6_prefix = 128});
    EXPECT_EQ(gate.ask(v4(10, 0, 0, 1), start), let_in);
    EXPECT_EQ(gate.ask(v4(10, 0, 0, 200), start), max_per_address);
    EXPECT_EQ(gate.ask(v4(10, 0, 1, 1), start), let_in);
    EXPECT_EQ(gate.ask(v6({0x2001}, 1), start), let_in);
    EXPECT_EQ(gate.ask(v6({0x2001}, 1), start), max_per_address);
    EXPECT_EQ(gate.ask(v6({0x2001}, 2), start), let_in);

    // Those who are in count with the new prefix as well, and leave as they came.
    gate.set_limits({.max_per_address = 2, .ipv4_prefix = 16, .ipv6_prefix = 64}, start);
    EXPECT_EQ(gate.ask(v4(10, 0, 2, 1), start), max_per_address);
    gate.leave(v4(10, 0, 1, 1));
    EXPECT_EQ(gate.ask(v4(10, 0, 2, 1), start), let_in);
    EXPECT_EQ(gate.ask(v6({0x2001}, 3), start), max_per_address);
    gate.set_limits({.max_per_address = 3, .ipv4_prefix = 0}, start);
    EXPECT_EQ(gate.ask(v4(172, 16, 0, 1), start), let_in);
    EXPECT_EQ(gate.ask(v4(8, 8, 8, 8), start), max_per_address);
}

TEST(Admission, LetsInSoManyPerSecond)
{
    admission gate({.accept_rate = 3, .accept_burst = 1});
    EXPECT_EQ(gate.ask(office, start), let_in);
    EXPECT_EQ(gate.ask(office, start), accept_rate);
    const time_point next = gate.when_next(start);
    EXPECT_EQ(next, start + duration(1s) / 3 + duration(1));
    EXPECT_EQ(gate.ask(office, next - duration(1)), accept_rate);
    EXPECT_EQ(gate.ask(office, next), let_in);
}

TEST(Admission, AllowsASecondsWorthAtOnceUnlessItIsToldHowMany)
{
    admission gate({.accept_rate = 20});
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(gate.ask(office, start), let_in);
    }
    EXPECT_EQ(gate.ask(office, start), accept_rate);
}

// Else a single address could use up the rate of all the others.
TEST(Admission, WhoIsNotLetInCostsNothingOfTheRate)
{
    admission gate({.max_connections = 3, .max_per_address = 1, .accept_rate = 2});
    EXPECT_EQ(gate.ask(office, start), let_in);
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(gate.ask(office, start), max_per_address);
    }
    EXPECT_EQ(gate.ask(neighbour, start), let_in);
    EXPECT_EQ(gate.ask(nobody, start), accept_rate);
    EXPECT_EQ(gate.ask(nobody, start + 500ms), let_in);
    EXPECT_EQ(gate.ask(nobody, start + 1s), max_connections);
    EXPECT_EQ(gate.when_next(start + 1s), end_of_time) << "a token does not help";
    gate.leave(nobody);
    EXPECT_EQ(gate.ask(nobody, start + 1s), let_in);
}

TEST(Admission, AboveALowerLimitNobodyComesInUntilTheyAreFewer)
{
    admission gate;
    for (int i = 0; i < 5; ++i) {
        gate.ask(office, start);
    }
    gate.set_limits({.max_connections = 3}, start);
    EXPECT_EQ(gate.connections(), 5U);
    EXPECT_EQ(gate.when_next(start), end_of_time);
    gate.leave(office);
    gate.leave(office);
    EXPECT_EQ(gate.ask(neighbour, start), max_connections);
    gate.leave(office);
    EXPECT_EQ(gate.ask(neighbour, start), let_in);
    EXPECT_EQ(gate.ask(neighbour, start), max_connections);
    gate.set_limits({.max_connections = 4, .max_per_address = 2}, start);
    EXPECT_EQ(gate.ask(office, start), max_per_address);
    EXPECT_EQ(gate.ask(neighbour, start), let_in);
}

TEST(Admission, ChangesTheRate)
{
    admission gate;
    gate.set_limits({.accept_rate = 2, .accept_burst = 1}, start);
    EXPECT_EQ(gate.limits().accept_rate, 2U);
    EXPECT_EQ(gate.ask(office, start), let_in);
    EXPECT_EQ(gate.when_next(start), start + 500ms);
    gate.set_limits({.accept_rate = 10, .accept_burst = 1}, start + 250ms);
    EXPECT_EQ(gate.when_next(start + 250ms), start + 300ms) << "half of one was there";
    gate.set_limits({}, start + 250ms);
    EXPECT_EQ(gate.when_next(start + 250ms), start + 250ms);
}

TEST(Admission, ZeroLetsNobodyIn)
{
    EXPECT_EQ(admission({.max_connections = 0}).ask(office, start), max_connections);
    EXPECT_EQ(admission({.max_per_address = 0}).ask(office, start), max_per_address);
    admission gate({.accept_rate = 0});
    EXPECT_EQ(gate.ask(office, start), accept_rate);
    EXPECT_EQ(gate.when_next(start), end_of_time);
}

TEST(Admission, RemembersOnlyAddressesThatAreThere)
{
    admission gate({.max_connections = 100, .max_per_address = 1});
    for (unsigned i = 0; i < 10'000; ++i) {
        gate.ask(v6({0x2001, i}, 1), start);
    }
    EXPECT_EQ(gate.addresses(), 100U);
    for (unsigned i = 0; i < 100; ++i) {
        gate.leave(v6({0x2001, i}, 1));
    }
    EXPECT_EQ(gate.addresses(), 0U);
    EXPECT_EQ(gate.connections(), 0U);
}

TEST(Admission, AllocatesForTheFirstOfAnAddressOnly)
{
    admission gate({.max_per_address = 3, .accept_rate = 10});
    gate.ask(office, start);
    const std::size_t before = allocations();
    gate.ask(office, start);
    gate.ask(office, start);
    gate.ask(office, start);
    gate.ask(nobody, start);
    gate.leave(office);
    gate.leave(office);
    EXPECT_EQ(allocations(), before);
    gate.ask(neighbour, start);
    EXPECT_EQ(allocations(), before + 1);
}

TEST(Admission, CountsRightWhenThereIsNoMemory)
{
    admission gate({.max_connections = 2, .max_per_address = 1, .accept_rate = 2});
    {
        const failing_allocation failing(0);
        EXPECT_THROW(gate.ask(office, start), std::bad_alloc);
    }
    EXPECT_EQ(gate.connections(), 0U);
    EXPECT_EQ(gate.addresses(), 0U);
    EXPECT_EQ(gate.ask(office, start), let_in);
    EXPECT_EQ(gate.ask(neighbour, start), let_in) << "it has cost nothing of the rate, either";
}

TEST(Admission, CountsOneAnewWhoTurnsOutToBeSomebodyElse)
{
    admission gate({.max_connections = 3, .max_per_address = 1});
    EXPECT_EQ(gate.ask(nobody, start), let_in);
    EXPECT_EQ(gate.ask(nobody, start), let_in);
    EXPECT_EQ(gate.addresses(), 0U);
    EXPECT_EQ(gate.recount(nobody, office), let_in);
    EXPECT_EQ(gate.recount(office, office), let_in);
    EXPECT_EQ(gate.recount(nobody, office), max_per_address);
    EXPECT_EQ(gate.ask(office, start), max_per_address);
    EXPECT_EQ(gate.connections(), 2U);
    EXPECT_EQ(gate.addresses(), 1U);
    {
        const failing_allocation failing(0);
        EXPECT_THROW((void)gate.recount(nobody, neighbour), std::bad_alloc);
    }
    EXPECT_EQ(gate.recount(office, neighbour), let_in);
    gate.leave(neighbour);
    gate.leave(nobody);
    EXPECT_EQ(gate.connections(), 0U);
    EXPECT_EQ(gate.addresses(), 0U);
}

TEST(Admission, NamesItsDecisionsLikeTheLimits)
{
    EXPECT_STREQ(name_of(let_in), "let_in");
    EXPECT_STREQ(name_of(max_connections), "max_connections");
    EXPECT_STREQ(name_of(max_per_address), "max_per_address");
    EXPECT_STREQ(name_of(accept_rate), "accept_rate");
    EXPECT_STREQ(name_of(admission::decision(99)), "unknown");
}

}  // namespace
