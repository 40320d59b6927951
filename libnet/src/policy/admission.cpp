#include <libnet/policy/admission.hpp>

#include <map>

namespace libnet {
namespace {

std::size_t burst_of(const admission_limits& limits) noexcept
{
    return limits.accept_burst.value_or(limits.accept_rate);
}

}  // namespace

/// By whole address, so that a new prefix counts those who are here already. Ordered, and not hashed: a
/// network's addresses are neighbours, and an attacker chooses addresses.
struct admission::counts : std::map<ip_address, std::size_t> {};

admission::admission(const admission_limits& limits) noexcept
    : limits_(limits), tokens_(limits.accept_rate, burst_of(limits))
{
}

admission::admission(admission&& other) noexcept = default;
admission& admission::operator=(admission&& other) noexcept = default;
admission::~admission() = default;

std::size_t admission::addresses() const noexcept
{
    return of_address_ ? of_address_->size() : 0;
}

admission::decision admission::ask(const ip_address& who, time_point now)
{
    if (!has_room_for(who)) {
        return decision::max_per_address;
    }
    if (connections_ >= limits_.max_connections) {
        return decision::max_connections;
    }
    if (limits_.accept_rate != no_limit && tokens_.when_next(now) > now) {
        return decision::accept_rate;
    }
    count(who);  // may throw: nothing has happened yet
    ++connections_;
    if (limits_.accept_rate != no_limit) {
        tokens_.take(now);
    }
    return decision::let_in;
}

admission::decision admission::recount(const ip_address& before, const ip_address& now_as)
{
    if (before == now_as) {
        return decision::let_in;
    }
    if (!has_room_for(now_as)) {
        return decision::max_per_address;
    }
    count(now_as);
    forget(before);
    return decision::let_in;
}

void admission::leave(const ip_address& who) noexcept
{
    --connections_;
    forget(who);
}

time_point admission::when_next(time_point now) const noexcept
{
    if (connections_ >= limits_.max_connections) {
        return end_of_time;
    }
    return limits_.accept_rate == no_limit ? now : tokens_.when_next(now);
}

void admission::set_limits(const admission_limits& limits, time_point now) noexcept
{
    if (limits_.accept_rate == no_limit) {
        tokens_ = token_bucket(limits.accept_rate, burst_of(limits));
    } else {
        tokens_.change(limits.accept_rate, burst_of(limits), now);
    }
    limits_ = limits;
}

bool admission::has_room_for(const ip_address& who) const noexcept
{
    if (who.empty() || limits_.max_per_address == no_limit) {
        return true;
    }
    if (!of_address_) {
        return limits_.max_per_address != 0;
    }
    const unsigned bits = who.is_v4() ? limits_.ipv4_prefix : limits_.ipv6_prefix;
    const ip_address network = who.network(bits);
    std::size_t count = 0;
    for (auto entry = of_address_->lower_bound(network);
         entry != of_address_->end() && count < limits_.max_per_address &&
         entry->first.network(bits) == network;
         ++entry) {
        count += entry->second;
    }
    return count < limits_.max_per_address;
}

void admission::count(const ip_address& who)
{
    if (who.empty()) {
        return;
    }
    if (!of_address_) {
        of_address_ = std::make_unique<counts>();
    }
    ++of_address_->try_emplace(who, 0).first->second;
}

void admission::forget(const ip_address& who) noexcept
{
    if (!of_address_) {
        return;
    }
    const auto entry = of_address_->find(who);
    if (entry != of_address_->end() && --entry->second == 0) {
        of_address_->erase(entry);
    }
}

const char* name_of(admission::decision d) noexcept
{
    switch (d) {
    case admission::decision::let_in: return "let_in";
    case admission::decision::max_per_address: return "max_per_address";
    case admission::decision::max_connections: return "max_connections";
    case admission::decision::accept_rate: return "accept_rate";
    }
    return "unknown";
}

}  // namespace libnet
